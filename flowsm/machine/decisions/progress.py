"""Going on: from phase to phase, until a task runs, time must pass, somebody must speak, or it has ended."""

from __future__ import annotations

from typing import Any, Final

from flowsm.definition.model import TaskConfig
from flowsm.definition.references import is_reference, resolve_references
from flowsm.definition.waiting import SUBFLOW
from flowsm.errors import UnresolvedReference
from flowsm.events.facts import (
    ErrorInfo,
    ExecutionCancelled,
    ExecutionCompleted,
    ExecutionFailed,
    ExecutionStarted,
    RetryScheduled,
    TaskSkipped,
    TaskStarted,
    TransitionTaken,
)
from flowsm.machine.compile import ABORT, CANCEL, START
from flowsm.machine.decisions.draft import Draft
from flowsm.machine.decisions.interruptions import after_interruption, interrupt
from flowsm.machine.decisions.waits import begin_wait, look_at_wait
from flowsm.machine.evaluate import ask, route_of
from flowsm.machine.retry import delay_seconds, is_retryable
from flowsm.machine.state import AT_WORK, ExecutionState, Phase, scope_of
from flowsm.status import FlowStatus, TaskStatus

__all__ = ["settle"]

_EVENTS_PER_STEP: Final = 100
"""A step stops here and is continued by the next, so that a loop of skipped tasks is no endless transaction."""
_BETWEEN_ATTEMPTS: Final = frozenset({Phase.ENTERED, Phase.INTERRUPTED, Phase.BACKOFF, Phase.AGAIN, Phase.ASKING})
_FAILURE: Final = TaskStatus.FAILURE.value


def settle(draft: Draft) -> None:
    """Go on until nothing more can be decided now."""
    facts, recorded = draft.facts, -1
    while recorded < len(facts) < _EVENTS_PER_STEP:
        recorded = len(facts)
        state = draft.state
        phase = state.phase
        if phase in AT_WORK:
            return
        if phase == Phase.ENDING:
            _end(draft)
        elif state.cancelling is not None and state.is_stopping:
            _cancel(draft)
        elif phase == Phase.DECIDED:
            _after_result(draft)
        elif state.paused is not None:
            return
        else:
            _go_on(draft, phase)


def _go_on(draft: Draft, phase: str) -> None:
    if draft.state.deadline is not None and phase in _BETWEEN_ATTEMPTS and draft.is_overdue():
        _abort(draft, _flow_timeout(draft))
    elif phase == Phase.WAITING:
        look_at_wait(draft, _flow_timeout)
    elif draft.driver is None:
        return
    elif phase == Phase.ENTERED:
        _enter(draft)
    elif phase == Phase.INTERRUPTED:
        after_interruption(draft, _start_attempt)
    elif phase == Phase.AGAIN or (phase == Phase.BACKOFF and draft.is_past(draft.attempt.due)):
        _start_attempt(draft)
    elif phase == Phase.CREATED:
        _start(draft)


def _start(draft: Draft) -> None:
    state, flow = draft.state, draft.machine.flow
    if draft.driver is None or (state.begins_at is not None and not draft.is_past(state.begins_at)):
        return
    if state.started_at is None:
        deadline = draft.after(flow.timeout) if flow.timeout is not None else None
        late = draft.late(state.start_at)
        draft.record(ExecutionStarted(worker=draft.driver.worker, deadline=deadline, late_seconds=late))
    draft.record(TransitionTaken(source="created", target=flow.start_task, trigger=START))


def _enter(draft: Draft) -> None:
    task = draft.task
    if task.skip_when:
        scope = scope_of(draft.state)
        operands = tuple(ask(clause, scope) for clause in task.skip_when)
        if all(operand.held for operand in operands):
            draft.record(TaskSkipped(task=task.name, visit=draft.state.visits[task.name], operands=operands))
            return
    _start_attempt(draft)


def _start_attempt(draft: Draft) -> None:
    task, before = draft.task, draft.state.attempt
    driver = draft.driver
    if driver is None:
        return
    parameters, missing = task.parameters, None
    if task.name in draft.machine.referring:
        try:
            parameters = _resolved(task, scope_of(draft.state))
        except UnresolvedReference as error:
            parameters, missing = {}, error
    draft.record(
        TaskStarted(
            task=task.name,
            visit=draft.state.visits[task.name],
            attempt=1 if before is None else before.attempt,
            worker=driver.worker,
            parameters=parameters,
            task_version=driver.versions.get(task.task_type),
            timeout_seconds=draft.machine.timeouts[task.name],
            late_seconds=0.0 if before is None else draft.late(before.due),
        )
    )
    if missing is not None:
        draft.fail("UnresolvedReference", str(missing))
    elif task.name in draft.machine.waiting:
        begin_wait(draft)


