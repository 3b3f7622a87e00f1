"""The verbs that rehearse, as `FlowManager` has them: another version of a flow, and its coverage."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Iterable
from datetime import datetime
from functools import partial
from typing import Final

from flowsm.definition.load import Source, load_flow
from flowsm.definition.model import FlowConfig
from flowsm.errors import LogBroken
from flowsm.events.codec import inflate
from flowsm.events.envelope import Recorded
from flowsm.limits import REFOLD_PAGE_EVENTS, REHEARSAL_PAGE_EXECUTIONS
from flowsm.log.port import LogView
from flowsm.log.sqlite import SqliteEventLog
from flowsm.machine.evolve import pinned
from flowsm.projections.queries import ExecutionRow, Queries
from flowsm.replay.coverage import CoverageCount
from flowsm.replay.recording import Recording
from flowsm.replay.rehearse import Rehearsal, Stage
from flowsm.replay.whatif import Counting, WhatIf, changed_tasks
from flowsm.runtime.loading import StateLoader

__all__ = ["RehearsingVerbs"]

_Read = tuple[str, list[Recorded], bool, LogBroken | None]
"""Events of one execution, whether they are its last, and why it cannot be read on."""

_DIGESTS_KNOWN_MAX: Final = 1_000


class RehearsingVerbs:
    """None of them executes anything, or changes what is recorded. Removed executions are left out."""

    _log: SqliteEventLog
    _loader: StateLoader
    _queries: Queries

    async def rehearse(
        self, flow: FlowConfig | Source, *, flow_id: str | None = None, since: datetime | None = None
    ) -> AsyncIterator[Rehearsal | LogBroken]:
        """What would have become of each recorded history with this version of the flow, the newest first.

        Args:
            flow: the version.
            flow_id: whose executions are rehearsed, by the flow's id or name; by default the version's own id.
            since: only those created then (aware) or later.

        Raises:
            DocumentInvalid: the version has errors.
        """
        stage = Stage(load_flow(flow))
        async for found in self._recordings(flow_id or stage.flow.id, since):
            yield found if isinstance(found, LogBroken) else stage.rehearse(found)

    async def whatif(
        self, flow: FlowConfig | Source, *, flow_id: str | None = None, since: datetime | None = None
    ) -> WhatIf:
        """How many recorded histories take the same path with this version, and where the others part; see `rehearse`."""
        parsed = load_flow(flow)
        counting = Counting(flow_id or parsed.id, self._loader.prepare(parsed).digest)
        compared: set[str] = set()
        async for found in self.rehearse(parsed, flow_id=flow_id, since=since):
            if isinstance(found, LogBroken):
                counting.unreadable(found.stream)
                continue
            counting.add(found)
            if found.digest not in compared and len(compared) < _DIGESTS_KNOWN_MAX:
                compared.add(found.digest)
                counting.tasks_changed(changed_tasks((await self._loader.machine(found.digest)).flow, parsed))
        return counting.report()

    async def coverage(
        self, flow: str | None = None, *, digest: str | None = None, every_version: bool = False
    ) -> list[CoverageCount]:
        """How often each transition was taken in all executions of a version; by default of each flow's newest.

        Args:
            flow: only this flow, by its id or name.
            digest: only this version, by the beginning of its digest.
            every_version: all of them, the newest first.

        Raises:
            LogBroken: an execution is not what was recorded.
        """
        counts: dict[str, CoverageCount] = {}
        newest: dict[str, str] = {}
        async for rows in self._pages(flow, None):
            for row in rows:
                newest.setdefault(row.flow_id, row.flow_digest)
                await self._of_version(row.flow_digest, counts)
            present: dict[str, CoverageCount] = {}
            # one of another version may have had this one before it was upgraded, so all of them are read
            async for stream, events, _, broken in self._read([row.execution_id for row in rows], inflated=False):
                if broken is not None:
                    raise broken
                for event in events:
                    digest_now = pinned(event.fact)
                    if digest_now is not None:
                        present[stream] = await self._of_version(digest_now, counts)
                    if event.stream == stream:  # what a fork shares was taken once, by the other one
                        present[stream].take(event)
        wanted = set(newest.values())
        return [
            count
            for known, count in counts.items()
            if (known.startswith(digest) if digest is not None else every_version or known in wanted)
        ]

    async def _of_version(self, digest: str, counts: dict[str, CoverageCount]) -> CoverageCount:
        if digest not in counts:
            counts[digest] = CoverageCount(await self._loader.machine(digest), digest)
        return counts[digest]

    # -- reading -----------------------------------------------------------------------------

    async def _recordings(self, flow: str, since: datetime | None) -> AsyncIterator[Recording | LogBroken]:
        async for rows in self._pages(flow, since):
            recording: Recording | None = None
            async for stream, events, is_last, broken in self._read([row.execution_id for row in rows], inflated=True):
                if broken is not None:
                    recording = None
                    yield broken
                    continue
                if recording is None:
                    recording = Recording(stream)
                for event in events:
                    recording.take(event)
                if is_last:
                    if recording.seq:  # else it was purged meanwhile
                        yield recording
                    recording = None

    async def _pages(self, flow: str | None, since: datetime | None) -> AsyncIterator[list[ExecutionRow]]:
        cursor: str | None = None
        while True:
            page = await self._queries.executions(
                flow=flow, since=since, limit=REHEARSAL_PAGE_EXECUTIONS, cursor=cursor
            )
            yield page.items
            cursor = page.cursor
            if cursor is None:
                return

    async def _read(self, streams: Iterable[str], *, inflated: bool) -> AsyncIterator[_Read]:
        """The events of these executions, one after the other, some hundred at a time."""
        queue = deque((stream, 0) for stream in streams)
        while queue:
            for found in await self._log.look(partial(_some, queue, inflated=inflated)):
                yield found


def _some(queue: deque[tuple[str, int]], view: LogView, *, inflated: bool) -> list[_Read]:
    room = REFOLD_PAGE_EVENTS
    found: list[_Read] = []
    while queue and room > 0:
        stream, after = queue.popleft()
        try:
            events = view.read(stream, after=after, limit=room)
            whole = [_inflated(view, event) for event in events] if inflated else events
        except LogBroken as broken:
            shared = f", which it shares with {broken.stream}" if broken.stream != stream else ""
            found.append((stream, [], True, LogBroken(stream, broken.seq, f"{broken.reason}{shared}")))
            continue
        is_last = len(events) < room
        if not is_last:
            queue.appendleft((stream, events[-1].seq))
        found.append((stream, whole, is_last, None))
        room -= len(events) + 1
    return found


def _inflated(view: LogView, event: Recorded) -> Recorded:
    fact = inflate(event.fact, partial(view.payload, event))
    if fact is event.fact:
        return event
    return Recorded(
        position=event.position,
        stream=event.stream,
        seq=event.seq,
        at=event.at,
        type=event.type,
        version=event.version,
        fact=fact,
        digest=event.digest,
    )
