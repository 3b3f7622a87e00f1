"""Reading a log a little at a time, so that everything else has its turn."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from typing import Any, Final

from flowsm.events.envelope import Recorded
from flowsm.events.system import LogImported, LogPurged, StreamHead
from flowsm.ids import SYSTEM_STREAM
from flowsm.limits import REFOLD_PAGE_STREAMS
from flowsm.log.port import LogView, RowStore
from flowsm.storage.statements import load_statements

__all__ = ["SQL", "Purged", "heads", "pages"]

SQL: Final = load_statements("flowsm.upkeep", "sql", "upkeep.sql")


async def pages(
    store: RowStore, statement: str, parameters: dict[str, Any], *, after: Any
) -> AsyncIterator[list[tuple[Any, ...]]]:
    """The rows of a statement that begins after `:after`, its first column, and gives `:limit` rows."""

    def page(view: LogView, *, after: Any) -> list[tuple[Any, ...]]:
        return view.execute(SQL[statement], {**parameters, "after": after, "limit": REFOLD_PAGE_STREAMS})

    while found := await store.look(partial(page, after=after)):
        after = found[-1][0]
        yield found


async def heads(store: RowStore) -> AsyncIterator[list[StreamHead]]:
    """The heads of all streams, page by page, in the order of their creation."""
    async for found in pages(store, "heads", {}, after=0):
        yield [StreamHead(*head) for _, *head in found]


class Purged:
    """Which streams were purged from a log and did not come back, as its own stream says."""

    def __init__(self) -> None:
        self.seq = 0
        self._purged: dict[str, tuple[StreamHead, str]] = {}

    async def read(self, store: RowStore) -> None:
        """Read on to the end of the log's own stream."""
        while await store.look(self.read_on):
            pass

    def read_on(self, view: LogView) -> bool:
        """Read a few events on; False when there were none."""
        events: list[Recorded] = view.read(SYSTEM_STREAM, after=self.seq, limit=20)
        for event in events:
            self.seq = event.seq
            fact = event.fact
            if isinstance(fact, LogPurged):
                self._purged |= {head.stream: (head, fact.archive) for head in fact.streams}
            elif isinstance(fact, LogImported):
                for head in fact.streams:
                    self._purged.pop(head.stream, None)
        return bool(events)

    def head(self, stream: str) -> StreamHead | None:
        """Where the stream ended when it was purged; None if it was not."""
        found = self._purged.get(stream)
        return None if found is None else found[0]

    def archive(self, stream: str) -> str:
        """The name of the archive that it went to."""
        return self._purged[stream][1]
