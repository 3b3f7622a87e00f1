"""Waits: what an attempt of a waiting task type waits for, and whether it has come."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flowsm.clock import timestamp
from flowsm.definition.policy import usable_timeout
from flowsm.definition.user_schema import schema_misfits
from flowsm.definition.waiting import SUBFLOW, WAIT, WAIT_FOR_SIGNAL, wait_problems
from flowsm.events.facts import ErrorInfo, TaskTimedOut, WaitEnded, WaitStarted
from flowsm.ids import child_id
from flowsm.limits import SUBFLOW_DEPTH_MAX
from flowsm.machine.decisions.draft import Draft
from flowsm.machine.state import StoredSignal
from flowsm.status import TaskStatus

__all__ = ["begin_wait", "look_at_wait", "payload_misfit"]


def begin_wait(draft: Draft) -> None:
    """Park the attempt that was just started; parameters that cannot be used are its failure."""
    task, attempt = draft.task, draft.attempt
    parameters = attempt.parameters
    problems = wait_problems(task.task_type, parameters)
    if problems:
        draft.fail("InvalidParameters", f"the parameters of task {task.name!r} cannot be used: {'; '.join(problems)}")
        return
    fields: dict[str, Any] = {}
    seconds = draft.machine.timeouts[task.name]
    if task.task_type == WAIT:
        until = parameters.get("until")
        fields["due"] = (
            draft.after(parameters["seconds"]) if until is None else timestamp(datetime.fromisoformat(until))
        )
    elif task.task_type == WAIT_FOR_SIGNAL:
        fields["signal"] = parameters.get("name", task.name)
        seconds = seconds if seconds is not None else usable_timeout(parameters.get("timeout"))
    elif task.task_type == SUBFLOW:
        if draft.state.depth >= SUBFLOW_DEPTH_MAX:
            draft.fail("SubflowTooDeep", f"expected at most {SUBFLOW_DEPTH_MAX} flows within each other")
            return
        fields["child"] = child_id(draft.state.stream, task.name, attempt.visit, attempt.attempt)
    if seconds is not None:
        fields["expires"] = draft.after(seconds)
    draft.record(WaitStarted(**draft.place, **fields))


def look_at_wait(draft: Draft, flow_timeout: Callable[[Draft], ErrorInfo]) -> None:
    """End the wait if what it is for has come: a signal first, then the flow's end, then times.

    The time of a child is ended by who drives: the child has to be cancelled before that.
    """
    waiting, signal = draft.attempt.waiting, draft.state.signal
    if waiting is None:
        raise AssertionError("a wait without what it is for")
    if signal is not None:
        _take(draft, signal)
    elif waiting.child is not None and draft.driver is None:
        return
    elif draft.is_overdue():
        _time_out(draft, flow_timeout(draft))
    elif draft.is_past(waiting.due) and (waiting.expires is None or str(waiting.due) <= waiting.expires):
        late = draft.late(waiting.due)
        _end(draft, "timer", late_seconds=late)
        draft.complete(TaskStatus.SUCCESS, data={"due": waiting.due, "late_seconds": late})
    elif draft.is_past(waiting.expires):
        _expire(draft)


def payload_misfit(parameters: dict[str, Any], payload: Any) -> str:
    """What is wrong with a signal's payload for a wait with these parameters; nothing if it fits."""
    schema = parameters.get("schema")
    if schema is None:
        return ""
    misfits = schema_misfits(schema, payload)
    return "; ".join(f"at {misfit.pointer or 'the whole payload'}: {misfit.message}" for misfit in misfits)


def _take(draft: Draft, signal: StoredSignal) -> None:
    parameters = draft.attempt.parameters
    _end(draft, "signal", signal_seq=signal.seq)
    misfit = payload_misfit(parameters, signal.payload)
    if misfit:
        draft.fail("InvalidPayload", f"the payload of signal {signal.name!r} does not fit: {misfit}", "invalid")
    elif signal.outcome == TaskStatus.FAILURE.value:
        draft.fail("SignalledFailure", f"signal {signal.name!r} said failure")
    else:
        draft.complete(TaskStatus.SUCCESS, signal.outcome, data=signal.payload)


def _expire(draft: Draft) -> None:
    """The wait's own time is over: for a signal that is an outcome of its own."""
    waiting = draft.attempt.waiting
    name = draft.state.node
    if waiting is not None and waiting.signal is not None:
        _end(draft, "expiry", late_seconds=draft.late(waiting.expires))
        draft.fail("SignalTimeout", f"no signal {waiting.signal!r} came in time", "timeout")
        return
    _time_out(draft, ErrorInfo(type="TaskTimeout", message=f"task {name!r} took longer than its timeout"))


def _time_out(draft: Draft, error: ErrorInfo) -> None:
    draft.record(TaskTimedOut(**draft.place, duration_us=draft.elapsed_us(), error=error))


def _end(draft: Draft, by: str, *, signal_seq: int | None = None, late_seconds: float = 0.0) -> None:
    draft.record(WaitEnded(**draft.place, by=by, signal_seq=signal_seq, late_seconds=late_seconds))
