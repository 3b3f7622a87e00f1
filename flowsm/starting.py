"""The verbs that create executions, and start them, as `FlowManager` has them."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from datetime import datetime
from typing import Any

import msgspec

from flowsm.clock import Clock, timestamp
from flowsm.definition.load import Source, load_flow
from flowsm.definition.model import FlowConfig
from flowsm.errors import Conflict, ExecutionExists, StartedBefore
from flowsm.events.commands import Create
from flowsm.log.sqlite import SqliteEventLog
from flowsm.looking import LookingVerbs
from flowsm.machine.compile import FlowMachine
from flowsm.runtime.advance import Advancer
from flowsm.runtime.batch import creation_of
from flowsm.runtime.execution import FlowExecution, execution_of
from flowsm.runtime.input import checked_input
from flowsm.runtime.journal import tell
from flowsm.runtime.loading import Prepared, StateLoader
from flowsm.runtime.starting import begun, checked_key, checked_traceparent, chosen_id, same_id
from flowsm.runtime.supervisor import Supervisor
from flowsm.tasks.factory import TaskFactory
from flowsm.tracing import Tracing, creating

__all__ = ["ExecutionHandle", "StartingVerbs"]


class ExecutionHandle:
    """An execution that was started: await it for its end."""

    def __init__(self, manager: StartingVerbs, execution_id: str) -> None:
        self.execution_id = execution_id
        self._manager = manager

    async def result(self) -> FlowExecution:
        """The execution, once it has ended."""
        return await self._manager.finish(self.execution_id)

    async def status(self) -> FlowExecution:
        """The execution as it is now."""
        return await self._manager.get_flow_status(self.execution_id)

    def __await__(self) -> Generator[Any, None, FlowExecution]:
        return self.result().__await__()


class StartingVerbs(LookingVerbs):
    """How executions come to be."""

    tasks: TaskFactory
    _log: SqliteEventLog
    _loader: StateLoader
    _clock: Clock
    _advancer: Advancer
    _tracing: Tracing | None

    def _bound(self, *, recover: bool = False) -> Supervisor:
        raise NotImplementedError

    def load_flow_config(self, source: Source) -> FlowConfig:
        """A flow from a dict, JSON text or bytes, a path or `-` (stdin), checked against the registered tasks.

        Raises:
            DocumentInvalid: with all that is wrong in it.
        """
        return load_flow(source, known_task_types=self.tasks.types(), check_parameters=self.tasks.check_parameters)

    def create_flow_execution(
        self,
        flow_config: FlowConfig | Source,
        input: Any = None,
        *,
        execution_id: str | None = None,
        idempotency_key: str | None = None,
        traceparent: str | None = None,
    ) -> str:
        """Record a new execution of a flow, durable when this returns; gives its id. Not a coroutine.

        With an `idempotency_key` that an execution of the same flow and input was created with, that one's id. With a
        `traceparent` (W3C Trace Context) it is part of that trace.

        Raises:
            DocumentInvalid: the flow has errors.
            InputInvalid: the input does not fit the flow.
            ExecutionExists: the chosen id is taken.
            StartConflict: the key belongs to an execution of another flow, input, beginning or id.
        """
        prepared, command = self._prepare(flow_config, input, idempotency_key, traceparent)
        chosen = chosen_id(execution_id)
        try:
            with creating(self._tracing, prepared.flow.name, chosen, prepared.digest, command.traceparent) as kept:
                command = msgspec.structs.replace(command, traceparent=kept)
                batch, after = creation_of(prepared, command, chosen, self._clock.now())
                self._log.append_sync(batch)
            tell(batch.facts, after)
        except StartedBefore as earlier:
            return same_id(earlier, execution_id)
        except Conflict:
            raise ExecutionExists(chosen) from None
        return chosen

    async def create(
        self,
        flow: FlowConfig | Source,
        input: Any = None,
        *,
        execution_id: str | None = None,
        idempotency_key: str | None = None,
        traceparent: str | None = None,
    ) -> str:
        """`create_flow_execution` for a loop: it commits together with whatever else is being recorded.

        Raises:
            DocumentInvalid: the flow has errors.
            InputInvalid: the input does not fit the flow.
            ExecutionExists: the chosen id is taken.
            StartConflict: the key belongs to an execution of another flow, input, beginning or id.
        """
        prepared, command = self._prepare(flow, input, idempotency_key, traceparent)
        chosen = chosen_id(execution_id)
        try:
            await asyncio.shield(self._advancer.create(prepared, command, chosen, start=False))
        except StartedBefore as earlier:
            return same_id(earlier, execution_id)
        except Conflict:
            raise ExecutionExists(chosen) from None
        return chosen

    async def start(
        self,
        flow: FlowConfig | Source,
        input: Any = None,
        *,
        execution_id: str | None = None,
        idempotency_key: str | None = None,
        start_at: datetime | None = None,
        paused: bool = False,
        traceparent: str | None = None,
    ) -> ExecutionHandle:
        """Create an execution and begin to run it; returns once it is durable, with a handle to await.

        With `start_at`, an aware moment, it begins then; `paused` it waits for `resume`.

        With an `idempotency_key` that an execution of the same flow, input, `start_at` and `paused` was started with,
        nothing is created: that one goes on, and the handle is its. With a `traceparent` (W3C Trace Context) it is part of that trace.

        Raises:
            DocumentInvalid: the flow has errors.
            InputInvalid: the input does not fit the flow.
            ExecutionExists: the chosen id is taken.
            StartConflict: the key belongs to an execution of another flow, input, beginning or id.
        """
        prepared, command = self._prepare(flow, input, idempotency_key, traceparent)
        command = begun(command, start_at, paused=paused)
        self._require_tasks(prepared.machine)
        chosen = chosen_id(execution_id)
        supervisor = self._bound()
        # whoever stops waiting here does not stop what may be recorded already: then it is to be driven too
        try:
            await asyncio.shield(asyncio.ensure_future(self._begin(supervisor, prepared, command, chosen)))
        except StartedBefore as earlier:
            chosen = same_id(earlier, execution_id)
            await self._go_on(supervisor, chosen)
        return ExecutionHandle(self, chosen)

    async def run(
        self,
        flow: FlowConfig | Source,
        input: Any = None,
        *,
        execution_id: str | None = None,
        idempotency_key: str | None = None,
        traceparent: str | None = None,
    ) -> FlowExecution:
        """Start an execution, run it to its end, and give its result; a failed flow is a result, no exception."""
        return await (
            await self.start(
                flow, input, execution_id=execution_id, idempotency_key=idempotency_key, traceparent=traceparent
            )
        )

    async def finish(self, execution_id: str) -> FlowExecution:
        """Drive an execution of this log until it has ended, or join the one who does."""
        supervisor = self._bound()
        return execution_of(await supervisor.finish(execution_id))

    async def _begin(self, supervisor: Supervisor, prepared: Prepared, command: Create, chosen: str) -> None:
        await supervisor.hold()
        now = timestamp(self._clock.now())
        at_once = supervisor.has_room() and command.start_at is None and not command.paused
        if not at_once and command.start_at is None:  # it is to be started, whatever becomes of this process
            command = msgspec.structs.replace(command, start_at=now)
        try:
            async with self._advancer.starting(chosen):
                await self._advancer.create(prepared, command, chosen, start=at_once)
        except Conflict:
            raise ExecutionExists(chosen) from None
        supervisor.kick(chosen)

    async def _go_on(self, supervisor: Supervisor, execution_id: str) -> None:
        """Have an execution that was started before driven, unless it has ended; a living owner keeps it."""
        state, _ = await self._loader.load(execution_id)
        if state.ended_at is None:
            supervisor.kick(execution_id)

    def _flow(self, source: FlowConfig | Source) -> FlowConfig:
        return source if isinstance(source, FlowConfig) else self.load_flow_config(source)

    def _prepare(
        self, source: FlowConfig | Source, value: Any, key: str | None, traceparent: str | None
    ) -> tuple[Prepared, Create]:
        prepared = self._loader.prepare(self._flow(source))
        given = checked_input(prepared.machine.flow, value)
        return prepared, Create(
            digest=prepared.digest,
            input=given,
            idempotency_key=checked_key(key),
            traceparent=checked_traceparent(traceparent),
        )

    def _require_tasks(self, machine: FlowMachine) -> None:
        for task in machine.tasks.values():
            if task.task_type not in self.tasks:
                self.tasks.info(task.task_type)
