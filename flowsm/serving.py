"""The verbs that a service needs besides those of everybody, as `FlowManager` has them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from flowsm.clock import timestamp
from flowsm.errors import UsageError
from flowsm.limits import PAGE_DEFAULT_ROWS, PAGE_MAX_ROWS, WATCH_SECONDS
from flowsm.log.port import Followed
from flowsm.log.sqlite import SqliteEventLog
from flowsm.machine.compile import FlowMachine
from flowsm.machine.state import ExecutionState
from flowsm.measuring import MeasuringVerbs
from flowsm.projections.agenda import Agenda
from flowsm.projections.queries import Queries, decode_cursor, encode_cursor
from flowsm.runtime.advance import Advancer
from flowsm.runtime.execution import FlowExecution, execution_of
from flowsm.runtime.loading import StateLoader
from flowsm.status import FlowStatus

__all__ = ["DefinitionPage", "DefinitionRow", "ServingVerbs"]


class DefinitionRow(msgspec.Struct, frozen=True, kw_only=True):
    """A flow that is stored in the log: a version of it, by its digest."""

    digest: str
    flow_id: str
    name: str
    at: datetime


class DefinitionPage(msgspec.Struct, frozen=True, kw_only=True):
    """Stored flows, the newest first; `cursor` asks for what comes after them, None at the end."""

    items: list[DefinitionRow]
    cursor: str | None


class ServingVerbs(MeasuringVerbs):
    """Creating and beginning executions for others, without holding up the loop or waiting for an end."""

    _log: SqliteEventLog
    _loader: StateLoader
    _agenda: Agenda
    _queries: Queries
    _advancer: Advancer

    def _require_tasks(self, machine: FlowMachine) -> None:
        raise NotImplementedError

    @property
    def log_name(self) -> str:
        """The name of the log's file, without its folder."""
        return Path(self._log.path).name

    async def begin(self, execution_id: str) -> FlowExecution:
        """Have an execution driven in the background; returns once that is recorded, or it waits for room or its time.

        Where this manager stops meanwhile, the execution is returned as it is.

        Raises:
            ExecutionNotFound: there is no such execution.
            TaskTypeNotFound: a task of the flow has no code here.
            LogError: that it begins cannot be recorded.
        """
        state, machine = await self._loader.load(execution_id)
        if state.ended_at is not None:
            return execution_of(state)
        self._require_tasks(machine)
        changed = asyncio.Event()
        unlisten = self._log.on_commit(changed.set)
        driven = asyncio.ensure_future(self._bound().finish(execution_id))
        driven.add_done_callback(lambda task: changed.set() if task.cancelled() or task.exception() else None)
        try:
            while self._is_about_to_begin(state) and not await self._agenda.holds([execution_id]):
                with contextlib.suppress(TimeoutError):  # it may be another process that begins it
                    await asyncio.wait_for(changed.wait(), WATCH_SECONDS)
                changed.clear()
                if driven.done():
                    return execution_of(state if driven.cancelled() else driven.result())
                state, _ = await self._loader.load(execution_id)
        finally:
            unlisten()
            driven.cancel()
        return execution_of(state)

    def _is_about_to_begin(self, state: ExecutionState) -> bool:
        return state.status is FlowStatus.CREATED and (state.begins_at or "") <= timestamp(self._clock.now())

    async def definitions(
        self, *, flow: str | None = None, limit: int = PAGE_DEFAULT_ROWS, cursor: str | None = None
    ) -> DefinitionPage:
        """The flows that are stored in the log, the newest first; `flow` is a flow's id or name.

        Raises:
            UsageError: an argument that cannot be used.
        """
        if limit not in range(1, PAGE_MAX_ROWS + 1):
            raise UsageError(f"limit is {limit}, expected 1 to {PAGE_MAX_ROWS}")
        found = await self._queries.definitions(flow, limit + 1, None if cursor is None else decode_cursor(cursor))
        items = [
            DefinitionRow(digest=row[0], flow_id=row[1], name=row[2], at=datetime.fromisoformat(row[3]))
            for row in found[:limit]
        ]
        more = encode_cursor(timestamp(items[-1].at), items[-1].digest) if len(found) > limit else None
        return DefinitionPage(items=items, cursor=more)

    async def definition(self, digest: str) -> bytes:
        """The canonical JSON of a stored flow.

        Raises:
            DefinitionNotFound: no flow with that digest is stored.
        """
        return await self._log.definition(digest)

    async def tail(self, after: int | None, types: Sequence[str] | None, limit: int) -> Followed:
        """The next events of these types, or of all, after a position of the log; None stands for its end.

        Those that an import brought in are left out.
        """
        if after is None:
            position = await self._log.look(lambda view: view.position())
            return Followed(events=[], broken=[], position=position, is_all=True)
        return await self._log.read_followed(after, types, limit)

    def on_commit(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call the listener after each commit that is made on the running loop; gives what ends that."""
        return self._log.on_commit(listener)

    def log_version(self) -> int:
        """A number that is another one whenever something was committed since, by whatever process."""
        return self._log.version()
