"""The verbs that replay, as `FlowManager` has them: any state that was, the timeline, what changed, and why."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

from flowsm.clock import Clock, timestamp
from flowsm.errors import ExecutionNotFound
from flowsm.log.sqlite import SqliteEventLog
from flowsm.machine.compile import FlowMachine
from flowsm.machine.state import ExecutionState
from flowsm.projections.agenda import Agenda
from flowsm.replay.difference import Change, Comparison, between, compare
from flowsm.replay.explain import Explanation, explain
from flowsm.replay.history import History
from flowsm.replay.pages import EventPages
from flowsm.replay.timeline import Entry, timeline
from flowsm.replay.waiting import Surroundings
from flowsm.runtime.loading import StateLoader
from flowsm.upkeep.reading import OpenedFile

__all__ = ["ReplayVerbs"]


class ReplayVerbs:
    """None of them executes anything, or changes what is recorded."""

    _log: SqliteEventLog
    _loader: StateLoader
    _agenda: Agenda
    _clock: Clock
    opened: list[OpenedFile]

    async def replay(self, execution_id: str) -> History:
        """All that is recorded of an execution, with its machine.

        Raises:
            ExecutionNotFound: there is no such execution.
            LogBroken: a stored event is not what was recorded.
        """
        state, _ = await self._loader.load(execution_id)
        history = History(self._machine_here, await self._log.read(execution_id, inflated=True), execution_id)
        history.keep(state)
        return history

    async def browse(self, execution_id: str) -> History:
        """The same, of which only what is looked at is read, page by page, on the loop that this was called on.

        Raises:
            ExecutionNotFound: there is no such execution.
            LogBroken: a stored event is not what was recorded; of others it is raised when they are looked at.
        """
        head, known = await self._loader.opened(execution_id)
        pages = EventPages(execution_id, partial(self._log.read_here, execution_id), head.seq, head.digest)
        history = History(self._machine_here, pages, execution_id)
        if known is not None:
            history.keep(known)
        return history

    async def refresh(self, history: History) -> int:
        """Let a history that `browse` gave see what was recorded since; gives the seq of its last event.

        Raises:
            ExecutionNotFound: it was purged; another execution may have its id.
        """
        pages = history.events
        if isinstance(pages, EventPages):
            head = await self._log.head(history.stream)
            if head is None or not await self._loader.continues(head, len(pages), pages.digest):
                raise ExecutionNotFound(history.stream)
            pages.grow(head.seq, head.digest)
        return history.last

    async def state_at(self, execution_id: str, seq: int) -> ExecutionState:
        """The whole state after the event with this seq; 0 is before the first.

        Raises:
            UsageError: there is no such event; else as `replay`.
        """
        return (await self.replay(execution_id)).state_at(seq)

    async def timeline(self, execution_id: str) -> list[Entry]:
        """The events in groups, an attempt being one, in the order in which they began; errors as those of `replay`."""
        return timeline((await self.replay(execution_id)).steps())

    async def diff(self, execution_id: str, first: int, second: int) -> list[Change]:
        """What changed from the state after one event to that after another.

        Raises:
            UsageError: there is no such event; else as `replay`.
        """
        history = await self.replay(execution_id)
        return between(history.state_at(first), history.state_at(second))

    async def compare(self, first: str, second: str) -> Comparison:
        """Where the routes of two executions of one flow part, and which of their results differ.

        Raises:
            UsageError: they are executions of different flows; else as `replay`.
        """
        return compare(await self.replay(first), await self.replay(second))

    async def explain(
        self, execution_id: str, seq: int | None = None, *, task_types: Collection[str] | None = None
    ) -> Explanation:
        """Why an execution went where it went, what failed, and what it waits for, after an event, by default the last.

        `task_types` are those that there is code for, if that is to be looked at.

        Raises:
            UsageError: there is no such event; else as `replay`.
        """
        history = await self.replay(execution_id)
        around = None if self.opened else await self._surroundings(history, task_types)  # a file does not know them
        return explain(history, seq, around)

    def _machine_here(self, digest: str) -> FlowMachine:
        """The machine of a stored flow, for a history that is looked at on this loop."""
        return self._loader.machine_here(digest, self._log.definition_here)

    async def _surroundings(self, history: History, task_types: Collection[str] | None) -> Surroundings:
        owner = next(iter(await self._agenda.owners([history.stream])), None)
        waiting = history.state_at(history.last).attempt
        child = waiting.waiting.child if waiting is not None and waiting.waiting is not None else None
        seen = owner.seen_at if owner is not None else None
        return Surroundings(
            now=timestamp(self._clock.now()),
            task_types=task_types,
            owner=owner.worker if owner is not None else "",
            owner_alive=owner is not None and owner.alive,
            owner_seen=timestamp(seen) if seen is not None else None,
            child_status=await self._status_of(child),
        )

    async def _status_of(self, child: str | None) -> str | None:
        if child is None:
            return None
        try:
            return (await self._loader.load(child))[0].status.value
        except ExecutionNotFound:
            return "not created yet"
