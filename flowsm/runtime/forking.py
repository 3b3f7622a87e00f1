"""Forking: a new execution that begins as another one did, and goes on by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple, TypeAlias

import msgspec

from flowsm.clock import Clock
from flowsm.errors import Conflict, ExecutionExists, ExecutionNotFound, ForkRefused, StartConflict, UsageError
from flowsm.events.commands import Fork, Upgrade
from flowsm.events.envelope import Recorded
from flowsm.events.facts import ExecutionForked, Fact
from flowsm.ids import fork_id, is_system_stream
from flowsm.log.port import Append, EventLog, Origin, RowChange
from flowsm.machine.changes.forks import begun_again, fork_hindrance
from flowsm.machine.compile import FlowMachine
from flowsm.machine.decide import only_forked, step
from flowsm.machine.decisions.forks import content_of
from flowsm.machine.evolve import evolve, pinned
from flowsm.machine.state import ExecutionState, Phase, new_state
from flowsm.projections.project import attempt_rows, execution_row, shared_rows
from flowsm.runtime.arguments import checked_command, checked_id, stored_alike
from flowsm.runtime.loading import StateLoader
from flowsm.runtime.starting import chosen_id

__all__ = ["Choose", "ForkPlan", "Forking", "Version"]


class ForkPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What a fork would share, and what it would do again: said before it is begun.

    `task`, `visit` and `attempt` are where it goes on. `way` is how: the attempt was under way there, so that what it has
    done already may be done `again`, with another idempotency key; it `waits` on; it is to be begun next (`from`); it has
    its result, and what comes `after` it is next. `done` are the tasks with results that it shares.
    """

    origin: str
    seq: int
    task: str | None
    visit: int
    attempt: int
    way: Literal["again", "waits", "from", "after"]
    done: list[str]
    overrides: dict[str, Any] = {}


class Version(NamedTuple):
    """Another version of a flow: its machine, the command that makes a fork go on with it, and what is stored of it."""

    machine: FlowMachine
    command: Upgrade
    definition: tuple[str, bytes]


Choose: TypeAlias = Callable[[ExecutionState, FlowMachine, list[Recorded]], Version]
"""Gives the version for a fork in a state, with the machine that it has, and the events that it shares."""


