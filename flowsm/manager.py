"""FlowManager: the one composition root, and the public face of the engine."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from flowsm.clock import Clock, SystemClock
from flowsm.definition.load import Source
from flowsm.definition.model import FlowConfig
from flowsm.errors import FlowMismatch
from flowsm.events.commands import Command
from flowsm.forking import ForkVerbs
from flowsm.ids import new_worker_id
from flowsm.limits import (
    CONCURRENT_EXECUTIONS_DEFAULT,
    GRACE_SECONDS,
    LEASE_SECONDS,
    STOP_AT_ONCE_SECONDS,
)
from flowsm.log.limiting import LimitingEventLog
from flowsm.log.sqlite import SqliteEventLog
from flowsm.machine.state import ExecutionState
from flowsm.operators import OperatorVerbs
from flowsm.projections.agenda import Agenda
from flowsm.projections.queries import Queries
from flowsm.projections.tables import PROJECTION_MIGRATIONS, ROW_STATEMENTS
from flowsm.rehearsing import RehearsingVerbs
from flowsm.replaying import ReplayVerbs
from flowsm.runtime.advance import Advancer
from flowsm.runtime.attempt import AttemptRunner
from flowsm.runtime.children import Children
from flowsm.runtime.consumer import Consumer
from flowsm.runtime.dispatcher import EmbeddedDispatcher
from flowsm.runtime.execution import FlowExecution, execution_of
from flowsm.runtime.lease import Lease
from flowsm.runtime.limited import LimitedAdvancer
from flowsm.runtime.loading import StateLoader
from flowsm.runtime.openings import Openings
from flowsm.runtime.operating import Answer, Operating
from flowsm.runtime.secrets import Secrets, SecretSource
from flowsm.runtime.settings import Limits, check_settings
from flowsm.runtime.supervisor import Supervisor
from flowsm.runtime.traced import TracedAdvancer, TracedLimitedAdvancer, TracedRunner
from flowsm.runtime.watch import Watch
from flowsm.serving import ServingVerbs
from flowsm.starting import StartingVerbs
from flowsm.storage.open import Durability
from flowsm.tasks.context import Permissions
from flowsm.tasks.factory import TaskFactory, default_registry
from flowsm.telling import TellingVerbs
from flowsm.tracing import Tracing
from flowsm.upgrading import UpgradingVerbs
from flowsm.upkeep.verbs import UpkeepVerbs

__all__ = ["FlowManager"]


class FlowManager(
    StartingVerbs, ReplayVerbs, RehearsingVerbs, UpgradingVerbs, OperatorVerbs, ForkVerbs,
    ServingVerbs, TellingVerbs, UpkeepVerbs,
):  # fmt: skip
    """Runs flows, and records all that happens to them in one SQLite file.

    It may be used by one event loop after another, and closes itself when the interpreter does.

    Args:
        path: the file of the log, made when it is first needed; `:memory:` is a private temporary file.
        tasks: the registry of task types; by default the one that `TaskFactory.register_task` and `@task` fill.
        durability: `full` survives a loss of power, `normal` the death of the process.
        allow_dirs: the folders that the built-in tasks may touch; the working folder by default.
        allow_hosts: the hosts that they may ask; none by default.
        data_dir: where the relative paths that they are given begin, a folder that they may touch; in place of the
            working folder.
        concurrency: how many executions run at once.
        recover: take up whatever is due in the file and nobody's, as long as this manager is open.
        lease_seconds: after so long without a sign of life others take this manager's executions over.
        limits: how many executions of a flow, or tasks of a type, run at once, and how often tasks of a type are
            started, over all processes that share the file and have the same limits.
        secrets: where values for `{"$secret": NAME}` are from; by default the variables `FLOWSM_SECRET_NAME`.
        tracing: make OpenTelemetry's spans of what is done here; a `Tracing` has a provider of its own.
        clock: the time; the machine's own by default.
    """

    def __init__(
        self,
        path: str | Path = "flowsm.db",
        *,
        tasks: TaskFactory | None = None,
        durability: Durability = "full",
        allow_dirs: Iterable[str | Path] | None = None,
        allow_hosts: Iterable[str] = (),
        data_dir: str | Path | None = None,
        concurrency: int = CONCURRENT_EXECUTIONS_DEFAULT,
        recover: bool = False,
        lease_seconds: float = LEASE_SECONDS,
        limits: Limits | None = None,
        secrets: SecretSource | None = None,
        tracing: bool | Tracing = False,
        clock: Clock | None = None,
    ) -> None:
        check_settings(concurrency, lease_seconds)
        permissions = Permissions.given(allow_dirs, allow_hosts, data_dir)
        self.tasks = default_registry() if tasks is None else tasks
        self.tasks.load_entry_points()
        self._clock: Clock = clock or SystemClock()
        self._concurrency = concurrency
        self._limits = limits or None
        self._tracing = Tracing() if tracing is True else tracing or None
        self._log = (SqliteEventLog if self._limits is None else LimitingEventLog)(
            path,
            durability=durability,
            row_statements=ROW_STATEMENTS,
            migrations=PROJECTION_MIGRATIONS,
            clock=self._clock,
        )
        self._loader = StateLoader(self._log)
        parts = (self.tasks, self._clock, permissions)
        if self._tracing is None:
            self._runner = AttemptRunner(*parts, transactional=True, secrets=Secrets(secrets))
        else:
            self._runner = TracedRunner(*parts, transactional=True, secrets=Secrets(secrets), tracing=self._tracing)
        self._operating = Operating(self._log, self._loader, self._clock)
        self._queries = Queries(self._log)
        self._recovers = recover
        self._lease_seconds = lease_seconds
        self._supervisors: dict[asyncio.AbstractEventLoop, Supervisor] = {}
        self._consumers: dict[str, Consumer] = {}
        self.opened = []
        self._begin_as_worker()

    def _begin_as_worker(self) -> None:
        """Take a name of its own in this process: one that is forked from it is another worker."""
        self.worker = new_worker_id()
        self._process = os.getpid()
        children = Children(self._log, self._loader, self._clock, self._queries.latest_flow, self._tracing)
        parts = (self._log, self._loader, self._runner, self.tasks, self._clock, self.worker, children)
        if self._limits is not None:
            self._limits.check_types(self.tasks.types())
        self._advancer = self._new_advancer(*parts)
        self._agenda = Agenda(self._log, self._clock, self.worker)
        self._supervisors.clear()
        self._consumers.clear()

    # -- running -----------------------------------------------------------------------------

    def _new_advancer(self, *parts: Any) -> Advancer:
        """Who drives: with limits or without, with spans or without."""
        limits, tracing = self._limits, self._tracing
        if tracing is None:
            return Advancer(*parts) if limits is None else LimitedAdvancer(*parts, limits=limits)
        if limits is None:
            return TracedAdvancer(*parts, tracing=tracing)
        return TracedLimitedAdvancer(*parts, tracing=tracing, limits=limits)

    async def execute_flow(self, execution_id: str, flow_config: FlowConfig | Source | None = None) -> FlowExecution:
        """Run an execution to its end; one that has ended gives its result, a running one is joined.

        Raises:
            ExecutionNotFound: there is no such execution.
            FlowMismatch: it was created with another flow than the one given.
            TaskTypeNotFound: a task of the flow has no code here.
        """
        state, machine = await self._loader.load(execution_id)
        if flow_config is not None:
            given = self._loader.prepare(self._flow(flow_config)).digest
            if given != state.digest:
                raise FlowMismatch(execution_id, state.digest, given)
        if state.ended_at is not None:
            return execution_of(state)
        self._require_tasks(machine)
        return await self.finish(execution_id)

    async def ready(self) -> None:
        """Return once the log is open and this manager has written its sign of life to it: it can work there.

        Raises:
            LogError: it cannot be opened, or be written.
        """
        await self._bound().hold()

    async def work(self, *, grace_seconds: float = GRACE_SECONDS) -> None:
        """Take up and drive whatever is due and nobody's, in turn with other processes, until this is cancelled.

        Then nothing is begun any more, what runs may go on for `grace_seconds` up to its next task, and the lease is
        given back, so that others go on at once. Code that is still running then is cancelled, and left behind if it
        does not stop within `ABANDON_AFTER_SECONDS`. Cancelled again, all that is over at once. What hinders it
        while it runs (the log is locked, the disk full) is waited out.

        Raises:
            LogError: when it begins the log cannot be opened, or be written.
        """
        await self.ready()
        supervisor = self._bound(recover=True)
        last_seconds: float | None = STOP_AT_ONCE_SECONDS
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            try:
                await supervisor.drain(grace_seconds)
                last_seconds = None
            finally:
                self._supervisors.pop(asyncio.get_running_loop(), None)
                await supervisor.close(last_seconds)

    async def operate(self, execution_id: str, command: Command, *, expected_seq: int | None = None) -> FlowExecution:
        """Record a command of an operator, and have whoever drives the execution see it; see `OperatorVerbs`."""
        return execution_of((await self._answered(execution_id, command, expected_seq)).state)

    async def _answered(self, execution_id: str, command: Command, expected_seq: int | None = None) -> Answer:
        answer = await self._operating.answer(execution_id, command, expected_seq)
        self._was_told(answer.state)
        return answer

    def _was_told(self, state: ExecutionState) -> None:
        supervisor = self._supervisors.get(asyncio.get_running_loop())
        if supervisor is not None:
            supervisor.was_told(state)

    # -- living ------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        self._bound()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Stop what runs, let go of the file; what was running goes on when it is executed again."""
        supervisor = self._supervisors.pop(asyncio.get_running_loop(), None)
        if supervisor is not None:
            await supervisor.close()
        await self.stop_telling()
        await self._log.close()

    def _bound(self, *, recover: bool = False) -> Supervisor:
        """The running loop's supervisor: a new one when the loop is new, for each thread may run one."""
        loop = asyncio.get_running_loop()
        if self._process != os.getpid():
            self._begin_as_worker()
        supervisor = self._supervisors.get(loop)
        if supervisor is None:
            for ended in [other for other in list(self._supervisors) if other.is_closed()]:
                self._supervisors.pop(ended, None)
            supervisor = self._supervisors[loop] = self._new_supervisor()
        if recover or self._recovers:
            supervisor.recover(self._loader, self.tasks)
        return supervisor

    def _new_supervisor(self) -> Supervisor:
        lease = Lease(self._log, self._clock, self.worker, self._lease_seconds)
        dispatcher = EmbeddedDispatcher(self._clock, self._concurrency)
        openings: Openings | None = None
        if self._limits is not None and isinstance(self._advancer, LimitedAdvancer):
            openings = Openings(self._limits, self._agenda, self._clock, dispatcher.kick)
            self._advancer.openings[asyncio.get_running_loop()] = openings
        watch = Watch(self._log, self._agenda, lease, self._clock, openings=openings)
        return Supervisor(self._advancer, dispatcher, watch)
