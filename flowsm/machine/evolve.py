"""evolve(machine, state, fact, at) → state: the one fold through which every state comes about.

Pure and total: it gives the next state, or raises `IllegalEvent` with the seq at which the log and
the machine part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from msgspec.structs import replace

from flowsm.errors import IllegalEvent
from flowsm.events.envelope import Recorded
from flowsm.events.facts import (
    ErrorInfo,
    ExecutionCancelled,
    ExecutionCompleted,
    ExecutionCreated,
    ExecutionFailed,
    ExecutionRemoved,
    ExecutionStarted,
    Fact,
    RetryScheduled,
    TaskCompleted,
    TaskInterrupted,
    TaskSkipped,
    TaskStarted,
    TaskTimedOut,
    TransitionTaken,
)
from flowsm.machine.compile import ABORT, CANCEL, START, FlowMachine
from flowsm.machine.state import Attempt, ExecutionState, Phase, StoredResult, new_state
from flowsm.status import FlowStatus, TaskStatus

__all__ = ["evolve", "fold"]


_Changes = dict[str, Any]
_ENGINE_TRIGGERS: Final = frozenset({START, ABORT, CANCEL})
_STATUSES: Final = frozenset(TaskStatus)
_SUCCESS: Final = TaskStatus.SUCCESS.value
_FAILURE: Final = TaskStatus.FAILURE.value
_RUNNING: Final = FlowStatus.RUNNING


class _Refused(Exception):
    pass


def _expect(state: ExecutionState, *phases: str) -> None:
    if state.phase not in phases:
        expected = " or ".join(phases)
        raise _Refused(f"legal when the execution is {expected}, it is {state.phase}")


def _expect_task(state: ExecutionState, task: str, visit: int) -> None:
    if task != state.node:
        raise _Refused(f"names task {task!r}, the machine is in {state.node!r}")
    if visit != state.visits.get(task, 0):
        raise _Refused(f"names visit {visit} of {task!r}, it is visit {state.visits.get(task, 0)}")


def _expect_attempt(state: ExecutionState, fact: TaskCompleted | TaskTimedOut | TaskInterrupted) -> Attempt:
    _expect_task(state, fact.task, fact.visit)
    attempt = state.attempt
    if attempt is None or attempt.attempt != fact.attempt:
        running = attempt.attempt if attempt else None
        raise _Refused(f"ends attempt {fact.attempt}, running is {running}")
    return attempt


def _created(_: FlowMachine, state: ExecutionState, fact: ExecutionCreated, at: str) -> _Changes:
    _expect(state, Phase.NEW)
    return {
        "phase": Phase.CREATED,
        "digest": fact.digest,
        "flow_id": fact.flow_id,
        "flow_name": fact.flow_name,
        "input": fact.input,
        "created_at": at,
    }


def _started(_: FlowMachine, state: ExecutionState, fact: ExecutionStarted, at: str) -> _Changes:
    _expect(state, Phase.CREATED)
    if state.started_at is not None:
        raise _Refused("the execution was started before")
    return {"status": _RUNNING, "worker": fact.worker, "deadline": fact.deadline, "started_at": at}


def _task_started(_: FlowMachine, state: ExecutionState, fact: TaskStarted, at: str) -> _Changes:
    _expect(state, Phase.ENTERED, Phase.BACKOFF, Phase.INTERRUPTED)
    _expect_task(state, fact.task, fact.visit)
    expected = 1 if state.attempt is None else state.attempt.attempt
    if fact.attempt != expected:
        raise _Refused(f"starts attempt {fact.attempt}, expected attempt {expected}")
    attempt = Attempt(
        visit=fact.visit,
        attempt=fact.attempt,
        started_seq=state.seq + 1,
        started_at=at,
        parameters=fact.parameters,
        timeout_seconds=fact.timeout_seconds,
    )
    return {"phase": Phase.RUNNING, "attempt": attempt, "worker": fact.worker, "attempts": state.attempts + 1}


def _with_result(state: ExecutionState, result: StoredResult) -> _Changes:
    task = result.task
    results = state.results.copy()
    if task in results:
        del results[task]  # the latest comes last
    results[task] = result
    changes: _Changes = {"phase": Phase.DECIDED, "results": results}
    if result.status == _SUCCESS:
        if task not in state.succeeded:
            changes["succeeded"] = (*state.succeeded, task)
    elif result.status == _FAILURE:
        changes["failures"] = state.failures + 1
        changes["last_error"] = result.error
    return changes


def _task_completed(_: FlowMachine, state: ExecutionState, fact: TaskCompleted, at: str) -> _Changes:
    _expect(state, Phase.RUNNING)
    _expect_attempt(state, fact)
    if fact.status not in _STATUSES:
        raise _Refused(f"ends with status {fact.status!r}, expected one of {', '.join(TaskStatus)}")
    result = StoredResult(
        task=fact.task,
        visit=fact.visit,
        attempt=fact.attempt,
        status=fact.status,
        outcome=fact.outcome,
        at=at,
        duration_us=fact.duration_us,
        message=fact.message,
        data=fact.data,
        error=fact.error,
        warnings=fact.warnings,
    )
    return _with_result(state, result)


def _task_timed_out(_: FlowMachine, state: ExecutionState, fact: TaskTimedOut, at: str) -> _Changes:
    _expect(state, Phase.RUNNING)
    _expect_attempt(state, fact)
    result = StoredResult(
        task=fact.task,
        visit=fact.visit,
        attempt=fact.attempt,
        status=TaskStatus.FAILURE,
        outcome=TaskStatus.FAILURE,
        at=at,
        duration_us=fact.duration_us,
        message=fact.error.message,
        error=fact.error,
    )
    return _with_result(state, result)


def _task_interrupted(_: FlowMachine, state: ExecutionState, fact: TaskInterrupted, at: str) -> _Changes:
    _expect(state, Phase.RUNNING)
    _expect_attempt(state, fact)
    return {"phase": Phase.INTERRUPTED, "interruptions": state.interruptions + 1}


def _task_skipped(_: FlowMachine, state: ExecutionState, fact: TaskSkipped, at: str) -> _Changes:
    _expect(state, Phase.ENTERED)
    _expect_task(state, fact.task, fact.visit)
    skipped = TaskStatus.SKIPPED.value
    result = StoredResult(task=fact.task, visit=fact.visit, attempt=0, status=skipped, outcome=skipped, at=at)
    return _with_result(state, result)


def _retry_scheduled(machine: FlowMachine, state: ExecutionState, fact: RetryScheduled, at: str) -> _Changes:
    _expect(state, Phase.DECIDED)
    _expect_task(state, fact.task, fact.visit)
    result = state.results[fact.task]
    if result.status != _FAILURE or fact.attempt != result.attempt + 1:
        raise _Refused(f"schedules attempt {fact.attempt} after attempt {result.attempt} ended in {result.status}")
    attempt = Attempt(visit=fact.visit, attempt=fact.attempt, due=fact.due)
    return {"phase": Phase.BACKOFF, "attempt": attempt}


def _transition_taken(machine: FlowMachine, state: ExecutionState, fact: TransitionTaken, at: str) -> _Changes:
    if fact.source != state.node:
        raise _Refused(f"leaves {fact.source!r}, the machine is in {state.node!r}")
    target = machine.target(fact.source, fact.trigger)
    if target != fact.target:
        made = f"leads to {target!r}" if target else "is not known there"
        raise _Refused(f"goes from {fact.source!r} to {fact.target!r} by {fact.trigger!r}, which {made}")
    if fact.trigger in _ENGINE_TRIGGERS:
        _expect_engine(state, fact)
        return _enter(machine, state, target, 0)
    _expect(state, Phase.DECIDED)
    result = state.results[fact.source]
    if fact.outcome != result.outcome:
        raise _Refused(f"is taken on outcome {fact.outcome!r}, the recorded one is {result.outcome!r}")
    if not machine.may_take(fact.source, result.status, result.outcome, fact.trigger):
        raise _Refused(f"{fact.trigger!r} is no way out for status {result.status!r} with outcome {result.outcome!r}")
    return _enter(machine, state, target, 1)


def _expect_engine(state: ExecutionState, fact: TransitionTaken) -> None:
    """The engine's own transitions look at no outcome."""
    if fact.outcome is not None:
        raise _Refused(f"{fact.trigger} is taken on outcome {fact.outcome!r}, expected none")
    if fact.trigger == START:
        _expect(state, Phase.CREATED)
        if state.started_at is None:
            raise _Refused("the execution was not started")
    elif state.phase in {Phase.RUNNING, Phase.NEW, Phase.ENDING, Phase.ENDED}:
        raise _Refused(f"{fact.trigger} is not legal while the execution is {state.phase}")


