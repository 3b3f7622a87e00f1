"""Pure projectors: from events to the rows that follow from them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from flowsm.clock import elapsed_us
from flowsm.events.endings import ENDINGS
from flowsm.events.facts import (
    ErrorInfo,
    ExecutionForked,
    ExecutionStarted,
    Fact,
    TaskCompleted,
    TaskInterrupted,
    TaskSkipped,
    TaskStarted,
    TaskTimedOut,
)
from flowsm.log.port import Increment, RowChange
from flowsm.machine.effect import wake_at
from flowsm.machine.state import Attempt, ExecutionState, Phase
from flowsm.projections.brief import SILENT, brief_attempts, brief_execution, names_json

__all__ = ["ENDED_TASK", "attempt_rows", "execution_row", "project", "shared_rows"]

ENDED_TASK: Final = ""
"""The task name under which statistics keep the ends of whole executions."""

_MESSAGE_MAX_CHARS: Final = 2_000


_STARTS: Final = (TaskStarted, ExecutionStarted)
_ENDS: Final = (TaskCompleted, TaskTimedOut, TaskInterrupted)
_End = tuple[str, str | None, str | None, int | None, str | None, ErrorInfo | None]
"""An attempt's status, outcome, end, duration, message and error."""


def _short(text: str | None) -> str | None:
    return text if text is None or len(text) <= _MESSAGE_MAX_CHARS else text[: _MESSAGE_MAX_CHARS - 1] + "…"


def execution_row(state: ExecutionState) -> RowChange:
    """The one row of an execution, as its state has it."""
    error = state.last_error
    waiting_for, due, child = _waiting_for(state)
    params = (
        state.stream,
        state.flow_id,
        state.flow_name,
        state.digest,
        state.status._value_,
        state.current_task,
        names_json(state.path),
        names_json(state.succeeded),
        names_json(state.skipped),
        state.transitions,
        state.attempts,
        state.failures,
        state.interruptions,
        error.type if error else None,
        _short(error.message) if error else None,
        state.worker,
        due,
        state.created_at,
        state.started_at,
        state.ended_at,
        state.updated_at,
        state.seq,
        int(state.removed),
        wake_at(state),
        waiting_for,
        child,
        state.parent.execution_id if state.parent is not None else None,
    )
    return RowChange(statement="put_execution", params=params, key=(state.stream,))


def _waiting_for(state: ExecutionState) -> tuple[str | None, str | None, str | None]:
    """What the execution waits for, the due time of that, and the child that it waits for."""
    attempt, phase = state.attempt, state.phase
    if phase == Phase.CREATED and state.start_at is not None:
        return "start", state.start_at, None
    if attempt is None:
        return None, None, None
    if phase == Phase.BACKOFF:
        return "retry", attempt.due, None
    if phase == Phase.ASKING:
        return "resolution", None, None
    waiting = attempt.waiting
    if phase != Phase.WAITING or waiting is None:
        return None, None, None
    due = min((moment for moment in (waiting.due, waiting.expires) if moment is not None), default=None)
    what = f"signal {waiting.signal}" if waiting.signal is not None else "timer" if waiting.child is None else "child"
    return what, due, waiting.child


def _attempt_row(
    state: ExecutionState,
    fact: TaskStarted | TaskCompleted | TaskTimedOut | TaskInterrupted,
    began: tuple[int, str, str],
    ended: _End,
) -> RowChange:
    seq, started_at, worker = began
    status, outcome, ended_at, duration_us, message, error = ended
    params: tuple[Any, ...] = (
        state.stream,
        seq,
        fact.task,
        fact.visit,
        fact.attempt,
        status,
        outcome,
        started_at,
        ended_at,
        duration_us,
        worker,
        _short(message),
        error.type if error else None,
        _short(error.message) if error else None,
    )
    return RowChange(statement="put_attempt", params=params, key=(state.stream, seq))


