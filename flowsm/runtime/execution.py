"""An execution as its callers see it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import msgspec

from flowsm.machine.state import ExecutionState, StoredResult
from flowsm.status import FlowStatus, TaskStatus
from flowsm.tasks.result import TaskResult

__all__ = ["FlowExecution", "execution_of", "json_copy", "task_result_of"]


_CONTAINERS: Final = frozenset({dict, list})


class FlowExecution(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an execution, up to now.

    `path` is every task entered, in order, repeats included; `completed_tasks` those that succeeded,
    in the order of their first success; `task_results` the latest result of each task, by name.
    `started_at` and `ended_at` are aware, in UTC. `error` is one sentence, None unless it failed or was cancelled.
    """

    execution_id: str
    flow_id: str
    flow_name: str
    status: FlowStatus
    current_task: str | None
    path: list[str]
    completed_tasks: list[str]
    skipped_tasks: list[str]
    task_results: dict[str, TaskResult]
    input: Any
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    error: str | None
    seq: int
    flow_digest: str = ""
    """Of the version of the flow that it runs now: `upgrades` says how often that became another one."""
    upgrades: int = 0
    forked_from: str | None = None
    """The execution whose events up to seq `forked_at` this one shares."""
    forked_at: int = 0
    traceparent: str | None = None
    """The span that asked for it (W3C Trace Context): what runs in it is part of that trace."""
    begins_at: datetime | None = None
    """When it begins, or was to begin, where it was started for later."""
    overrides: dict[str, Any] = {}
    """Values in `input` and `task_results` that somebody put in the place of recorded ones, by JSON Pointers."""


def json_copy(value: Any) -> Any:
    """A JSON value that shares nothing that can be changed: what tasks and callers do to it leaves the state alone."""
    if type(value) is dict:
        return {key: json_copy(item) if type(item) in _CONTAINERS else item for key, item in value.items()}
    if type(value) is list:
        return [json_copy(item) if type(item) in _CONTAINERS else item for item in value]
    return value


_STATUSES: Final = {status.value: status for status in TaskStatus}


def task_result_of(stored: StoredResult) -> TaskResult:
    """A recorded result as tasks and callers see it."""
    return TaskResult(
        task_name=stored.task,
        status=_STATUSES[stored.status],
        message=stored.message,
        data=json_copy(stored.data),
        error=stored.error.message if stored.error else None,
        outcome=stored.outcome,
        warnings=list(stored.warnings),
        execution_time=stored.duration_us / 1_000_000,
        timestamp=datetime.fromisoformat(stored.at),
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def execution_of(state: ExecutionState) -> FlowExecution:
    """The public view of a folded state."""
    return FlowExecution(
        execution_id=state.stream,
        flow_id=state.flow_id,
        flow_name=state.flow_name,
        status=state.status,
        current_task=state.current_task,
        path=list(state.path),
        completed_tasks=list(state.succeeded),
        skipped_tasks=list(state.skipped),
        task_results={task: task_result_of(result) for task, result in state.results.items()},
        input=json_copy(state.input),
        created_at=datetime.fromisoformat(state.created_at),
        started_at=_moment(state.started_at),
        ended_at=_moment(state.ended_at),
        error=state.error.message if state.error else None,
        seq=state.seq,
        flow_digest=state.digest,
        upgrades=state.upgrades,
        forked_from=state.origin.execution_id if state.origin is not None else None,
        forked_at=state.origin.seq if state.origin is not None else 0,
        traceparent=state.traceparent,
        begins_at=_moment(state.begins_at),
        overrides=json_copy(state.overrides),
    )
