"""Attempts: they start, end, are interrupted, and are scheduled again."""

from __future__ import annotations

from typing import Any, Final

from msgspec.structs import replace

from flowsm.events.facts import (
    ProbeStarted,
    ResolutionAwaited,
    ResolutionGiven,
    RetryScheduled,
    TaskCompleted,
    TaskInterrupted,
    TaskSkipped,
    TaskStarted,
    TaskTimedOut,
)
from flowsm.machine.changes.checks import Changes, Refused, expect, expect_attempt, expect_task, going_on
from flowsm.machine.compile import FlowMachine
from flowsm.machine.overrides import kept_overrides
from flowsm.machine.retry import INTERRUPTED
from flowsm.machine.state import Attempt, ExecutionState, Phase, StoredResult
from flowsm.status import FlowStatus, TaskStatus

__all__ = ["ATTEMPT_CHANGES"]

_STATUSES: Final = frozenset(TaskStatus)
_SUCCESS: Final = TaskStatus.SUCCESS.value
_FAILURE: Final = TaskStatus.FAILURE.value
_SKIPPED: Final = TaskStatus.SKIPPED.value
_RUNNING: Final = FlowStatus.RUNNING
_WAITING: Final = FlowStatus.WAITING
_LEFT: Final = frozenset({"crash", "shutdown"})
_RESOLUTIONS: Final = frozenset({_SUCCESS, _FAILURE, "retry"})


def _started(_: FlowMachine, state: ExecutionState, fact: TaskStarted, at: str) -> Changes:
    expect(state, Phase.ENTERED, Phase.BACKOFF, Phase.INTERRUPTED, Phase.AGAIN, Phase.PROBING)
    expect_task(state, fact.task, fact.visit)
    before = state.attempt
    expected = 1 if before is None else before.attempt
    if fact.attempt != expected:
        raise Refused(f"starts attempt {fact.attempt}, expected attempt {expected}")
    attempt = Attempt(
        visit=fact.visit,
        attempt=fact.attempt,
        started_seq=state.seq + 1,
        started_at=at,
        parameters=fact.parameters,
        timeout_seconds=fact.timeout_seconds,
        interruptions=0 if before is None else before.interruptions,
        base=0 if before is None else before.base,
    )
    return {
        "phase": Phase.RUNNING,
        "status": _RUNNING,
        "attempt": attempt,
        "worker": fact.worker,
        "attempts": state.attempts + 1,
    }


def _with_result(state: ExecutionState, result: StoredResult) -> Changes:
    task = result.task
    results = state.results.copy()
    if task in results:
        del results[task]  # the latest comes last
    results[task] = result
    changes: Changes = {"phase": Phase.DECIDED, "results": results}
    if state.overrides:
        changes["overrides"] = kept_overrides(state.overrides, task)
    if state.status is not _RUNNING:
        changes["status"] = going_on(state)
    if result.status == _SUCCESS:
        if task not in state.succeeded:
            changes["succeeded"] = (*state.succeeded, task)
    elif result.status == _FAILURE:
        changes["failures"] = state.failures + 1
        changes["last_error"] = result.error
    return changes


def _completed(_: FlowMachine, state: ExecutionState, fact: TaskCompleted, at: str) -> Changes:
    if state.phase == Phase.INTERRUPTED and fact.error is not None and fact.error.type == INTERRUPTED:
        pass  # the engine's own verdict on a task that runs at most once
    else:
        expect(state, Phase.RUNNING, Phase.AWAITED, Phase.PROBING)
    expect_attempt(state, fact)
    if fact.status not in _STATUSES:
        raise Refused(f"ends with status {fact.status!r}, expected one of {', '.join(TaskStatus)}")
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


def _timed_out(_: FlowMachine, state: ExecutionState, fact: TaskTimedOut, at: str) -> Changes:
    expect(state, Phase.RUNNING, Phase.WAITING, Phase.AWAITED)
    expect_attempt(state, fact)
    result = StoredResult(
        task=fact.task,
        visit=fact.visit,
        attempt=fact.attempt,
        status=_FAILURE,
        outcome=_FAILURE,
        at=at,
        duration_us=fact.duration_us,
        message=fact.error.message,
        error=fact.error,
    )
    return _with_result(state, result)