def _left_rows(
    state: ExecutionState, fact: ExecutionForked, began: tuple[int, str, str], at: str
) -> list[RowChange | Increment]:
    """The attempt that was under way where a fork begins it again: what became of it is known where it was begun."""
    if fact.task is None or state.phase not in {Phase.RUNNING, Phase.WAITING}:
        return []
    seq, started_at, worker = began
    why = f"went on in execution {fact.origin}"
    place = (state.stream, seq, fact.task, fact.visit, fact.attempt)
    values = (*place, "interrupted", None, started_at, at, None, worker, why, None, None)
    return [RowChange(statement="put_attempt", params=values, key=(state.stream, seq))]


def _skipped_row(stream: str, fact: TaskSkipped, seq: int, at: str, worker: str) -> RowChange:
    values = (stream, seq, fact.task, fact.visit, 0, "skipped", "skipped", at, at, 0, worker, None, None, None)
    return RowChange(statement="put_attempt", params=values, key=(stream, seq))


def _began(attempt: Attempt | None, worker: str) -> tuple[int, str, str]:
    return (attempt.started_seq, attempt.started_at, worker) if attempt else (0, "", worker)


def attempt_rows(before: ExecutionState, facts: Iterable[Fact], at: str, flow_id: str) -> list[RowChange | Increment]:
    """The attempts' rows and the statistics of facts that were recorded together at `at`, after state `before`."""
    rows: list[RowChange | Increment] = []
    began = _began(before.attempt, before.worker)
    worker, seq, started_at = before.worker, before.seq, before.started_at
    for fact in facts:
        seq += 1
        if type(fact) in SILENT:
            continue
        if isinstance(fact, _STARTS):
            worker = fact.worker
            if isinstance(fact, TaskStarted):
                began = (seq, at, worker)
                rows.append(_attempt_row(before, fact, began, ("running", None, None, None, None, None)))
        elif isinstance(fact, _ENDS):
            if isinstance(fact, TaskInterrupted) and fact.by == "probe":
                continue
            ended, outcome, duration_us = _end_of(fact, at)
            rows.append(_attempt_row(before, fact, began, ended))
            rows.append(_count(flow_id, fact.task, outcome, duration_us))
        elif isinstance(fact, ExecutionForked):
            started_at = at
            rows += _left_rows(before, fact, began, at)
        elif isinstance(fact, TaskSkipped):
            rows.append(_skipped_row(before.stream, fact, seq, at, worker))
            rows.append(_count(flow_id, fact.task, "skipped", 0))
        elif isinstance(fact, ENDINGS):
            status = fact.TYPE.partition(".")[2]
            rows.append(_count(flow_id, ENDED_TASK, status, elapsed_us(started_at or at, at)))
    return rows


def shared_rows(before: ExecutionState, fact: Fact, at: str) -> list[RowChange]:
    """The attempts' rows of an event that a fork shares: no statistics, for it happened once."""
    return [row for row in attempt_rows(before, (fact,), at, before.flow_id) if isinstance(row, RowChange)]


def _end_of(fact: TaskCompleted | TaskTimedOut | TaskInterrupted, at: str) -> tuple[_End, str, int]:
    """The end of an attempt's row, and the outcome and duration that count."""
    if isinstance(fact, TaskCompleted):
        end = (fact.status, fact.outcome, at, fact.duration_us, fact.message, fact.error)
        return end, fact.outcome, fact.duration_us
    if isinstance(fact, TaskTimedOut):
        end = ("timed_out", "failure", at, fact.duration_us, fact.error.message, fact.error)
        return end, "failure", fact.duration_us
    return ("interrupted", None, at, None, fact.reason, None), "interrupted", 0


def _count(flow_id: str, task: str, outcome: str, duration_us: int) -> Increment:
    return Increment(statement="add_statistic", key=(flow_id, task, outcome), amounts=(1, duration_us))


def project(
    before: ExecutionState, facts: Iterable[Fact], at: str, after: ExecutionState
) -> list[RowChange | Increment]:
    """All the rows that follow from facts recorded together at `at`, which led from `before` to `after`."""
    rows = brief_attempts(before, facts, at, after.flow_id)
    if rows is None:
        rows = attempt_rows(before, facts, at, after.flow_id)
    rows.append(brief_execution(before, after) or execution_row(after))
    return rows
