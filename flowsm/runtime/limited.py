"""advance(execution_id) under limits: a step for which there is no room is recorded up to there, and waits its turn."""

from __future__ import annotations

from asyncio import AbstractEventLoop, get_running_loop
from collections.abc import Sequence
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import msgspec

from flowsm.clock import timestamp
from flowsm.errors import AppendUnknown, Conflict, LimitReached
from flowsm.events.commands import Command, Create
from flowsm.events.facts import Fact, ProbeStarted, TaskStarted
from flowsm.limits import CONFLICT_RETRIES_MAX
from flowsm.log.port import Append
from flowsm.log.port_limits import LimitedAppend, Place
from flowsm.machine.compile import FlowMachine
from flowsm.machine.decide import step
from flowsm.machine.effect import next_effect
from flowsm.machine.evolve import evolve
from flowsm.machine.state import AT_WORK, ExecutionState, new_state
from flowsm.runtime.advance import Advancer
from flowsm.runtime.arguments import stored_alike
from flowsm.runtime.batch import batch_of, creation_of
from flowsm.runtime.driving import Claimed, drive, stands
from flowsm.runtime.loading import Prepared
from flowsm.runtime.openings import Openings
from flowsm.runtime.settings import Limits
from flowsm.runtime.transaction import TransactionEnd

__all__ = ["HeldBack", "LimitedAdvancer"]

_Facts = tuple[Fact, ...]


class HeldBack(Exception):
    """The execution waits for its turn."""

    def __init__(self, state: ExecutionState) -> None:
        self.state = state


class _Decision(NamedTuple):
    """What was decided in a state, and the state that it leads to."""

    machine: FlowMachine
    state: ExecutionState
    facts: _Facts
    after: ExecutionState


