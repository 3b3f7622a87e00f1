"""Another version of a flow goes through a recorded execution with the outcomes that were recorded: nothing is executed.

The version's own machine decides, by the one `step` that drives live executions. Time is not rehearsed: waits end as
they ended, retries come at once, and the flow's timeout never does.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from flowsm.definition.model import FlowConfig
from flowsm.definition.user_schema import schema_misfits
from flowsm.errors import OverrideRefused
from flowsm.events.commands import Advance, Command, Create, Driver, RecordResult, Redrive
from flowsm.events.facts import Fact, TaskCompleted
from flowsm.machine.compile import compile_flow
from flowsm.machine.decide import step
from flowsm.machine.effect import Nothing, RunTask, WaitUntil, next_effect
from flowsm.machine.state import new_state
from flowsm.replay.recording import Outcome, Recording, Turn, Turns
from flowsm.status import TaskStatus

__all__ = ["Need", "Parted", "Rehearsal", "Stage", "rehearse"]

_FAILURE: Final = TaskStatus.FAILURE.value


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt whose outcome was never recorded; `why` says in which way it is new."""

    task: str
    visit: int
    attempt: int
    why: str


class Parted(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where the recorded way and the version's part first: after so many turns in common, at `task`."""

    common: int
    task: str
    recorded: Turn
    rehearsed: Turn


class Rehearsal(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one history.

    `status` is the recorded one, `in flight` for what has not ended; `upto` how far it was compared (see `Recording`).
    `need` is what the version's way came to a halt at; `end` the status that it ended in, if it did.
    """

    execution_id: str
    digest: str
    status: str
    upto: str
    parted: Parted | None = None
    need: Need | None = None
    end: str | None = None
    parameters: dict[str, Any] | None = None
    """Those of the attempt at whose outcome it came to a halt."""

    @property
    def same(self) -> bool:
        """Whether it takes the same path, as far as one was recorded."""
        return self.parted is None and self.need is None

    @property
    def ends_differently(self) -> bool:
        """Whether it comes to an end, and to another one than the recorded."""
        return self.upto == "end" and self.end is not None and self.end != self.status


class Stage:
    """A version of a flow, ready to rehearse any number of histories."""

    def __init__(self, flow: FlowConfig) -> None:
        self.flow = flow
        self.machine = compile_flow(replace(flow, timeout=None))
        self.machine.waiting = frozenset()  # what a wait came to is recorded like any other result

    def rehearse(self, recording: Recording) -> Rehearsal:
        """Go through one history."""
        return rehearse(self, recording)


def rehearse(stage: Stage, recording: Recording) -> Rehearsal:
    """Go through one history; see `Stage`."""
    walk = _Walk(stage, recording)
    if not walk.is_refused():
        walk.go()
    return Rehearsal(
        execution_id=recording.execution_id,
        digest=recording.digest,
        status=recording.status,
        upto=recording.upto,
        parted=walk.parted,
        need=walk.need,
        end=walk.end,
        parameters=walk.parameters,
    )


class _Walk:
    """One history on its way through the version; `_common` counts the turns that both took."""

    def __init__(self, stage: Stage, recording: Recording) -> None:
        self.parted: Parted | None = None
        self.need: Need | None = None
        self.end: str | None = None
        self.parameters: dict[str, Any] | None = None
        self._stage = stage
        self._recording = recording
        self._turns = recording.turns
        self._common = 0
        self._is_past = False
        self._picking = Turns()
        self._driver = Driver(worker="rehearsal")
        self._now = datetime.fromisoformat(recording.created_at)
        self._state = new_state(recording.execution_id)

    def is_refused(self) -> bool:
        """Whether the version would not take the input: then no execution would have been created."""
        schema = self._stage.flow.input_schema
        misfit = next(iter(schema_misfits(schema, self._recording.input)), None) if schema is not None else None
        if misfit is None:
            return False
        where = misfit.pointer or "the input"
        self._part(Turn(kind="refuses", source="created", note=f"{where}: {misfit.message}"))
        return True

    def go(self) -> None:
        """Go on to the end, or to where the recorded execution is, or to an outcome that is not there."""
        recording = self._recording
        self._ask(Create(digest="", input=recording.input, parent=recording.parent, depth=recording.depth))
        while not self._is_past:
            effect = next_effect(self._state)
            if isinstance(effect, Nothing):
                if not self._goes_on():
                    self.end = self._state.status.value
                    return
            elif isinstance(effect, RunTask):
                outcome = recording.outcomes.get((effect.task, effect.visit, effect.attempt))
                if outcome is None:
                    self.parameters = self._state.attempt.parameters if self._state.attempt is not None else None
                    self._lack(effect)
                    return
                self._ask(_result(self._driver, outcome))
            else:
                if isinstance(effect, WaitUntil):
                    self._now = max(self._now, datetime.fromisoformat(effect.due))
                self._ask(Advance(driver=self._driver))

    def _ask(self, command: Command) -> None:
        facts, self._state = step(self._stage.machine, self._state, command, self._now)
        for fact in facts:
            self._compare(fact)

    def _compare(self, fact: Fact) -> None:
        turn = self._picking.of(fact)
        if turn is None or self.parted is not None or self._is_past:
            return
        if self._common < len(self._turns):
            if self._turns[self._common].way == turn.way:
                self._common += 1
            else:
                self._part(turn)
        elif turn.kind in {"goes", "aborts"} and turn.source != "created" and self._recording.upto == "present":
            self._part(turn)  # the recorded execution stands where this one goes on
        else:
            self._is_past = True

    def _part(self, turn: Turn) -> None:
        recorded = self._turns[self._common : self._common + 1]
        place = turn.source
        self.parted = Parted(
            common=self._common,
            task=place,
            recorded=recorded[0] if recorded else Turn(kind="stands", source=place),
            rehearsed=turn,
        )

    def _lack(self, effect: RunTask) -> None:
        """An outcome is not there: right so, where the recorded execution is just there too."""
        if self.parted is None and self._common == len(self._turns) and self._recording.upto != "end":
            return
        known = self._recording.outcomes
        if effect.attempt > 1 and (effect.task, effect.visit, effect.attempt - 1) in known:
            why = "it was not tried so often"
        elif any(task == effect.task for task, _, _ in known):
            why = "it was not visited so often"
        else:
            why = "it never ran"
        self.need = Need(task=effect.task, visit=effect.visit, attempt=effect.attempt, why=why)

    def _goes_on(self) -> bool:
        """Whether the ended execution was redriven, and is here too."""
        if self.parted is not None or self._common >= len(self._turns):
            return False
        redriven = self._turns[self._common]
        task = None if redriven.note else redriven.source
        try:
            self._ask(Redrive(task=task, overrides=redriven.overrides))
        except OverrideRefused as refused:
            self._part(Turn(kind="refuses", source=redriven.source, note=f"{refused.place}: {refused.reason}"))
            return False
        return True


def _result(driver: Driver, fact: Outcome) -> RecordResult:
    """A recorded result, as it is recorded again."""
    if isinstance(fact, TaskCompleted):
        return RecordResult(
            driver=driver,
            task=fact.task,
            visit=fact.visit,
            attempt=fact.attempt,
            status=fact.status,
            outcome=fact.outcome,
            message=fact.message,
            data=fact.data,
            error=fact.error,
        )
    return RecordResult(
        driver=driver,
        task=fact.task,
        visit=fact.visit,
        attempt=fact.attempt,
        status=_FAILURE,
        outcome=_FAILURE,
        error=fact.error,
        timed_out=True,
    )