def _enter(machine: FlowMachine, state: ExecutionState, target: str, routed: int) -> _Changes:
    transitions = state.transitions + routed
    if target not in machine.tasks:
        return {"phase": Phase.ENDING, "node": target, "attempt": None, "transitions": transitions}
    return {
        "phase": Phase.ENTERED,
        "node": target,
        "attempt": None,
        "visits": {**state.visits, target: state.visits.get(target, 0) + 1},
        "path": (*state.path, target),
        "transitions": transitions,
    }


def _end(state: ExecutionState, status: FlowStatus, skipped: tuple[str, ...], at: str, **changes: Any) -> _Changes:
    _expect(state, Phase.ENDING)
    if state.node != status:
        raise _Refused(f"the machine is in {state.node!r}")
    return {"phase": Phase.ENDED, "status": status, "ended_at": at, "skipped": skipped, **changes}


def _completed(_: FlowMachine, state: ExecutionState, fact: ExecutionCompleted, at: str) -> _Changes:
    return _end(state, FlowStatus.COMPLETED, fact.skipped, at)


def _failed(_: FlowMachine, state: ExecutionState, fact: ExecutionFailed, at: str) -> _Changes:
    return _end(state, FlowStatus.FAILED, fact.skipped, at, error=fact.error, last_error=fact.error)


