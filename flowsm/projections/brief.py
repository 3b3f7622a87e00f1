"""The usual changes of rows, said briefly.

`put_attempt` and `put_execution` can write any row, and a rebuild uses nothing else. Most appends start an attempt, end
one without an error, or move an execution on: those have statements that name only what changes then. Every NULL that
need not be handed over counts, for Python's sqlite3 looks for an adapter for each.
"""

from __future__ import annotations

from typing import Final

import msgspec

from flowsm.log.port import RowChange
from flowsm.machine.state import ExecutionState, Phase
from flowsm.status import FlowStatus

__all__ = ["brief_attempt", "brief_execution", "names_json"]

_ENCODE: Final = msgspec.json.Encoder().encode
_RUNNING: Final = FlowStatus.RUNNING


def brief_attempt(row: RowChange, before: ExecutionState) -> RowChange:
    """The change of `attempts` that writes the same as this `put_attempt`: a start, or the end of what ran in `before`."""
    values = row.params
    execution_id, started_seq, task, visit, attempt, status, outcome, started_at, ended_at, duration = values[:10]
    if status == "running":
        return RowChange("start_attempt", (execution_id, started_seq, task, visit, attempt, started_at, values[10]))
    if before.phase == Phase.RUNNING and attempt and outcome is not None and values[11:] == (None, None, None):
        return RowChange("end_attempt", (status, outcome, ended_at, duration, execution_id, started_seq))
    return row


def brief_execution(before: ExecutionState, after: ExecutionState) -> RowChange | None:
    """The change of `executions` that moves the row of the state `before` on; None where more than its place changed."""
    if (
        before.status is not _RUNNING
        or after.status is not _RUNNING
        or before.failures != after.failures
        or before.interruptions != after.interruptions
        or before.worker != after.worker
        or _is_due(before)
        or _is_due(after)
    ):
        return None
    place = (after.current_task, names_json(after.path), names_json(after.succeeded), after.transitions, after.attempts)
    return RowChange("step_execution", (*place, after.updated_at, after.seq, after.stream))


def names_json(names: tuple[str, ...]) -> str:
    """Tasks' names as a JSON array."""
    return _ENCODE(names).decode() if names else "[]"


def _is_due(state: ExecutionState) -> bool:
    return state.attempt is not None and state.attempt.due is not None
