"""The execution as a whole: it is created, started, driven from state to state, and ends."""

from __future__ import annotations

from typing import Any, Final

from flowsm.events.facts import (
    ErrorInfo,
    ExecutionCancelled,
    ExecutionCompleted,
    ExecutionCreated,
    ExecutionFailed,
    ExecutionRemoved,
    ExecutionStarted,
    TransitionTaken,
)
from flowsm.machine.changes.checks import Changes, Refused, expect
from flowsm.machine.compile import ABORT, CANCEL, START, FlowMachine
from flowsm.machine.state import ExecutionState, Phase
from flowsm.status import FlowStatus

__all__ = ["EXECUTION_CHANGES"]

_ENGINE_TRIGGERS: Final = frozenset({START, ABORT, CANCEL})
_RUNNING: Final = FlowStatus.RUNNING
_PAUSED: Final = FlowStatus.PAUSED
_NEVER_LEFT: Final = frozenset(
    {Phase.RUNNING, Phase.PROBING, Phase.WAITING, Phase.AWAITED, Phase.NEW, Phase.ENDING, Phase.ENDED}
)


def _created(_: FlowMachine, state: ExecutionState, fact: ExecutionCreated, at: str) -> Changes:
    expect(state, Phase.NEW)
    return {
        "phase": Phase.CREATED,
        "digest": fact.digest,
        "flow_id": fact.flow_id,
        "flow_name": fact.flow_name,
        "input": fact.input,
        "start_at": fact.start_at,
        "idempotency_key": fact.idempotency_key,
        "parent": fact.parent,
        "depth": fact.depth,
        "traceparent": fact.traceparent,
        "created_at": at,
    }


def _started(_: FlowMachine, state: ExecutionState, fact: ExecutionStarted, at: str) -> Changes:
    expect(state, Phase.CREATED)
    if state.started_at is not None:
        raise Refused("the execution was started before")
    return {"status": _RUNNING, "worker": fact.worker, "deadline": fact.deadline, "started_at": at}


def _transition_taken(machine: FlowMachine, state: ExecutionState, fact: TransitionTaken, at: str) -> Changes:
    if fact.source != state.node:
        raise Refused(f"leaves {fact.source!r}, the machine is in {state.node!r}")
    target = machine.target(fact.source, fact.trigger)
    if target != fact.target:
        made = f"leads to {target!r}" if target else "is not known there"
        raise Refused(f"goes from {fact.source!r} to {fact.target!r} by {fact.trigger!r}, which {made}")
    if fact.trigger in _ENGINE_TRIGGERS:
        _expect_engine(state, fact)
        changes = _enter(machine, state, target, 0)
        if fact.trigger == CANCEL and target in machine.tasks:
            changes["cleaning"] = True
        return changes
    expect(state, Phase.DECIDED)
    result = state.results[fact.source]
    if fact.outcome != result.outcome:
        raise Refused(f"is taken on outcome {fact.outcome!r}, the recorded one is {result.outcome!r}")
    if not machine.may_take(fact.source, result.status, result.outcome, fact.trigger):
        raise Refused(f"{fact.trigger!r} is no way out for status {result.status!r} with outcome {result.outcome!r}")
    return _enter(machine, state, target, 1)


def _expect_engine(state: ExecutionState, fact: TransitionTaken) -> None:
    """The engine's own transitions look at no outcome."""
    if fact.outcome is not None:
        raise Refused(f"{fact.trigger} is taken on outcome {fact.outcome!r}, expected none")
    if fact.trigger == START:
        expect(state, Phase.CREATED)
        if state.started_at is None:
            raise Refused("the execution was not started")
    elif state.phase in _NEVER_LEFT:
        raise Refused(f"{fact.trigger} is not legal while the execution is {state.phase}")


def _enter(machine: FlowMachine, state: ExecutionState, target: str, routed: int) -> Changes:
    transitions = state.transitions + routed
    if target not in machine.tasks:
        return {"phase": Phase.ENDING, "node": target, "attempt": None, "transitions": transitions}
    changes: Changes = {
        "phase": Phase.ENTERED,
        "node": target,
        "attempt": None,
        "visits": {**state.visits, target: state.visits.get(target, 0) + 1},
        "path": (*state.path, target),
        "transitions": transitions,
    }
    if state.paused is not None:
        changes["status"] = _PAUSED
    return changes


def _end(state: ExecutionState, status: FlowStatus, skipped: tuple[str, ...], at: str, **changes: Any) -> Changes:
    expect(state, Phase.ENDING)
    if state.node != status:
        raise Refused(f"the machine is in {state.node!r}")
    return {
        "phase": Phase.ENDED,
        "status": status,
        "ended_at": at,
        "skipped": skipped,
        "signals": (),
        "paused": None,
        "cancelling": None,
        "cleaning": False,
        **changes,
    }


def _completed(_: FlowMachine, state: ExecutionState, fact: ExecutionCompleted, at: str) -> Changes:
    return _end(state, FlowStatus.COMPLETED, fact.skipped, at)


def _failed(_: FlowMachine, state: ExecutionState, fact: ExecutionFailed, at: str) -> Changes:
    return _end(state, FlowStatus.FAILED, fact.skipped, at, error=fact.error, last_error=fact.error)


def _cancelled(_: FlowMachine, state: ExecutionState, fact: ExecutionCancelled, at: str) -> Changes:
    message = fact.reason or "cancelled"
    return _end(state, FlowStatus.CANCELLED, fact.skipped, at, error=ErrorInfo(type="Cancelled", message=message))


def _removed(_: FlowMachine, state: ExecutionState, fact: ExecutionRemoved, at: str) -> Changes:
    expect(state, Phase.ENDED)
    if state.removed:
        raise Refused("the execution was removed before")
    return {"removed": True}


EXECUTION_CHANGES: Final[dict[type[Any], Any]] = {
    ExecutionCreated: _created,
    ExecutionStarted: _started,
    TransitionTaken: _transition_taken,
    ExecutionCompleted: _completed,
    ExecutionFailed: _failed,
    ExecutionCancelled: _cancelled,
    ExecutionRemoved: _removed,
}