def _cancelled(_: FlowMachine, state: ExecutionState, fact: ExecutionCancelled, at: str) -> _Changes:
    message = fact.reason or "cancelled"
    return _end(state, FlowStatus.CANCELLED, fact.skipped, at, error=ErrorInfo(type="Cancelled", message=message))


def _removed(_: FlowMachine, state: ExecutionState, fact: ExecutionRemoved, at: str) -> _Changes:
    _expect(state, Phase.ENDED)
    if state.removed:
        raise _Refused("the execution was removed before")
    return {"removed": True}


_STEPS: Final[dict[type[Fact], Callable[[FlowMachine, ExecutionState, Any, str], _Changes]]] = {
    ExecutionCreated: _created,
    ExecutionStarted: _started,
    TaskStarted: _task_started,
    TaskCompleted: _task_completed,
    TaskTimedOut: _task_timed_out,
    TaskInterrupted: _task_interrupted,
    TaskSkipped: _task_skipped,
    RetryScheduled: _retry_scheduled,
    TransitionTaken: _transition_taken,
    ExecutionCompleted: _completed,
    ExecutionFailed: _failed,
    ExecutionCancelled: _cancelled,
    ExecutionRemoved: _removed,
}


def evolve(machine: FlowMachine, state: ExecutionState, fact: Fact, at: str) -> ExecutionState:
    """The state after one more event of the stream, recorded at `at`.

    Facts of types that this flowsm does not know change nothing but the seq.

    Raises:
        IllegalEvent: the machine would not allow it here.
    """
    step = _STEPS.get(type(fact))
    try:
        changes = {} if step is None else step(machine, state, fact, at)
    except _Refused as refused:
        raise IllegalEvent(state.stream, state.seq + 1, fact.TYPE, str(refused)) from None
    return replace(state, seq=state.seq + 1, updated_at=at, **changes)


def fold(
    machine: FlowMachine, stream: str, events: Iterable[Recorded], state: ExecutionState | None = None
) -> ExecutionState:
    """The state after all these events of one stream, from the beginning or from a state.

    Raises:
        IllegalEvent: an event that the machine would not allow, or one that is out of order.
    """
    current = new_state(stream) if state is None else state
    for event in events:
        if event.seq != current.seq + 1:
            raise IllegalEvent(stream, event.seq, event.type, f"comes after seq {current.seq}")
        current = evolve(machine, current, event.fact, event.at)
    return current
