"""The usual changes of rows, said briefly.

`put_attempt` and `put_execution` can write any row, and a rebuild uses nothing else. Most appends start an attempt, end
one without an error, or move an execution on: those have statements that name only what changes then. Every NULL that
need not be handed over counts, for Python's sqlite3 looks for an adapter for each.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from flowsm.events.facts import (
    ExecutionCreated,
    ExecutionRemoved,
    ExecutionStarted,
    ExecutionUpgraded,
    Fact,
    RetryScheduled,
    TaskCompleted,
    TaskStarted,
    TransitionTaken,
)
from flowsm.log.port import Increment, RowChange
from flowsm.machine.state import ExecutionState, Phase
from flowsm.status import FlowStatus

__all__ = ["SILENT", "brief_attempts", "brief_execution", "names_json"]

_ENCODE: Final = msgspec.json.Encoder().encode
_RUNNING: Final = FlowStatus.RUNNING
_PHASE_RUNNING: Final = Phase.RUNNING

SILENT: Final = frozenset({ExecutionCreated, ExecutionUpgraded, TransitionTaken, RetryScheduled, ExecutionRemoved})
"""Facts that change nothing but the execution's own row."""
_WITHOUT_ROWS: Final = SILENT | {ExecutionStarted}


def brief_attempts(
    before: ExecutionState, facts: Iterable[Fact], at: str, flow_id: str
) -> list[RowChange | Increment] | None:
    """The attempts' rows and the statistics of facts recorded together at `at`, after state `before`.

    None where they are more than the end without an error of what ran, and starts.
    """
    rows: list[RowChange | Increment] = []
    stream, seq = before.stream, before.seq
    running = before.attempt if before.phase == _PHASE_RUNNING else None
    for fact in facts:
        seq += 1
        kind = type(fact)
        if kind in _WITHOUT_ROWS:
            continue
        if isinstance(fact, TaskStarted):
            began = (stream, seq, fact.task, fact.visit, fact.attempt, at, fact.worker)
            rows.append(RowChange("start_attempt", began))
        elif isinstance(fact, TaskCompleted) and running and fact.error is None and fact.message is None:
            outcome, took = fact.outcome, fact.duration_us
            ended = (fact.status, outcome, at, took, stream, running.started_seq)
            rows.append(RowChange("end_attempt", ended))
            rows.append(Increment("add_statistic", (flow_id, fact.task, outcome), (1, took)))
            running = None
        else:
            return None
    return rows


def brief_execution(before: ExecutionState, after: ExecutionState) -> RowChange | None:
    """The change of `executions` that moves its row from one running task on to the next; None where more changed."""
    if (
        before.phase != _PHASE_RUNNING
        or after.phase != _PHASE_RUNNING
        or before.status is not _RUNNING
        or after.status is not _RUNNING
        or before.failures != after.failures
        or before.interruptions != after.interruptions
        or before.worker != after.worker
        or before.digest != after.digest
    ):
        return None
    place = (after.current_task, names_json(after.path), names_json(after.succeeded), after.transitions, after.attempts)
    return RowChange("step_execution", (*place, after.updated_at, after.seq, after.stream))


def names_json(names: tuple[str, ...]) -> str:
    """Tasks' names as a JSON array."""
    return _ENCODE(names).decode() if names else "[]"