class _Decided(NamedTuple):
    command: Fork
    before: ExecutionState
    facts: tuple[Fact, ...]
    after: ExecutionState
    rows: list[RowChange]
    origin: Origin
    definition: tuple[str, bytes] | None


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

    async def plan(self, execution_id: str, at: int, command: Fork, choose: Choose | None = None) -> ForkPlan:
        """What a fork after this event would share and do; errors as those of `fork`, nothing is recorded."""
        decided = await self._decide(execution_id, at, command, execution_id, choose)
        state = decided.before
        attempt = begun_again(state) or state.attempt
        task = state.current_task
        return ForkPlan(
            origin=execution_id,
            seq=at,
            task=task,
            visit=state.visits.get(task, 0) if task is not None else 0,
            attempt=attempt.attempt if attempt is not None else 1 if task is not None else 0,
            way=_way(state),
            done=list(state.results),
            overrides=dict(decided.command.overrides),
        )

    async def fork(
        self,
        execution_id: str,
        at: int,
        command: Fork,
        new_id: str | None,
        choose: Choose | None = None,
        expected_seq: int | None = None,
    ) -> ExecutionState:
        """Record a new execution that shares another one's events up to a seq; returns its state.

        With an idempotency key that a fork was made with before, that one's, if it was asked for in the same words;
        else, with `expected_seq`, only if the other one is still there.
        `choose` gives the version of the flow that it goes on with from its forked state, with the machine that
        it has, and the events that it shares.

        Raises:
            UsageError: an argument that cannot be recorded.
            ExecutionNotFound: there is no such execution.
            ForkRefused: nothing can be forked off after that event.
            OverrideRefused: a value cannot stand where it is to be.
            ExecutionExists: the id is taken.
            StartConflict: the key belongs to another fork.
            Conflict: the other one is not at `expected_seq`.
        """
        command = checked_command(command)
        key = command.idempotency_key
        if key is not None and new_id is not None:
            raise UsageError("expected an id for the fork, or an idempotency key, which gives it one: not both")
        stream = chosen_id(new_id if key is None else fork_id(key))
        before = None if key is None else await self._made_before(stream, key, command)
        if before is not None:
            return before
        if expected_seq is not None:
            await self._require_seq(execution_id, expected_seq)
        decided = await self._decide(execution_id, at, command, stream, choose)
        before, facts, after = decided.before, decided.facts, decided.after
        batch = Append(
            stream=stream,
            expected_seq=0,
            at=after.updated_at,
            facts=facts,
            definition=decided.definition,
            origin=decided.origin,
            rows=[*decided.rows, *attempt_rows(before, facts, after.updated_at, after.flow_id), execution_row(after)],
        )
        try:
            appended = await self._log.append(batch)
        except Conflict:
            made = None if key is None else await self._made_before(stream, key, command)
            if made is None:
                raise ExecutionExists(stream) from None
            return made
        self._loader.recorded(facts, after, appended)
        return after

    async def _require_seq(self, execution_id: str, expected: int) -> None:
        """What was recorded of an execution is shared, whatever becomes of it: a caller who minds is told in time."""
        head = await self._log.head(checked_id(execution_id))
        if head is not None and head.seq != expected:
            raise Conflict(execution_id, expected, head.seq)

    async def _made_before(self, stream: str, key: str, command: Fork) -> ExecutionState | None:
        """The fork that was made with this key, None where there is none.

        Raises:
            StartConflict: it was asked for in other words.
        """
        if await self._log.head(stream) is None:
            return None
        events = await self._log.read(stream)
        own = next(event.fact for event in events if event.stream == stream)
        if not isinstance(own, ExecutionForked) or own.content != content_of(command):
            raise StartConflict(key, stream, _difference(own, command), "fork with another key, or as that one was")
        return (await self._loader.load(stream))[0]

    async def _decide(self, execution_id: str, at: int, command: Fork, stream: str, choose: Choose | None) -> _Decided:
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
        definition = version.definition if version is not None else None
        origin = Origin(events[-1].stream, at, events[-1].digest)
        return _Decided(command, before, facts, after, rows, origin, definition)

    async def _shared(
        self, execution_id: str, at: int, stream: str
    ) -> tuple[ExecutionState, list[RowChange], list[Recorded]]:
        """The state after what is shared, as the fork's, the rows of that, and its events."""
        if isinstance(at, bool) or not isinstance(at, int):
            raise UsageError(f"expected the seq of an event, got {at!r}")
        head = None if is_system_stream(checked_id(execution_id)) else await self._log.head(execution_id)
        if head is None:
            raise ExecutionNotFound(execution_id)
        if not 1 <= at <= head.seq:
            raise UsageError(f"seq {at}: expected 1 to {head.seq}, the last event of execution {execution_id}")
        events = await self._log.read(execution_id, limit=at, inflated=True)
        machine: FlowMachine | None = None
        state = new_state(stream)
        rows: list[RowChange] = []
        latest = 0
        for event in events:
            digest = pinned(event.fact)
            if digest is not None or machine is None:
                machine = await self._loader.machine(digest or state.digest)
            rows += shared_rows(state, event.fact, event.at)
            state = evolve(machine, state, event.fact, event.at)
            latest = event.seq if not fork_hindrance(state) else latest
        hindrance = fork_hindrance(state)
        if hindrance:
            raise ForkRefused(execution_id, at, hindrance, latest)
        return state, rows, events


def _difference(fact: Fact, command: Fork) -> str:
    """How what was forked differs from what is asked for."""
    if not isinstance(fact, ExecutionForked):
        return "that is no fork"
    if (fact.origin, fact.origin_seq) != (command.origin, command.origin_seq):
        return f"that is a fork of {fact.origin} after seq {fact.origin_seq}"
    if fact.overrides != command.overrides:
        return "that has other values"
    if fact.content == content_of(msgspec.structs.replace(command, paused=not command.paused)):
        return "that was not paused" if command.paused else "that was paused"
    return "that goes on with another version of the flow"


def _way(state: ExecutionState) -> Literal["again", "waits", "from", "after"]:
    if begun_again(state) is not None:
        return "again"
    if state.phase in {Phase.WAITING, Phase.ASKING}:
        return "waits"
    return "after" if state.phase == Phase.DECIDED else "from"
