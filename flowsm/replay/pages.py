"""A stream's events, read page by page where they are looked at."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final, overload

from flowsm.errors import LogBroken
from flowsm.events.envelope import Recorded
from flowsm.limits import READ_PAGE_EVENTS

__all__ = ["EventPages"]

_PAGES_KEPT: Final = 64


class EventPages(Sequence[Recorded]):
    """The events of one stream, of which only the pages looked at last are in memory.

    Args:
        stream: which.
        read: gives the events with seq > its first argument, at most as many as its second.
        last: the seq of the last event.
        digest: that of the last event.
    """

    def __init__(self, stream: str, read: Callable[[int, int], list[Recorded]], last: int, digest: str) -> None:
        self._stream = stream
        self._read = read
        self._last = last
        self.digest = digest
        self._pages: OrderedDict[int, list[Recorded]] = OrderedDict()

    def grow(self, last: int, digest: str) -> None:
        """Events were recorded meanwhile: this is the seq of the last one now, never less than it was, and its digest."""
        if last <= self._last:
            return
        self._pages.pop(self._last // READ_PAGE_EVENTS, None)
        self._last, self.digest = last, digest

    def __len__(self) -> int:
        return self._last

    @overload
    def __getitem__(self, index: int) -> Recorded: ...

    @overload
    def __getitem__(self, index: slice) -> list[Recorded]: ...

    def __getitem__(self, index: int | slice) -> Recorded | list[Recorded]:
        """An event by its place, which is its seq less one.

        Raises:
            IndexError: there is none.
            LogBroken: a stored event is not what was recorded, or is gone.
        """
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(self._last))]
        place = index + self._last if index < 0 else index
        if not 0 <= place < self._last:
            raise IndexError(index)
        number, within = divmod(place, READ_PAGE_EVENTS)
        page = self._pages.get(number)
        if page is None:
            page = self._load(number)
        else:
            self._pages.move_to_end(number)
        return page[within]

    def _load(self, number: int) -> list[Recorded]:
        first = number * READ_PAGE_EVENTS
        wanted = min(READ_PAGE_EVENTS, self._last - first)
        page = self._read(first, wanted)
        if len(page) < wanted:  # purged since it was opened
            raise LogBroken(self._stream, first + len(page) + 1, "the event was there, and is gone")
        self._pages[number] = page
        if len(self._pages) > _PAGES_KEPT:
            self._pages.popitem(last=False)
        return page
