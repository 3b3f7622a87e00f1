"""Operators' verbs: pause, resume, cancel, redrive, upgrade."""

from __future__ import annotations

from typing import Any, Final

from flowsm.events.facts import (
    ExecutionCancelling,
    ExecutionPaused,
    ExecutionRedriven,
    ExecutionResumed,
    ExecutionUpgraded,
)
from flowsm.machine.changes.checks import Changes, Refused, expect, overridden
from flowsm.machine.compile import FlowMachine
from flowsm.machine.state import AT_WORK, Attempt, ExecutionState, Phase, Request
from flowsm.status import FlowStatus

__all__ = ["OPERATOR_CHANGES"]

_OVER: Final = frozenset({Phase.NEW, Phase.ENDING, Phase.ENDED})
_PARKED: Final = frozenset({Phase.WAITING, Phase.ASKING})


def _expect_alive(state: ExecutionState) -> None:
    if state.phase in _OVER:
        raise Refused(f"is not legal while the execution is {state.phase}")
    if state.cancelling is not None:
        raise Refused("the execution is being cancelled")


def _paused(_: FlowMachine, state: ExecutionState, fact: ExecutionPaused, at: str) -> Changes:
    _expect_alive(state)
    if state.paused is not None and (state.paused.now or not fact.now):
        raise Refused("the execution was paused before")
    changes: Changes = {"paused": Request(at=at, reason=fact.reason, actor=fact.actor, now=fact.now)}
    if state.phase not in AT_WORK:
        changes["status"] = FlowStatus.PAUSED
    return changes


def _resumed(_: FlowMachine, state: ExecutionState, fact: ExecutionResumed, at: str) -> Changes:
    _expect_alive(state)
    if state.paused is None:
        raise Refused("the execution is not paused")
    changes: Changes = {"paused": None}
    if state.started_at is None:
        changes["status"] = FlowStatus.CREATED
    elif state.phase not in AT_WORK:
        changes["status"] = FlowStatus.WAITING if state.phase in _PARKED else FlowStatus.RUNNING
    return changes


def _cancelling(_: FlowMachine, state: ExecutionState, fact: ExecutionCancelling, at: str) -> Changes:
    """A second one gives up the cleaning that the first one led to."""
    before = state.cancelling
    if state.cleaning and before is not None and state.phase not in _OVER:
        reason, actor = fact.reason or before.reason, fact.actor or before.actor
        return {"cancelling": Request(at=at, reason=reason, actor=actor, now=True), "cleaning": False}
    _expect_alive(state)
    changes: Changes = {"cancelling": Request(at=at, reason=fact.reason, actor=fact.actor, now=True), "paused": None}
    if state.status is FlowStatus.PAUSED:
        changes["status"] = FlowStatus.RUNNING if state.started_at is not None else FlowStatus.CREATED
    return changes


def _redriven(machine: FlowMachine, state: ExecutionState, fact: ExecutionRedriven, at: str) -> Changes:
    """The machine is put back into the state that it left: no transition leads out of an end."""
    expect(state, Phase.ENDED)
    if state.status is not FlowStatus.FAILED or state.removed:
        raise Refused("only a failed execution that was not removed is redriven")
    task = fact.task
    if fact.visit != state.visits.get(task, 0) or not fact.visit:
        raise Refused(f"names visit {fact.visit} of {task!r}, it was visited {state.visits.get(task, 0)} times")
    latest = state.results.get(task)
    has_result = latest is not None and latest.visit == fact.visit  # that of a skipped visit is of attempt 0
    before = latest.attempt if latest is not None and has_result else 0
    stands = fact.attempt == 0
    if fact.attempt != before + 1 and not (stands and has_result):
        raise Refused(f"goes on with attempt {fact.attempt}, the latest was attempt {before}")
    attempt = None if stands else Attempt(visit=fact.visit, attempt=fact.attempt, base=before)
    return {
        **(overridden(state, fact.overrides) if fact.overrides else {}),
        "phase": Phase.DECIDED if stands else Phase.AGAIN,
        "status": FlowStatus.RUNNING,
        "node": task,
        "attempt": attempt,
        "path": state.path if state.path[-1:] == (task,) else (*state.path, task),
        "deadline": fact.deadline,
        "transitions_base": state.transitions,
        "redrives": state.redrives + 1,
        "skipped": (),
        "error": None,
        "ended_at": None,
    }


def _upgraded(machine: FlowMachine, state: ExecutionState, fact: ExecutionUpgraded, at: str) -> Changes:
    """The machine is that of the version which it goes on with: what it stands at has to be there too."""
    _expect_alive(state)
    if fact.before != state.digest:
        raise Refused(f"takes it from version {fact.before[:12]}, it has version {state.digest[:12]}")
    if state.node not in machine.states:
        raise Refused(f"goes on with a version that has no task {state.node!r}, at which it stands")
    return {
        "digest": fact.digest,
        "flow_name": fact.flow_name,
        "deadline": fact.deadline,
        "upgrades": state.upgrades + 1,
    }


OPERATOR_CHANGES: Final[dict[type[Any], Any]] = {
    ExecutionPaused: _paused,
    ExecutionResumed: _resumed,
    ExecutionCancelling: _cancelling,
    ExecutionRedriven: _redriven,
    ExecutionUpgraded: _upgraded,
}
