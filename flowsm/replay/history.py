"""An execution's recorded events with the machines that made them: every state that it was in."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from flowsm.errors import IllegalEvent, UsageError
from flowsm.events.envelope import Recorded
from flowsm.machine.compile import FlowMachine
from flowsm.machine.evolve import MachineOf, evolve, pinned
from flowsm.machine.state import ExecutionState, new_state

__all__ = ["History", "Step"]

_STATE_KEPT_EVERY: Final = 100
"""Events: from the state before it is folded on, so a step back costs at most so many folds."""
_STATES_KEPT_MAX: Final = 1_000
"""Of a longer history every second one is let go of, again and again: the states of a million events are too many."""


class Step(NamedTuple):
    """One event, the states before and after it, and the machine of the flow that the execution runs then."""

    before: ExecutionState
    event: Recorded
    after: ExecutionState
    machine: FlowMachine


class History:
    """What happened to one execution, to be looked at from any point.

    Args:
        machine: the machine of the only flow that it ever ran, or what gives those of its flows.
        events: all its events, in order, the first with seq 1. They are only read where they are looked at, so a
            sequence that reads them page by page will do.
        stream: the execution's id; events that a fork shares bear another one.
    """

    def __init__(self, machine: FlowMachine | MachineOf, events: Sequence[Recorded], stream: str) -> None:
        self._machine = machine
        self._machines: dict[str, FlowMachine] = {}
        self.events = events
        self.stream = stream
        self._kept: dict[int, ExecutionState] = {0: new_state(self.stream)}
        self._kept_seqs = [0]
        self._kept_every = _STATE_KEPT_EVERY
        self._given = {0}

    @property
    def machine(self) -> FlowMachine:
        """The machine of the flow that the execution runs last, as far as it was looked at.

        Raises:
            UsageError: it has no event.
        """
        return self._of(self._kept[self._kept_seqs[-1]])

    def machine_at(self, seq: int) -> FlowMachine:
        """The machine of the flow that the execution runs after this event; before the first, that which it was created with.

        Raises:
            UsageError: there is no such event.
            IllegalEvent: the machine would not allow one of the events up to it.
        """
        return self._of(self.state_at(seq))

    def keep(self, state: ExecutionState) -> None:
        """Take a state that is known from elsewhere (a snapshot, the present): what comes after it is folded from it."""
        self._given.add(state.seq)
        self._keep(state)

    @property
    def last(self) -> int:
        """The seq of the last event; 0 where there is none."""
        return len(self.events)

    def event(self, seq: int) -> Recorded:
        """The event with this seq.

        Raises:
            UsageError: there is none.
        """
        return self.events[self._checked(seq, 1) - 1]

    def state_at(self, seq: int) -> ExecutionState:
        """The state after the event with this seq; 0 is before the first.

        Raises:
            UsageError: there is no such event.
            IllegalEvent: the machine would not allow one of the events up to it.
        """
        self._checked(seq, 0)
        nearest = self._kept_seqs[bisect_right(self._kept_seqs, seq) - 1]
        state = self._kept[nearest]
        for number in range(nearest, seq):
            state = self._fold(state, self.events[number])
        return state

    def steps(self, after: int = 0, upto: int | None = None) -> Iterator[Step]:
        """The steps from the state after one event up to and with another, by default the last; errors as above."""
        end = self.last if upto is None else self._checked(upto, 0)
        before = self.state_at(after)
        for number in range(after, end):
            event = self.events[number]
            state = self._fold(before, event)
            yield Step(before, event, state, self._of(state))
            before = state

    def steps_back(self, seq: int) -> Iterator[Step]:
        """The steps from the one that led to the state after this event down to the first; errors as above."""
        while seq > 0:
            first = (seq - 1) // self._kept_every * self._kept_every
            yield from reversed(list(self.steps(first, seq)))
            seq = first

    def _checked(self, seq: int, least: int) -> int:
        if not least <= seq <= self.last:
            raise UsageError(f"seq {seq}: expected {least} to {self.last}, the last event of execution {self.stream}")
        return seq

    def _fold(self, state: ExecutionState, event: Recorded) -> ExecutionState:
        if event.seq != state.seq + 1:
            raise IllegalEvent(event.stream, event.seq, event.type, f"comes after seq {state.seq}")
        after = evolve(self._of(state, event), state, event.fact, event.at)
        if after.seq % self._kept_every == 0:
            self._keep(after)
        return after

    def _of(self, state: ExecutionState, event: Recorded | None = None) -> FlowMachine:
        """The machine by which an event is folded after this state; without one, that of the state."""
        if isinstance(self._machine, FlowMachine):
            return self._machine
        digest = pinned(event.fact) if event is not None else None
        if digest is None:
            digest = state.digest or pinned(self.event(1).fact)
        if digest is None:
            raise IllegalEvent(self.stream, 1, self.event(1).type, "comes before the execution was created")
        machine = self._machines.get(digest)
        if machine is None:
            machine = self._machines[digest] = self._machine(digest)
        return machine

    def _keep(self, state: ExecutionState) -> None:
        if state.seq not in self._kept:
            self._kept_seqs.insert(bisect_right(self._kept_seqs, state.seq), state.seq)
        self._kept[state.seq] = state
        if len(self._kept) > _STATES_KEPT_MAX:
            self._kept_every *= 2
            self._kept_seqs = [seq for seq in self._kept_seqs if seq % self._kept_every == 0 or seq in self._given]
            self._kept = {seq: self._kept[seq] for seq in self._kept_seqs}
