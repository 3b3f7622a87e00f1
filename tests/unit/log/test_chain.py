"""The digest of an event seals each part of it."""

from __future__ import annotations

import hashlib

import pytest

from flowsm.log.chain import GENESIS, event_digest, event_rows

BASE = {"previous": GENESIS, "stream": "a", "seq": 1, "at": "2026", "event": ("t", 1, b"{}")}


def test_the_framing_is_a_promise():
    """The digest is SHA-256 over a framing that never changes: stored logs are verified by it."""
    framed = GENESIS.encode() + b"\n1\n1\n1:a\n1:t\n4:2026\n{}"
    assert event_digest(**BASE) == hashlib.sha256(framed).hexdigest()


@pytest.mark.parametrize(
    "change",
    [
        {"previous": "1" * 64},
        {"stream": "b"},
        {"seq": 2},
        {"at": "2027"},
        {"event": ("u", 1, b"{}")},
        {"event": ("t", 2, b"{}")},
        {"event": ("t", 1, b"{ }")},
    ],
)
def test_each_part_counts(change):
    """A change of any part is a change of the digest."""
    assert event_digest(**BASE | change) != event_digest(**BASE)


def test_parts_cannot_flow_into_each_other():
    """Names that look like the framing do not make two events alike."""
    one = event_digest(GENESIS, "a\n1:t", 1, "x", ("t", 1, b"{}"))
    two = event_digest(GENESIS, "a", 1, "x", ("t\n1:t", 1, b"{}"))
    three = event_digest(GENESIS, "a", 1, "x\n{", ("t", 1, b"}"))
    four = event_digest(GENESIS, "a", 1, "x", ("t", 1, b"{\n}"))
    assert len({one, two, three, four}) == 4


def test_a_batch_is_chained_as_its_events_are():
    """The digests of several events are those that each would get on its own; places go on from the head's."""
    events = [("t", 1, b"1"), ("u", 2, b"2"), ("v", 3, b"3")]
    rows = event_rows(7, "a", 4, "2026", GENESIS, events)
    before = GENESIS
    for place, (row, event) in enumerate(zip(rows, events, strict=True), 1):
        digest = event_digest(before, "a", 4 + place, "2026", event)
        type_, version, data = event
        assert row == (7 + place, "a", 4 + place, type_, version, "2026", data.decode(), digest)
        before = digest