class LimitedAdvancer(Advancer):
    """Drives executions within limits; those of flows that no limit concerns as `Advancer` does.

    `openings`, by event loop, are told who is held back and when a place may have become free.
    """

    def __init__(self, *parts: Any, limits: Limits) -> None:
        super().__init__(*parts)
        self._limits = limits
        self._decisions: dict[str, _Decision] = {}
        self._in_transaction: set[str] = set()
        self._held_since: dict[str, int] = {}
        self._concerned: WeakKeyDictionary[FlowMachine, bool] = WeakKeyDictionary()
        self.openings: WeakKeyDictionary[AbstractEventLoop, Openings] = WeakKeyDictionary()

    async def advance(self, execution_id: str) -> ExecutionState:
        """Drive the execution until it waits, is held back, or has ended; see `Advancer.advance`."""
        try:
            return await super().advance(execution_id)
        except HeldBack as held:
            return held.state

    def is_held(self, execution_id: str) -> bool:
        """Whether a limit holds the execution back; see `Advancer.is_held`."""
        opening = self.openings.get(get_running_loop())
        return opening is not None and opening.is_held(execution_id)

    async def create(self, prepared: Prepared, command: Create, execution_id: str, *, start: bool) -> ExecutionState:
        """Record a new execution; where there is no room for its first step, as one that is to be started.

        Raises:
            Conflict: the id is taken.
        """
        machine = prepared.machine
        if not start or not self._concerns(machine):
            return await super().create(prepared, command, execution_id, start=start)
        before, now = new_state(execution_id), self._clock.now()
        created, after = step(machine, before, command, now)
        stored_alike(created, without_large=True)
        more, after = step(machine, after, self._advance(machine, execution_id), now)
        facts = created + more
        drive(machine, before, facts)
        batch = batch_of(before, facts, after, claim_for=self._worker, definition=prepared.definition)
        try:
            appended = await self._log.append(self._limited(machine, before, batch, after, len(created)))
        except LimitReached:
            batch, held = creation_of(
                prepared, msgspec.structs.replace(command, start_at=timestamp(now)), execution_id, now
            )
            appended = await self._log.append(batch)
            self._loader.recorded(batch.facts, held, appended)
            self._hold(held)
            self._held_since[execution_id] = held.seq
            return held
        self._loader.recorded(facts, after, appended)
        self._claimed[execution_id] = Claimed(after, machine, appended.epoch)
        return after

    async def _claim(self, execution_id: str) -> Claimed:
        state, machine = await self._loader.load(execution_id)
        started = await self._just_started(execution_id)
        if started is not None:
            return started
        if self._held_since.pop(execution_id, 0) == state.seq and self.is_held(execution_id):
            raise HeldBack(state)  # it asked when it was created, and nothing has come to pass
        failed: Exception = Conflict(execution_id, 0, 0)
        for _ in range(CONFLICT_RETRIES_MAX):
            now = self._clock.now()
            ended = await self._look_at_child(machine, state, next_effect(state), now)
            facts, after = step(machine, state, ended or self._advance(machine, execution_id), now)
            if not facts:
                return Claimed(state, machine, -1)
            self._require_code(machine, state)
            drive(machine, state, facts)
            batch = batch_of(state, facts, after, claim_for=self._worker)
            if self._concerns(machine):
                batch = self._limited(machine, state, batch, after)
            try:
                try:
                    appended = await self._log.append(batch)
                except LimitReached as full:
                    raise await self._held_back(_Decision(machine, state, facts, after), full, None) from full
            except (Conflict, AppendUnknown) as error:
                failed = error
                self._loader.forget(execution_id)
                state, machine = await self._loader.load(execution_id)
                continue
            self._loader.recorded(facts, after, appended)
            return Claimed(after, machine, appended.epoch)
        raise failed

    async def _record(
        self, machine: FlowMachine, state: ExecutionState, command: Command | TransactionEnd, epoch: int
    ) -> ExecutionState:
        if isinstance(command, TransactionEnd):
            self._in_transaction.add(state.stream)
        failed: Exception = Conflict(state.stream, state.seq, state.seq)
        for _ in range(CONFLICT_RETRIES_MAX):
            try:
                after = await super()._record(machine, state, command, epoch)
            except LimitReached as full:
                decision = self._decisions.pop(state.stream)
                try:
                    raise await self._held_back(decision, full, epoch) from full
                except (Conflict, AppendUnknown) as error:
                    failed = error
                    self._loader.forget(state.stream)
                    state, machine = await self._loader.load(state.stream)
                    if not stands(state, command):
                        return state
                    continue
            finally:
                self._decisions.pop(state.stream, None)
                self._in_transaction.discard(state.stream)
            if self._concerns(machine):
                self._was_freed()
            return after
        raise failed

    def _decided(
        self, machine: FlowMachine, state: ExecutionState, epoch: int, command: Command
    ) -> tuple[Append, ExecutionState]:
        if not self._concerns(machine):
            return super()._decided(machine, state, epoch, command)
        facts, after = self._step(machine, state, command)
        leaving = self._is_leaving(machine, state)
        if leaving or state.stream in self._in_transaction:  # nothing there may fail for want of room
            facts, after = _until(machine, state, facts, after, _first_start(facts))
        drive(machine, state, facts)
        self._decisions[state.stream] = _Decision(machine, state, facts, after)
        batch = batch_of(state, facts, after, epoch=epoch, leave=leaving)
        return self._limited(machine, state, batch, after), after

    def _left(self, machine: FlowMachine, batch: Append) -> Append:
        return _limited(batch) if self._concerns(machine) else batch

    async def _held_back(self, decision: _Decision, full: LimitReached, epoch: int | None) -> HeldBack:
        """Record what was decided up to the start for which there is no room, and let the execution go.

        Without an epoch it was to be claimed: where nothing comes before the start, it stays as it is.
        """
        machine, state, facts, after = decision
        kept, held = _until(machine, state, facts, after, full.seq - state.seq)
        if kept or epoch is not None:
            claim_for = self._worker if epoch is None else ""
            batch = batch_of(state, kept, held, epoch=epoch, claim_for=claim_for, leave=True)
            appended = await self._log.append(_limited(batch))
            self._loader.recorded(kept, held, appended)
            self._was_freed()
        self._hold(held)
        return HeldBack(held)

    # -- places ------------------------------------------------------------------------------

    def _concerns(self, machine: FlowMachine) -> bool:
        """Whether anything of the flow is limited."""
        known = self._concerned.get(machine)
        if known is None:
            types = {task.task_type for task in machine.tasks.values()}
            known = machine.flow.id in self._limits.flows or not types.isdisjoint(self._limits.limited_types)
            self._concerned[machine] = known
        return known

    def _limited(
        self, machine: FlowMachine, state: ExecutionState, batch: Append, after: ExecutionState, created: int = 0
    ) -> LimitedAppend:
        """The batch with the places that it needs; `created` facts stand whether there are any or not."""
        limits, flow_id = self._limits, machine.flow.id
        places: list[Place] = []
        if flow_id in limits.flows and not batch.release:
            places.append(Place(kind="flow", name=flow_id, most=limits.flows[flow_id], seq=state.seq + created))
        starts: dict[str, int] = {}
        seq: int | None = None
        for number, fact in enumerate(batch.facts):
            if isinstance(fact, TaskStarted | ProbeStarted):
                task_type = machine.tasks[fact.task].task_type
                if task_type in limits.limited_types:
                    seq = state.seq + number if seq is None else seq
                    starts[task_type] = starts.get(task_type, 0) + isinstance(fact, TaskStarted)
        if seq is not None:
            seq = state.seq + created if state.started_at is None else seq
            places += [
                Place(
                    kind="rate", name=name, most=rate.count, seq=seq, seconds=rate.seconds, burst=rate.burst, starts=n
                )
                for name, n in starts.items()
                if n and (rate := limits.rates.get(name)) is not None
            ]
            running = machine.tasks[after.node].task_type if after.phase in AT_WORK else ""
            if running in limits.task_types:
                places.append(Place(kind="task", name=running, most=limits.task_types[running], seq=seq))
        return _limited(batch, places=tuple(places), expires=_expires(state), flow=after.digest)

    def _hold(self, state: ExecutionState) -> None:
        opening = self.openings.get(get_running_loop())
        if opening is not None:
            opening.hold(state.stream, _expires(state))

    def _was_freed(self) -> None:
        opening = self.openings.get(get_running_loop())
        if opening is not None:
            opening.soon()


def _limited(
    batch: Append, *, places: tuple[Place, ...] = (), expires: str | None = None, flow: str = ""
) -> LimitedAppend:
    """The batch, to be recorded if there are these places; with none, the execution gives back those that it has."""
    fields = {name: getattr(batch, name) for name in Append.__struct_fields__}
    return LimitedAppend(**fields, places=places, expires=expires, flow=flow)


def _expires(state: ExecutionState) -> str | None:
    """When the execution's own time is over, held back or not."""
    return state.deadline if not state.cleaning else None


def _first_start(facts: Sequence[Fact]) -> int:
    """How many facts come before the first start of a task, or of a probe."""
    starts = (number for number, fact in enumerate(facts) if isinstance(fact, TaskStarted | ProbeStarted))
    return next(starts, len(facts))


def _until(
    machine: FlowMachine, state: ExecutionState, facts: _Facts, after: ExecutionState, count: int
) -> tuple[_Facts, ExecutionState]:
    """The first facts of a decision, and the state that they lead to."""
    if count == len(facts):
        return facts, after
    for fact in facts[:count]:
        state = evolve(machine, state, fact, after.updated_at)
    return facts[:count], state
