"""Forking: a new execution that begins as another one did, and goes on by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from flowsm.clock import Clock
from flowsm.errors import Conflict, ExecutionExists, ForkRefused, UsageError
from flowsm.events.commands import Fork, Upgrade
from flowsm.events.envelope import Recorded
from flowsm.log.port import Append, EventLog, Origin, RowChange
from flowsm.machine.changes.forks import begun_again, fork_hindrance
from flowsm.machine.compile import FlowMachine
from flowsm.machine.decide import only_forked, step
from flowsm.machine.evolve import evolve, pinned
from flowsm.machine.state import ExecutionState, new_state
from flowsm.projections.project import attempt_rows, execution_row, shared_rows
from flowsm.runtime.arguments import checked_command, checked_id, stored_alike
from flowsm.runtime.loading import StateLoader
from flowsm.runtime.starting import chosen_id

__all__ = ["ForkPlan", "Forking", "Version"]


class ForkPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What a fork would share, and what it would do again: said before it is begun.

    `task`, `visit` and `attempt` are where it goes on; `again` is whether that attempt was under way, so that what it
    has done already may be done once more, with another idempotency key. `done` are the tasks with results that it shares.
    """

    origin: str
    seq: int
    task: str | None
    visit: int
    attempt: int
    again: bool
    done: list[str]


class Version(NamedTuple):
    """Another version of a flow: its machine, the command that makes a fork go on with it, and what is stored of it."""

    machine: FlowMachine
    command: Upgrade
    definition: tuple[str, bytes]


class Forking:
    """Records forks.

    Args:
        log: where they are recorded.
        loader: folds streams.
        clock: the time of decisions.
    """

    def __init__(self, log: EventLog, loader: StateLoader, clock: Clock) -> None:
        self._log = log
        self._loader = loader
        self._clock = clock

    async def plan(self, execution_id: str, at: int) -> ForkPlan:
        """What a fork after this event would share and do; errors as those of `fork`, nothing is recorded."""
        state, *_ = await self._shared(execution_id, at, execution_id)
        again = begun_again(state)
        attempt = again or state.attempt
        task = state.current_task
        return ForkPlan(
            origin=execution_id,
            seq=at,
            task=task,
            visit=state.visits.get(task, 0) if task is not None else 0,
            attempt=attempt.attempt if attempt is not None else 1 if task is not None else 0,
            again=again is not None,
            done=list(state.results),
        )

    async def fork(
        self,
        execution_id: str,
        at: int,
        command: Fork,
        new_id: str | None,
        choose: Callable[[ExecutionState, FlowMachine, list[Recorded]], Version] | None = None,
    ) -> ExecutionState:
        """Record a new execution that shares another one's events up to a seq; returns its state.

        `choose` gives the version of the flow that it goes on with from its forked state, with the machine that
        it has, and the events that it shares.

        Raises:
            UsageError: an argument that cannot be recorded.
            ExecutionNotFound: there is no such execution.
            ForkRefused: nothing can be forked off after that event.
            OverrideRefused: a value cannot stand where it is to be.
            ExecutionExists: the id is taken.
        """
        stream = chosen_id(new_id)
        before, rows, events = await self._shared(execution_id, at, stream)
        machine = await self._loader.machine(before.digest)
        now = self._clock.now()
        command = checked_command(command)
        version: Version | None = None
        if choose is None:
            facts, after = step(machine, before, command, now)
        else:
            first, forked = only_forked(machine, before, command, now)
            version = choose(forked, machine, events)
            more, after = step(version.machine, forked, version.command, now)
            facts = (*first, *more)
        stored_alike(facts)
        batch = Append(
            stream=stream,
            expected_seq=0,
            at=after.updated_at,
            facts=facts,
            definition=version.definition if version is not None else None,
            origin=Origin(events[-1].stream, at, events[-1].digest),
            rows=[*rows, *attempt_rows(before, facts, after.updated_at, after.flow_id), execution_row(after)],
        )
        try:
            await self._log.append(batch)
        except Conflict:
            raise ExecutionExists(stream) from None
        self._loader.remember(after)
        return after

    async def _shared(
        self, execution_id: str, at: int, stream: str
    ) -> tuple[ExecutionState, list[RowChange], list[Recorded]]:
        """The state after what is shared, as the fork's, the rows of that, and its events."""
        if isinstance(at, bool) or not isinstance(at, int):
            raise UsageError(f"expected the seq of an event, got {at!r}")
        await self._loader.load(checked_id(execution_id))
        events = await self._log.read(execution_id, inflated=True)
        if not 1 <= at <= len(events):
            raise UsageError(f"seq {at}: expected 1 to {len(events)}, the last event of execution {execution_id}")
        machine: FlowMachine | None = None
        state = new_state(stream)
        rows: list[RowChange] = []
        latest = 0
        for event in events[:at]:
            digest = pinned(event.fact)
            if digest is not None or machine is None:
                machine = await self._loader.machine(digest or state.digest)
            rows += shared_rows(state, event.fact, event.at)
            state = evolve(machine, state, event.fact, event.at)
            latest = event.seq if not fork_hindrance(state) else latest
        hindrance = fork_hindrance(state)
        if hindrance:
            raise ForkRefused(execution_id, at, hindrance, latest)
        return state, rows, events[:at]
