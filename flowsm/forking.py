"""The verbs of forks, as `FlowManager` has them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import msgspec

from flowsm.clock import Clock
from flowsm.definition.load import Source, load_flow
from flowsm.definition.model import FlowConfig
from flowsm.errors import ExecutionNotFound, UpgradeRefused
from flowsm.events.commands import Fork, Upgrade
from flowsm.events.envelope import Recorded
from flowsm.log.forks import Relative, family
from flowsm.log.sqlite import SqliteEventLog
from flowsm.machine.compile import FlowMachine
from flowsm.machine.state import ExecutionState, Phase
from flowsm.replay.recording import record
from flowsm.replay.rehearse import Stage
from flowsm.replay.upgrade import judge
from flowsm.runtime.arguments import checked_flag, given_overrides
from flowsm.runtime.execution import FlowExecution, execution_of
from flowsm.runtime.forking import Forking, ForkPlan, Version
from flowsm.runtime.loading import Prepared, StateLoader
from flowsm.runtime.starting import checked_traceparent

__all__ = ["ForkVerbs"]


class ForkVerbs:
    """A fork is a new execution that begins as another one did: the events before it are read where they lie.

    It changes nothing of the other one, and runs tasks with idempotency keys of its own.
    """

    _log: SqliteEventLog
    _loader: StateLoader
    _clock: Clock

    async def fork(
        self,
        execution_id: str,
        at: int,
        *,
        fork_id: str | None = None,
        flow: FlowConfig | Source | None = None,
        overrides: Mapping[str, Any] | None = None,
        paused: bool = False,
        idempotency_key: str | None = None,
        expected_seq: int | None = None,
        traceparent: str | None = None,
        reason: str = "",
        actor: str = "",
    ) -> FlowExecution:
        """Record a new execution that shares the events of another one up to seq `at`, and goes on by itself.

        Whoever recovers takes it up, or `execute_flow`. An attempt that was under way is begun again; a timer and a
        wait for a signal stay as they were.

        Args:
            execution_id: whose events are shared; whether it has ended or not does not matter.
            at: the seq of the last event that is shared.
            fork_id: the new execution's id, by default a new one.
            flow: another version of the flow, to go on with; the path so far must be one that it takes too.
            overrides: values for the tasks that come after, by their places, as `retry` takes them.
            paused: it waits for `resume` first.
            idempotency_key: in place of an id: a second fork that is asked for with it is the first one.
            expected_seq: only if the other execution is still there.
            traceparent: the trace that it is part of (W3C Trace Context), by default the other one's.
            reason: why; recorded.
            actor: who asks; recorded.

        Raises:
            UsageError: there is no such event, or an argument cannot be recorded.
            ExecutionNotFound: there is no such execution.
            ForkRefused: it had ended there, or was being cancelled.
            OverrideRefused: a value cannot stand where it is to be: with the place, and why.
            DocumentInvalid: the version has errors.
            UpgradeRefused: the version does not take the path so far; with all reasons.
            ExecutionExists: the new id is taken.
            StartConflict: the key belongs to another fork, or start.
            Conflict: the other execution is not at `expected_seq`.
        """
        prepared = None if flow is None else self._loader.prepare(load_flow(flow))
        command = Fork(
            origin=execution_id,
            origin_seq=at,
            paused=checked_flag("paused", paused),
            overrides=given_overrides(overrides),
            version="" if prepared is None else prepared.digest,
            idempotency_key=idempotency_key,
            traceparent=checked_traceparent(traceparent),
            reason=reason,
            actor=actor,
        )
        choose = None if prepared is None else partial(self._version_for, prepared, command)
        return execution_of(await self._forks_here().fork(execution_id, at, command, fork_id, choose, expected_seq))

    async def plan_fork(
        self,
        execution_id: str,
        at: int,
        *,
        flow: FlowConfig | Source | None = None,
        overrides: Mapping[str, Any] | None = None,
    ) -> ForkPlan:
        """What a fork would share, and what it would do again; nothing is recorded. Errors as those of `fork`."""
        prepared = None if flow is None else self._loader.prepare(load_flow(flow))
        command = Fork(origin=execution_id, origin_seq=at, overrides=given_overrides(overrides))
        choose = None if prepared is None else partial(self._version_for, prepared, command)
        return await self._forks_here().plan(execution_id, at, command, choose)

    async def forks(self, execution_id: str) -> list[Relative]:
        """The tree of forks that an execution is in, by id; itself alone where it has none.

        Raises:
            ExecutionNotFound: there is no such execution.
        """
        if await self._log.head(execution_id) is None:
            raise ExecutionNotFound(execution_id)
        return await family(self._log, execution_id)

    def _version_for(
        self, prepared: Prepared, fork: Fork, state: ExecutionState, machine: FlowMachine, events: list[Recorded]
    ) -> Version:
        """The version for a fork in this state, whose path so far is in the events that it shares.

        Raises:
            UpgradeRefused: its path is another.
        """
        if state.phase == Phase.DECIDED or (state.phase == Phase.CREATED and state.started_at is not None):
            # the way on from the last event is still to be decided: that is for the version to do
            state, events = msgspec.structs.replace(state, attempt=None), events[:-1]
        verdict = judge(Stage(prepared.flow), record(fork.origin, events), state, machine.tasks.get(state.node))
        if not verdict.safe:
            raise UpgradeRefused(state.stream, prepared.flow.id, prepared.digest, verdict.reasons)
        before = machine.flow
        command = Upgrade(
            digest=prepared.digest,
            version_before=before.version,
            timeout_before=before.timeout,
            reason=fork.reason,
            actor=fork.actor,
        )
        return Version(prepared.machine, command, prepared.definition)

    def _forks_here(self) -> Forking:
        return Forking(self._log, self._loader, self._clock)
