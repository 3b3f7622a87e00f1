"""A sequence of events that is read page by page."""

from __future__ import annotations

import pytest

from flowsm.errors import LogBroken
from flowsm.events.envelope import Recorded
from flowsm.events.facts import ExecutionResumed
from flowsm.replay import pages
from flowsm.replay.pages import EventPages


def event(seq: int) -> Recorded:
    return Recorded(
        position=seq,
        stream="x",
        seq=seq,
        at="",
        type="execution.resumed",
        version=1,
        fact=ExecutionResumed(),
        digest="",
    )


class Store:
    """Events that are there, and what was asked for."""

    def __init__(self, last: int) -> None:
        self.last = last
        self.asked: list[tuple[int, int]] = []

    def read(self, after: int, limit: int) -> list[Recorded]:
        self.asked.append((after, limit))
        return [event(seq) for seq in range(after + 1, min(after + limit, self.last) + 1)]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "READ_PAGE_EVENTS", 4)
    monkeypatch.setattr(pages, "_PAGES_KEPT", 2)


def test_a_page_is_read_once_while_it_is_in_use() -> None:
    """Only the pages that are looked at are read, and the one that was looked at longest ago goes first."""
    store = Store(10)
    events = EventPages("x", store.read, 10, "d")
    assert (len(events), store.asked) == (10, [])
    assert [events[place].seq for place in (9, 8, 0, 1, 9)] == [10, 9, 1, 2, 10]
    assert store.asked == [(8, 2), (0, 4)]
    assert events[4].seq == 5, "the page of 1 to 4 goes"
    assert events[-1].seq == 10
    assert events[0].seq == 1
    assert store.asked == [(8, 2), (0, 4), (4, 4), (0, 4)]


def test_it_is_a_sequence() -> None:
    """It is gone through, sliced and searched as a list is; beyond its ends there is nothing."""
    events = EventPages("x", Store(10).read, 10, "d")
    whole = [event(seq) for seq in range(1, 11)]
    assert list(events) == whole
    assert events[2:7] == whole[2:7]
    assert events[::-3] == whole[::-3]
    for place in (10, -11):
        with pytest.raises(IndexError):
            events[place]


def test_it_grows() -> None:
    """What was recorded since is read once it is known of, the page that was not full too; it never gets shorter."""
    store = Store(6)
    events = EventPages("x", store.read, 6, "d")
    assert events[5].seq == 6
    store.last = 9
    events.grow(9, "e")
    events.grow(2, "f")
    assert [one.seq for one in events] == list(range(1, 10))


def test_events_that_are_gone_are_told() -> None:
    """A stream that was purged meanwhile is no shorter one: the first event that is missing is named."""
    events = EventPages("x", Store(5).read, 10, "d")
    assert events[3].seq == 4
    with pytest.raises(LogBroken, match=r"seq 6\b.*: the event was there, and is gone"):
        events[7]
