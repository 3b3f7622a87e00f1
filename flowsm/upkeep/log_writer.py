"""From a log to an archive, or an export: one execution after the other, each whole."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

from flowsm.errors import DefinitionNotFound, LogBroken
from flowsm.events.envelope import Recorded
from flowsm.events.facts import ExecutionCreated, ExecutionForked, WaitStarted
from flowsm.limits import READ_PAGE_EVENTS
from flowsm.log.port import Head, LogView, RowStore
from flowsm.machine.evolve import pinned
from flowsm.upkeep.archive_file import ArchiveWriter
from flowsm.upkeep.shared import Written, written

__all__ = ["LogWriter"]


class LogWriter:
    """Writes executions of a log to an archive, with the flows and payloads that they need, each of these once."""

    def __init__(self, log: RowStore, file: ArchiveWriter) -> None:
        self.file = file
        self.children: set[str] = set()
        """The executions that those that were written wait, or waited, for."""
        self._log = log
        self._flows: set[str] = set()
        self._payloads: set[str] = set()
        self._written: dict[str, int] = {}

    async def add(self, stream: str, *, part: bool = False) -> None:
        """Write one execution, after what it shares with others; nothing of it is written when an event of it is broken.

        With `part` only that which forks share of it.

        Raises:
            LogBroken: an event is broken, or it was forked off what was written too early.
        """
        to_write, first = await self._log.look(partial(self._first, stream=stream, part=part))
        origin = to_write.origin
        if origin is not None and origin.parent not in self._written:
            await self.add(origin.parent, part=True)
        if origin is not None and origin.seq > self._written[origin.parent]:
            raise LogBroken(stream, origin.seq, f"it was forked off {origin.parent} while that was written: try again")
        head = to_write.head
        place = to_write.first + len(first)
        while place < head.seq:  # a long one is checked before the first line of it is written
            page = await self._log.look(partial(self._page, head=head, after=place))
            place += len(page)
        await asyncio.to_thread(self.file.stream, to_write)
        await asyncio.to_thread(self._put, first)
        place = to_write.first + len(first)
        while place < head.seq:
            page = await self._log.look(partial(self._page, head=head, after=place))
            await asyncio.to_thread(self._put, page)
            place += len(page)
        self._written[stream] = to_write.forked

    def _put(self, page: Sequence[tuple[Recorded, bytes]]) -> None:
        for event, data in page:
            if isinstance(event.fact, WaitStarted) and event.fact.child is not None:
                self.children.add(event.fact.child)
            self.file.event(event, data)

    def _first(self, view: LogView, *, stream: str, part: bool) -> tuple[Written, list[tuple[Recorded, bytes]]]:
        to_write = written(view, stream, part=part)
        if to_write is None:
            raise LogBroken(stream, 0, "it has a row, but no events")
        page = self._page(view, head=to_write.head, after=to_write.first)
        begin = ExecutionCreated if to_write.origin is None else ExecutionForked
        event = page[0][0]
        if not isinstance(event.fact, begin):
            raise LogBroken(stream, event.seq, f"begins with {event.type}, not with {begin.TYPE}")
        return to_write, page

    def _page(self, view: LogView, *, head: Head, after: int) -> list[tuple[Recorded, bytes]]:
        """The next events; the flows and payloads that they need are written at once: an archive has them before a stream."""
        page = view.read_stored(head.stream, after=after, limit=min(READ_PAGE_EVENTS, head.seq - after))
        for event, _ in page:
            for reference in getattr(event.fact, "stored", {}).values():
                if reference.digest not in self._payloads:
                    self.file.payload(reference.digest, view.payload(event, reference.digest))
                    self._payloads.add(reference.digest)
        for event, _ in page:
            self._put_flow(view, event)
        return page

    def _put_flow(self, view: LogView, event: Recorded) -> None:
        """Write the flow that the execution runs from this event on."""
        digest = pinned(event.fact)
        if digest is None or digest in self._flows:
            return
        try:
            self.file.flow(digest, view.definition(digest))
        except DefinitionNotFound as error:
            raise LogBroken(event.stream, event.seq, str(error)) from error
        self._flows.add(digest)
