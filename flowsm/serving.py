"""The verbs that a service needs besides those of everybody, as `FlowManager` has them."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from flowsm.definition.load import Source
from flowsm.definition.model import FlowConfig
from flowsm.errors import Conflict, ExecutionExists, StartedBefore
from flowsm.events.commands import Create
from flowsm.limits import WATCH_SECONDS
from flowsm.log.sqlite import SqliteEventLog
from flowsm.machine.compile import FlowMachine
from flowsm.projections.agenda import Agenda
from flowsm.runtime.advance import Advancer
from flowsm.runtime.execution import FlowExecution, execution_of
from flowsm.runtime.loading import Prepared, StateLoader
from flowsm.runtime.starting import chosen_id, same_id
from flowsm.runtime.supervisor import Supervisor
from flowsm.status import FlowStatus

__all__ = ["ServingVerbs"]


class ServingVerbs:
    """Creating and beginning executions for others, without holding up the loop or waiting for an end."""

    _log: SqliteEventLog
    _loader: StateLoader
    _agenda: Agenda
    _advancer: Advancer

    def _prepare(self, source: FlowConfig | Source, value: Any, key: str | None) -> tuple[Prepared, Create]:
        raise NotImplementedError

    def _bound(self, *, recover: bool = False) -> Supervisor:
        raise NotImplementedError

    def _require_tasks(self, machine: FlowMachine) -> None:
        raise NotImplementedError

    async def create(
        self,
        flow: FlowConfig | Source,
        input: Any = None,
        *,
        execution_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> str:
        """`create_flow_execution` for a loop: it commits together with whatever else is being recorded.

        Raises:
            DocumentInvalid: the flow has errors.
            InputInvalid: the input does not fit the flow.
            ExecutionExists: the chosen id is taken.
            StartConflict: the key belongs to an execution of another flow, input or id.
        """
        prepared, command = self._prepare(flow, input, idempotency_key)
        chosen = chosen_id(execution_id)
        try:
            await asyncio.shield(self._advancer.create(prepared, command, chosen, start=False))
        except StartedBefore as earlier:
            return same_id(earlier, execution_id)
        except Conflict:
            raise ExecutionExists(chosen) from None
        return chosen

    async def begin(self, execution_id: str) -> FlowExecution:
        """Have an execution driven in the background; returns once that is recorded, or it waits for room.

        Raises:
            ExecutionNotFound: there is no such execution.
            TaskTypeNotFound: a task of the flow has no code here.
        """
        state, machine = await self._loader.load(execution_id)
        if state.ended_at is not None:
            return execution_of(state)
        self._require_tasks(machine)
        committed = asyncio.Event()
        unlisten = self._log.on_commit(committed.set)
        try:
            self._bound().kick(execution_id)
            while state.status is FlowStatus.CREATED and not await self._agenda.holds([execution_id]):
                with contextlib.suppress(TimeoutError):  # it may be another process that begins it
                    await asyncio.wait_for(committed.wait(), WATCH_SECONDS)
                committed.clear()
                state, _ = await self._loader.load(execution_id)
        finally:
            unlisten()
        return execution_of(state)
