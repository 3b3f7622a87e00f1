"""The verbs that look, as `FlowManager` has them: status, events, history, statistics, verify, rebuild."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import datetime

from flowsm.clock import Clock
from flowsm.errors import ExecutionNotFound, UsageError
from flowsm.events.envelope import Recorded
from flowsm.limits import PAGE_DEFAULT_ROWS, SEQ_MAX
from flowsm.log.port_limits import Hold
from flowsm.log.sqlite import SqliteEventLog
from flowsm.machine.compile import FlowMachine
from flowsm.projections.agenda import Agenda, Left, Owner
from flowsm.projections.listing import Listed, Listing, Wanted
from flowsm.projections.queries import AttemptRow, Page, Queries, Summary
from flowsm.projections.rebuild import RebuildReport, rebuild
from flowsm.projections.verify import VerifyReport, verify
from flowsm.runtime.execution import FlowExecution, execution_of
from flowsm.runtime.loading import StateLoader
from flowsm.status import FlowStatus
from flowsm.tasks.factory import TaskFactory
from flowsm.upkeep.reading import OpenedFile, with_redactions

__all__ = ["LookingVerbs"]


class LookingVerbs:
    """None of them executes anything, or changes what is recorded."""

    tasks: TaskFactory
    _log: SqliteEventLog
    _loader: StateLoader
    _queries: Queries
    _agenda: Agenda
    _clock: Clock
    opened: list[OpenedFile]

    async def get_flow_status(self, execution_id: str) -> FlowExecution:
        """The execution as it is now, results included.

        Raises:
            ExecutionNotFound: there is no such execution.
        """
        await asyncio.sleep(0)  # what is at hand is answered without a wait: who asks in a loop holds up nobody
        return execution_of((await self._loader.load(execution_id))[0])

    async def events(self, execution_id: str, *, after: int = 0, limit: int | None = None) -> list[Recorded]:
        """The recorded events with seq > `after`, verified against the hash chain.

        Raises:
            ExecutionNotFound: there is no such execution.
            LogBroken: a stored event is not what was recorded.
            UsageError: `after` or `limit` is negative, or no seq at all.
        """
        for name, number in (("after", after), ("limit", limit)):
            if number is not None and number not in range(SEQ_MAX):
                raise UsageError(f"{name} is {number}, expected 0 to {SEQ_MAX - 1}")
        await asyncio.sleep(0)  # likewise
        found = await self._log.read(execution_id, after=after, limit=limit)
        if found:
            return found
        if await self._log.head(execution_id) is None:
            raise ExecutionNotFound(execution_id)
        return await self._log.read(execution_id, after=after, limit=limit)  # it may have come to be just now

    async def history(self, execution_id: str) -> list[AttemptRow]:
        """One row per attempt of a task, in the order of their starts.

        Raises:
            ExecutionNotFound: there is no such execution.
        """
        await self._queries.execution(execution_id)
        return await self._queries.attempts(execution_id)

    async def executions(
        self,
        *,
        status: FlowStatus | str | None = None,
        flow: str | None = None,
        since: datetime | None = None,
        limit: int = PAGE_DEFAULT_ROWS,
        cursor: str | None = None,
    ) -> Page:
        """Executions, the newest first, without the removed ones; `flow` is a flow's id or name."""
        return await self._queries.executions(status=status, flow=flow, since=since, limit=limit, cursor=cursor)

    async def listing(self, wanted: Wanted, *, offset: int = 0, limit: int = PAGE_DEFAULT_ROWS) -> Listed:
        """A window of the executions that are wanted, in their order, and how many there are of each status.

        Raises:
            UsageError: there is no such order, or an argument is out of its range.
        """
        return await Listing(self._log).window(wanted, offset, limit, self._clock.now())

    def version(self) -> int:
        """A number that is another one when anything was written to the log; it costs some microseconds."""
        return self._log.version()

    async def resolve_id(self, text: str) -> str:
        """An execution's id from its unique beginning, `@last` or `@last-failed`."""
        return await self._queries.resolve(text)

    async def machine_of(self, execution_id: str) -> FlowMachine:
        """The machine that an execution runs."""
        return (await self._loader.load(execution_id))[1]

    async def summary(self) -> Summary:
        """Counts by status, registered task types, statistics by flow and task."""
        return await self._queries.summary(self.tasks.types())

    async def owners(self, execution_ids: Iterable[str]) -> list[Owner]:
        """Which worker has each of these executions, and whether it is alive; unknown ids are left out."""
        return [] if self.opened else await self._agenda.owners(execution_ids)

    async def holds(self, execution_ids: Iterable[str]) -> list[Hold]:
        """What limit holds these executions back now; those that none does, and unknown ids, are left out."""
        return await self._agenda.holds(execution_ids)

    async def left(self) -> Left:
        """How many executions are due and nobody's now, and how many wait for a later moment."""
        return await self._agenda.left()

    async def rebuild(self) -> RebuildReport:
        """Make status, attempts and statistics once more from the log, while work goes on.

        Raises:
            RebuildSuperseded: another rebuild was begun meanwhile.
        """
        return await rebuild(self._log)

    async def verify(self, execution_id: str | None = None) -> VerifyReport:
        """Check the log, or one execution: the chain is whole, every event legal, the stored rows follow from it.

        Raises:
            ExecutionNotFound: there is no such execution.
        """
        parts = {part for file in self.opened for part in file.parts}
        return with_redactions(await verify(self._log, execution_id, unlisted=parts), self.opened)
