"""What an execution came to, in the shape in which another version of its flow can go through it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Literal

import msgspec

from flowsm.events.envelope import Recorded
from flowsm.events.facts import (
    ExecutionCancelled,
    ExecutionCompleted,
    ExecutionCreated,
    ExecutionFailed,
    ExecutionForked,
    ExecutionRedriven,
    Fact,
    ParentRef,
    TaskCompleted,
    TaskSkipped,
    TaskStarted,
    TaskTimedOut,
    TransitionTaken,
)
from flowsm.machine.compile import ABORT, CANCEL
from flowsm.machine.evolve import pinned

__all__ = ["Outcome", "Recording", "Turn", "Turns", "record"]

_FLOW_TIMEOUT: Final = "FlowTimeout"
_UNRESOLVED: Final = "UnresolvedReference"

Outcome = TaskCompleted | TaskTimedOut
Key = tuple[str, int, int]
"""An attempt: task, visit, attempt."""


class Turn(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that an execution did on its way.

    `kind` is `goes` (to `target`, a task or an end), `runs` or `skips` (the task `source`), `aborts` (its transitions
    are used up), `redriven`, `refuses` (the input), or `stands` (it is in `source`, and goes no further). `condition`
    is the one that sent it there, met or not; `note` is what else there is to say.
    """

    kind: Literal["goes", "runs", "skips", "aborts", "redriven", "refuses", "stands"]
    source: str
    target: str = ""
    condition: str | None = None
    met: bool = True
    note: str = ""
    overrides: dict[str, Any] = {}
    """Of one that is redriven: the values that it goes on with, by their places."""

    @property
    def way(self) -> tuple[str, str, str]:
        """What makes it the same as another: not which condition it was."""
        return self.kind, self.source, self.target


class Turns:
    """Picks the turns out of facts; an attempt that is run again is no new one."""

    def __init__(self) -> None:
        self._begun: set[tuple[str, int]] = set()

    def of(self, fact: Fact) -> Turn | None:
        """The turn that a fact records; None where it records none."""
        if isinstance(fact, TransitionTaken):
            kind: Literal["goes", "aborts"] = "aborts" if fact.trigger == ABORT else "goes"
            return Turn(kind=kind, source=fact.source, target=fact.target, condition=fact.condition, met=fact.met)
        if isinstance(fact, TaskStarted) and (fact.task, fact.visit) not in self._begun:
            self._begun.add((fact.task, fact.visit))
            return Turn(kind="runs", source=fact.task)
        if isinstance(fact, TaskSkipped):
            return Turn(kind="skips", source=fact.task)
        if isinstance(fact, ExecutionRedriven):
            note = "stands" if fact.attempt == 0 else ""
            return Turn(kind="redriven", source=fact.task, note=note, overrides=fact.overrides)
        return None


class Recording:
    """One execution's turns and the results of its attempts; give it all its events, in order.

    `upto` is how far its turns go: to its `end`, to where it is at `present`, or to a `cut`: there somebody cancelled it,
    or the flow's time was over, or it was forked with other values, which no version decides from recorded outcomes.
    """

    def __init__(self, execution_id: str) -> None:
        self.execution_id = execution_id
        self.seq = 0
        self.digest = ""
        self.created_at = ""
        self.input: Any = None
        self.parent: ParentRef | None = None
        self.depth = 0
        self.status = "in flight"
        self.upto: Literal["end", "present", "cut"] = "present"
        self.turns: list[Turn] = []
        self.outcomes: dict[Key, Outcome] = {}
        self._picking = Turns()
        self._aborting: Turn | None = None

    def take(self, event: Recorded) -> None:
        """One more event."""
        self.seq = event.seq
        fact = event.fact
        self.digest = pinned(fact) or self.digest
        self._of_execution(fact, event.at)
        if self.upto == "cut":
            return
        if isinstance(fact, TaskCompleted | TaskTimedOut):
            self._keep(fact)
            return
        if isinstance(fact, TransitionTaken) and fact.trigger == CANCEL:
            self.upto = "cut"
            return
        turn = self._picking.of(fact)
        if turn is None:
            return
        if turn.kind == "aborts":
            self._aborting = turn
            return
        if turn.kind == "redriven":
            self.upto = "present"
        self.turns.append(turn)

    def _of_execution(self, fact: Fact, at: str) -> None:
        """What the fact means for the execution as a whole."""
        if isinstance(fact, ExecutionCreated):
            self.created_at = at
            self.input, self.parent, self.depth = fact.input, fact.parent, fact.depth
        elif isinstance(fact, ExecutionCompleted | ExecutionFailed | ExecutionCancelled):
            self._end(fact)
        elif isinstance(fact, ExecutionRedriven):
            self.status = "in flight"
        elif isinstance(fact, ExecutionForked) and fact.overrides:
            self.upto = "cut"

    def _keep(self, fact: Outcome) -> None:
        """A result that the engine gave, and that depends on the version or on the clock, is none of the task's."""
        given = fact.error.type if fact.error is not None else ""
        if given == _UNRESOLVED or (given == _FLOW_TIMEOUT and isinstance(fact, TaskTimedOut)):
            return
        self.outcomes[fact.task, fact.visit, fact.attempt] = fact

    def _end(self, fact: ExecutionCompleted | ExecutionFailed | ExecutionCancelled) -> None:
        self.status = fact.TYPE.partition(".")[2]
        aborting, self._aborting = self._aborting, None
        if self.upto == "cut":
            return
        if aborting is not None and isinstance(fact, ExecutionFailed) and fact.error.type == _FLOW_TIMEOUT:
            self.upto = "cut"
            return
        if aborting is not None:
            self.turns.append(aborting)
        self.upto = "end"


def record(execution_id: str, events: Iterable[Recorded]) -> Recording:
    """The recording of an execution from all its events."""
    recording = Recording(execution_id)
    for event in events:
        recording.take(event)
    return recording
