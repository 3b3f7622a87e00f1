"""Why an execution went where it went: the conditions asked, in order, with what each wanted and what it got."""

from __future__ import annotations

from typing import Any

import msgspec

from flowsm.definition.model import ConditionConfig
from flowsm.events.facts import Operand, TransitionTaken
from flowsm.machine.compile import ABORT, CANCEL, START, FlowMachine
from flowsm.replay.history import Step

__all__ = ["Asked", "Decision", "decision_of"]


class Asked(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One condition that was asked: `met` when its outcome was the task's and every clause held."""

    condition: str
    wanted: str
    met: bool
    clauses: tuple[Operand, ...] = ()
    """The clauses of its `when`, with what was seen; none where its outcome was another one already."""
    target: str
    """Where it leads when it is met."""


class Decision(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One transition and its reasons. `status` and `outcome` are those of the task that was left."""

    seq: int
    at: str
    source: str
    target: str
    visit: int | None = None
    status: str | None = None
    outcome: str | None = None
    asked: tuple[Asked, ...] = ()
    condition: str | None = None
    met: bool = True
    reason: str
    """In a sentence."""


def decision_of(machine: FlowMachine, step: Step) -> Decision | None:
    """The decision that an event records; None where it is no transition."""
    fact = step.event.fact
    if not isinstance(fact, TransitionTaken):
        return None
    place: dict[str, Any] = {"seq": step.event.seq, "at": step.event.at, "source": fact.source, "target": fact.target}
    if fact.trigger in {START, ABORT, CANCEL}:
        return Decision(**place, reason=_engines_reason(machine, step, fact))
    result = step.before.results[fact.source]
    asked = _asked(machine, fact, result.outcome)
    return Decision(
        **place,
        visit=result.visit,
        status=result.status,
        outcome=result.outcome,
        asked=asked,
        condition=fact.condition,
        met=fact.met,
        reason=_reason(fact, result.status, result.outcome, asked),
    )


def _asked(machine: FlowMachine, fact: TransitionTaken, outcome: str) -> tuple[Asked, ...]:
    """The conditions up to the one that was taken; the recorded operands belong to their clauses, in order."""
    left = list(fact.operands)
    asked: list[Asked] = []
    for rule in machine.rules[fact.source]:
        condition: ConditionConfig = rule.condition
        matches = condition.outcome == outcome
        clauses = tuple(left[: len(condition.when)]) if matches else ()
        del left[: len(clauses)]
        met = fact.met and condition.name == fact.condition
        asked.append(
            Asked(
                condition=condition.name,
                wanted=condition.outcome,
                met=met,
                clauses=clauses,
                target=condition.target_task_success,
            )
        )
        if met:
            break
    return tuple(asked)


def _reason(fact: TransitionTaken, status: str, outcome: str, asked: tuple[Asked, ...]) -> str:
    said = f"outcome {outcome!r}" + (f" (status {status})" if status != outcome else "")
    if not asked:
        return f"{fact.source!r} ended with {said}; no condition leaves it, so the flow ends"
    if fact.met:
        clauses = " and ".join(clause_text(operand) for operand in asked[-1].clauses)
        held = f", and its clauses hold: {clauses}" if clauses else ""
        return f"{fact.source!r} ended with {said}; condition {fact.condition!r} wants {asked[-1].wanted!r}{held}"
    missed = "; ".join(_missed(one, outcome) for one in asked)
    return f"{fact.source!r} ended with {said}; no condition was met ({missed}): the last one's target_task_failure is taken"


def _missed(one: Asked, outcome: str) -> str:
    if one.wanted != outcome:
        return f"{one.condition!r} wants {one.wanted!r}"
    broken = " and ".join(clause_text(operand) for operand in one.clauses if not operand.held)
    return f"{one.condition!r} wants {broken}" if broken else f"{one.condition!r} does not fit the status"


def clause_text(operand: Operand) -> str:
    """A clause with what was seen: `/results/fetch/data/total gt 1000, it was 12`."""
    wanted = "" if operand.op in {"exists", "empty"} else f" {msgspec.json.encode(operand.wanted).decode()}"
    seen = msgspec.json.encode(operand.seen).decode() if operand.found else "not there"
    return f"{operand.path} {operand.op}{wanted}, it was {seen}"


def _engines_reason(machine: FlowMachine, step: Step, fact: TransitionTaken) -> str:
    """The engine's own transitions look at no outcome."""
    if fact.trigger == START:
        return f"the flow's start_task is {fact.target!r}"
    if fact.trigger == CANCEL:
        asked = step.before.cancelling
        by = f" by {asked.actor}" if asked is not None and asked.actor else ""
        why = f": {asked.reason}" if asked is not None and asked.reason else ""
        cleans = f"; {fact.target!r} is the flow's on_cancel" if fact.target in machine.tasks else ""
        return f"the execution was cancelled{by}{why}{cleans}"
    transitions = step.before.transitions - step.before.transitions_base
    if transitions >= machine.flow.max_transitions:
        return f"the flow's max_transitions of {machine.flow.max_transitions} were used up"
    return "the flow's timeout was over" if step.before.deadline is not None else "the engine gave the execution up"
