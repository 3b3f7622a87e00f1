"""Whose an idempotency key is, and where two contents part."""

from __future__ import annotations

import pytest

from flowsm.errors import Conflict, StartConflict, StartedBefore
from flowsm.events.fact import CREATED_PAUSED
from flowsm.events.facts import ExecutionPaused, PayloadRef
from flowsm.log.starts import Taken, begun_by, first_difference, judged, start_of
from flowsm.testing.log_contract import AT, created, started

REFUSED = Conflict("x", 0, 1)


@pytest.mark.parametrize(
    ("left", "right", "pointer"),
    [
        ({"a": 1, "b": [1, {"c": 2}]}, {"b": [1.0, {"c": 2}], "a": 1}, None),
        (1, 2, ""),
        (1, True, ""),
        (None, False, ""),
        ({"a": 1}, [1], ""),
        ({"b": 1, "a": 1}, {"b": 2, "a": 2}, "/a"),
        ({"a": 1}, {"a": 1, "b": None}, "/b"),
        ({"a/b": {"~": 1}}, {"a/b": {"~": 2}}, "/a~1b/~0"),
        ([1, [2, 3]], [1, [2, 4]], "/1/1"),
        ([1, 2], [1], "/1"),
    ],
)
def test_the_first_difference(left, right, pointer):
    """The first place where two values differ, by the order of keys, as a JSON Pointer."""
    assert first_difference(left, right) == first_difference(right, left) == pointer


def test_only_a_creation_with_a_key_claims_one():
    """Batches without facts, with others, or without a key claim none."""
    assert start_of((), AT) is None
    assert start_of((started(),), AT) is None
    assert start_of((created(),), AT) is None
    assert start_of((created(idempotency_key="k"), started()), AT).key == "k"


def test_the_digest_of_the_input_is_that_of_its_value():
    """The order of keys and the way a whole number is written do not matter, all else does."""

    def digest(value):
        return start_of((created(idempotency_key="k", input=value),), AT).input_digest

    assert digest({"a": 1, "b": [2.0]}) == digest({"b": [2], "a": 1.0})
    assert len({digest(value) for value in (None, 0, False, "0", [0], {"a": 0}, 0.5, 2.0**60, {})}) == 9
    assert digest(1e300)


@pytest.mark.parametrize(
    ("fields", "stored", "words"),
    [
        ({"digest": "e" * 64}, created(input={"a": [1]}), "its flow has the digest dddddddddddd, not eeeeeeeeeeee"),
        ({"input": {"a": [2]}}, created(input={"a": [1]}), "its input differs from the one given at /a/0"),
        ({"input": 1}, created(input={"a": [1]}), "its input is not the one given"),
        ({"input": 1}, None, "its input has the digest"),
        ({"input": 1}, created(stored={"input": PayloadRef(digest="p", size=1)}), "its input has the digest"),
    ],
)
def test_other_content_is_a_conflict_that_says_what_differs(fields, stored, words):
    """The flow's digests, or the place in the input, or the inputs' digests where the recorded one is not at hand."""
    first = start_of((created(idempotency_key="k", input={"a": [1]}),), AT)
    taken = Taken("x", first.created.digest, first.input_digest)
    again = start_of((created(**{"idempotency_key": "k", "input": {"a": [1]}} | fields),), AT)
    refused = judged(again, taken, None if stored is None else begun_by((stored,), AT), REFUSED)
    assert isinstance(refused, StartConflict)
    assert (refused.key, refused.execution_id) == ("k", "x")
    assert words in refused.difference


def test_the_same_start_is_known():
    """The key comes before a taken id; a free key leaves the refusal as it is."""
    start = start_of((created(idempotency_key="k"),), AT)
    refused = judged(start, Taken("x", start.created.digest, start.input_digest), None, REFUSED)
    assert isinstance(refused, StartedBefore)
    assert (refused.key, refused.execution_id) == ("k", "x")
    gone = judged(start, Taken("x", start.created.digest, start.input_digest), None, None, left=True)
    assert isinstance(gone, StartConflict)
    assert judged(start, None, None, REFUSED) is REFUSED
    assert judged(start, None, None, None) is None


PAUSED = ExecutionPaused(reason=CREATED_PAUSED)
SOON, LATER = AT.replace("20", "98", 1), AT.replace("20", "99", 1)


def beginning(*after, **fields):
    return start_of((created(idempotency_key="k", **fields), *after), AT)


@pytest.mark.parametrize(
    ("first", "again", "words"),
    [
        (beginning(), beginning(PAUSED), "it was not started paused, as the one given"),
        (beginning(PAUSED), beginning(), "it was started paused, unlike the one given"),
        (beginning(), beginning(start_at=LATER), f"it had no start_at to come, and the one given has {LATER}"),
        (beginning(start_at=SOON), beginning(), f"it had the start_at {SOON}, and the one given has none"),
        (beginning(start_at=SOON), beginning(start_at=LATER), f"the start_at {SOON}, and the one given has {LATER}"),
        (beginning(PAUSED, start_at=AT), beginning(PAUSED), ""),
        (beginning(start_at=AT), beginning(), ""),
        (beginning(start_at=SOON), beginning(start_at=SOON), ""),
        (beginning(ExecutionPaused(reason="by somebody")), beginning(), ""),
        (beginning(), beginning(start_at="1999-01-01T00:00:00.000000Z"), ""),
    ],
)
def test_another_beginning_is_a_conflict_that_says_what_differs(first, again, words):
    """Paused or not, and when: a moment that has come is at once; a pause that came later is no part of a start."""
    refused = judged(again, Taken("x", first.created.digest, first.input_digest), first.begun, REFUSED)
    assert isinstance(refused, StartConflict if words else StartedBefore)
    assert words in getattr(refused, "difference", "")
    assert bool(words) == isinstance(refused, StartConflict)


def test_a_moment_that_was_to_come_is_the_same_when_it_has_come():
    """Who asks again with the same words, later, asks for the same."""
    first = beginning(start_at=SOON)
    again = start_of((created(idempotency_key="k", start_at=SOON),), LATER)
    taken = Taken("x", first.created.digest, first.input_digest)
    assert isinstance(judged(again, taken, first.begun, None), StartedBefore)