def _resolved(task: TaskConfig, scope: dict[str, Any]) -> dict[str, Any]:
    """The parameters with their references replaced; those in the flow of a `subflow` task are that flow's own."""
    flow = task.parameters.get("flow") if task.task_type == SUBFLOW else None
    if not isinstance(flow, dict) or is_reference(flow):
        return resolve_references(task.parameters, scope)
    own = {name: value for name, value in task.parameters.items() if name != "flow"}
    return {**resolve_references(own, scope), "flow": flow}


# -- after a result ----------------------------------------------------------------------


def _after_result(draft: Draft) -> None:
    """Schedule another attempt, or take the transition that the outcome picks."""
    state = draft.state
    result = state.results[state.node]
    if state.deadline is not None and draft.is_overdue():
        _abort(draft, _flow_timeout(draft))
        return
    if result.status == _FAILURE:
        policy = draft.machine.retries[result.task]
        base = state.attempt.base if state.attempt is not None else 0
        tried = result.attempt - base
        if is_retryable(policy, tried, result.error):
            delay = delay_seconds(policy, tried, draft.chance)
            draft.record(
                RetryScheduled(
                    task=result.task,
                    visit=result.visit,
                    attempt=result.attempt + 1,
                    delay_seconds=delay,
                    due=draft.after(delay),
                )
            )
            return
    if state.cleaning:
        draft.record(TransitionTaken(source=state.node, target="cancelled", trigger=CANCEL))
        return
    _route(draft)


def _route(draft: Draft) -> None:
    state, machine = draft.state, draft.machine
    if state.transitions - state.transitions_base >= machine.flow.max_transitions:
        message = f"the flow's max_transitions of {machine.flow.max_transitions} are used up"
        _abort(draft, ErrorInfo(type="MaxTransitionsExceeded", message=message))
        return
    result = state.results[state.node]
    scope = scope_of(state) if state.node in machine.looking else None
    route = route_of(machine, state.node, result.status, result.outcome, scope)
    edge = route.edge
    draft.record(
        TransitionTaken(
            source=edge.source,
            target=edge.target,
            trigger=edge.trigger,
            outcome=result.outcome,
            condition=edge.condition,
            met=edge.met,
            operands=route.operands,
        )
    )


# -- ending ------------------------------------------------------------------------------


def _abort(draft: Draft, error: ErrorInfo) -> None:
    draft.record(TransitionTaken(source=draft.state.node, target="failed", trigger=ABORT))
    draft.record(ExecutionFailed(error=error, skipped=_never_reached(draft)))


def _cancel(draft: Draft) -> None:
    """Leave what stands still for the flow's `on_cancel`, or for the end; a child has to end first."""
    state, machine = draft.state, draft.machine
    if state.child is not None:
        return
    if state.phase in {Phase.WAITING, Phase.ASKING}:
        interrupt(draft, "it was cancelled", "cancel")
    target = machine.target(state.node, CANCEL)
    if target is None:
        raise AssertionError(f"nothing leads from {state.node!r} to a cancellation")
    draft.record(TransitionTaken(source=state.node, target=target, trigger=CANCEL))


def _end(draft: Draft) -> None:
    state = draft.state
    if state.node == FlowStatus.COMPLETED:
        draft.record(ExecutionCompleted(skipped=_never_reached(draft)))
    elif state.node == FlowStatus.FAILED:
        draft.record(ExecutionFailed(error=_failure(state), skipped=_never_reached(draft)))
    else:
        asked = state.cancelling
        reason, actor = (asked.reason, asked.actor) if asked is not None else ("", "")
        draft.record(ExecutionCancelled(reason=reason, actor=actor, skipped=_never_reached(draft)))


def _never_reached(draft: Draft) -> tuple[str, ...]:
    return tuple(task for task in draft.machine.tasks if task not in draft.state.visits)


def _flow_timeout(draft: Draft) -> ErrorInfo:
    seconds = draft.machine.flow.timeout
    return ErrorInfo(type="FlowTimeout", message=f"the execution took longer than its timeout of {seconds:g} s")


def _failure(state: ExecutionState) -> ErrorInfo:
    """Why an execution failed that conditions sent to its end."""
    result = next(reversed(state.results.values()), None)
    if result is not None and result.error is not None:
        message = f"task {result.task!r} failed: {result.error.message or result.error.type}"
        return ErrorInfo(type=result.error.type, message=message, types=result.error.types)
    ended = f"task {result.task!r} ended with outcome {result.outcome!r}" if result else "no task ran"
    return ErrorInfo(type="FlowFailed", message=f"{ended}, which sends the flow to its failure")
