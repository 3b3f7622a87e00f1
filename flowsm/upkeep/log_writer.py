"""From a log to an archive, or an export: one execution after the other, each whole."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

from flowsm.errors import DefinitionNotFound, LogBroken
from flowsm.events.envelope import Recorded
from flowsm.events.facts import ExecutionCreated, WaitStarted
from flowsm.events.system import StreamHead
from flowsm.limits import READ_PAGE_EVENTS
from flowsm.log.port import Head, LogView, RowStore
from flowsm.machine.evolve import pinned
from flowsm.upkeep.archive_file import ArchiveWriter

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

    async def add(self, stream: str) -> None:
        """Write one execution; nothing of it is written when an event of it is broken.

        Raises:
            LogBroken: one is.
        """
        head, first = await self._log.look(partial(self._first, stream=stream))
        count = len(first)
        while count < head.seq:  # a long one is checked before the first line of it is written
            page = await self._log.look(partial(self._page, head=head, after=count))
            count += len(page)
        await asyncio.to_thread(self.file.stream, StreamHead(stream, head.seq, head.digest), head.epoch)
        await asyncio.to_thread(self._put, first)
        count = len(first)
        while count < head.seq:
            page = await self._log.look(partial(self._page, head=head, after=count))
            await asyncio.to_thread(self._put, page)
            count += len(page)

    def _put(self, page: Sequence[tuple[Recorded, bytes]]) -> None:
        for event, data in page:
            if isinstance(event.fact, WaitStarted) and event.fact.child is not None:
                self.children.add(event.fact.child)
            self.file.event(event, data)

    def _first(self, view: LogView, *, stream: str) -> tuple[Head, list[tuple[Recorded, bytes]]]:
        head = view.head(stream)
        if head is None:
            raise LogBroken(stream, 0, "it has a row, but no events")
        page = self._page(view, head=head, after=0)
        fact = page[0][0].fact
        if not isinstance(fact, ExecutionCreated):
            raise LogBroken(stream, 1, f"begins with {fact.TYPE}, not with {ExecutionCreated.TYPE}")
        return head, page

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
