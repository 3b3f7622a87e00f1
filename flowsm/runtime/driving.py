"""What a driver holds in its hands, and which steps of it still stand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from flowsm.errors import IllegalEvent
from flowsm.events.commands import Command, RecordChild, RecordProbe, RecordResult
from flowsm.events.facts import Fact, TaskStarted, TransitionTaken
from flowsm.machine.compile import FlowMachine
from flowsm.machine.evolve import evolve
from flowsm.machine.state import AT_WORK, ExecutionState, Phase
from flowsm.runtime.transaction import TransactionEnd

__all__ = ["Claimed", "Drive", "Unrecorded", "before_next_start", "drive", "stands"]

_OF_ATTEMPTS: Final = (RecordResult, TransactionEnd, RecordProbe)


class Drive:
    """What the driver of an execution knows of it: where its log ends, and under which epoch.

    `is_busy` while it appends; `has_let_go` of the execution, which waits, though it still looks at what that waits
    for; `is_again`: that has come, so that the execution is to be claimed again.
    """

    __slots__ = ("epoch", "has_let_go", "is_again", "is_busy", "seq")

    def __init__(self, seq: int, epoch: int) -> None:
        self.seq, self.epoch = seq, epoch
        self.is_busy = self.has_let_go = self.is_again = False


class Claimed(NamedTuple):
    """An execution that is to be driven from a state on, under an epoch; -1 where nothing is to be driven."""

    state: ExecutionState
    machine: FlowMachine
    epoch: int


class Unrecorded(NamedTuple):
    """What an attempt came to, which could not be recorded: the file was locked, full, or read-only."""

    machine: FlowMachine
    state: ExecutionState
    epoch: int
    command: Command | TransactionEnd


def stands(state: ExecutionState, command: Command | TransactionEnd) -> bool:
    """Whether the execution still waits for this attempt's result, or has not been started on a task since."""
    attempt = state.attempt
    if isinstance(command, RecordChild):
        return state.child == command.child
    if not isinstance(command, _OF_ATTEMPTS):
        return state.phase not in AT_WORK
    return (
        state.phase == (Phase.PROBING if isinstance(command, RecordProbe) else Phase.RUNNING)
        and attempt is not None
        and state.node == command.task
        and attempt.visit == command.visit
        and attempt.attempt == command.attempt
    )


def before_next_start(
    machine: FlowMachine, state: ExecutionState, facts: tuple[Fact, ...], after: ExecutionState
) -> tuple[tuple[Fact, ...], ExecutionState]:
    """What was decided, up to where another task would be started: whoever goes on finds nothing interrupted."""
    for number, fact in enumerate(facts):
        if isinstance(fact, TaskStarted):
            kept = facts[:number]
            for earlier in kept:
                state = evolve(machine, state, earlier, after.updated_at)
            return kept, state
    return facts, after


def drive(machine: FlowMachine, state: ExecutionState, facts: Sequence[Fact]) -> None:
    """Drive the live machine along the transitions that were decided.

    Raises:
        IllegalEvent: it goes elsewhere than the fold says.
    """
    cursor = machine.cursor(state.node)
    for fact in facts:
        if type(fact) is TransitionTaken:
            reached = machine.fire(cursor, fact.trigger)
            if reached != fact.target:
                seq = state.seq + 1 + facts.index(fact)
                raise IllegalEvent(state.stream, seq, fact.TYPE, f"the machine goes to {reached!r}")