def _interrupted(_: FlowMachine, state: ExecutionState, fact: TaskInterrupted, at: str) -> Changes:
    """A crash counts for the visit; what an operator stopped is started again when the execution goes on.

    Who was stopped cleanly left as little behind as a crash, for the policy to decide on, but is none.
    """
    left = fact.by in _LEFT
    if left:
        expect(state, Phase.RUNNING, Phase.PROBING)
    else:
        expect(state, Phase.RUNNING, Phase.PROBING, Phase.WAITING, Phase.ASKING)
    attempt = expect_attempt(state, fact)
    crashes = attempt.interruptions + (fact.by == "crash")
    return {
        "phase": Phase.INTERRUPTED if left else Phase.AGAIN,
        "status": going_on(state),
        "attempt": replace(attempt, interruptions=crashes, waiting=None),
        "interruptions": state.interruptions + (fact.by == "crash"),
    }


def _probe_started(_: FlowMachine, state: ExecutionState, fact: ProbeStarted, at: str) -> Changes:
    expect(state, Phase.INTERRUPTED)
    expect_attempt(state, fact)
    return {"phase": Phase.PROBING, "status": _RUNNING}  # the attempt stays that of the worker who began it


def _resolution_awaited(_: FlowMachine, state: ExecutionState, fact: ResolutionAwaited, at: str) -> Changes:
    expect(state, Phase.INTERRUPTED, Phase.PROBING)
    expect_attempt(state, fact)
    return {"phase": Phase.ASKING, "status": _WAITING if state.paused is None else going_on(state)}


def _resolution_given(_: FlowMachine, state: ExecutionState, fact: ResolutionGiven, at: str) -> Changes:
    """A result follows in the same append, unless the attempt is to be run again."""
    expect(state, Phase.ASKING)
    attempt = expect_attempt(state, fact)
    if fact.resolution not in _RESOLUTIONS:
        raise Refused(f"resolves as {fact.resolution!r}, expected one of {', '.join(sorted(_RESOLUTIONS))}")
    if fact.resolution != "retry":
        return {"phase": Phase.AWAITED, "status": going_on(state)}
    return {"phase": Phase.AGAIN, "status": going_on(state), "attempt": replace(attempt, interruptions=0)}


def _skipped(_: FlowMachine, state: ExecutionState, fact: TaskSkipped, at: str) -> Changes:
    expect(state, Phase.ENTERED)
    expect_task(state, fact.task, fact.visit)
    result = StoredResult(task=fact.task, visit=fact.visit, attempt=0, status=_SKIPPED, outcome=_SKIPPED, at=at)
    return _with_result(state, result)


def _retry_scheduled(machine: FlowMachine, state: ExecutionState, fact: RetryScheduled, at: str) -> Changes:
    expect(state, Phase.DECIDED)
    expect_task(state, fact.task, fact.visit)
    result = state.results[fact.task]
    if result.status != _FAILURE or fact.attempt != result.attempt + 1:
        raise Refused(f"schedules attempt {fact.attempt} after attempt {result.attempt} ended in {result.status}")
    before = state.attempt
    attempt = Attempt(
        visit=fact.visit,
        attempt=fact.attempt,
        due=fact.due,
        interruptions=0 if before is None else before.interruptions,
        base=0 if before is None else before.base,
    )
    return {"phase": Phase.BACKOFF, "status": going_on(state), "attempt": attempt}


ATTEMPT_CHANGES: Final[dict[type[Any], Any]] = {
    TaskStarted: _started,
    TaskCompleted: _completed,
    TaskTimedOut: _timed_out,
    TaskInterrupted: _interrupted,
    ProbeStarted: _probe_started,
    ResolutionAwaited: _resolution_awaited,
    ResolutionGiven: _resolution_given,
    TaskSkipped: _skipped,
    RetryScheduled: _retry_scheduled,
}
