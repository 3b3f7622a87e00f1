"""What is answered, where that is not what the manager gives."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import msgspec

from flowsm.projections.queries import Statistic, Summary
from flowsm.runtime.execution import FlowExecution
from flowsm.service.options import Role
from flowsm.status import FlowStatus, TaskStatus
from flowsm.tasks.result import TaskResult

__all__ = [
    "Accepted",
    "ResultView",
    "ServiceInfo",
    "StatusView",
    "SummaryView",
    "TaskMetrics",
    "result_view",
    "status_view",
    "summary_view",
]

_FAILED: Final = frozenset({"failure", "interrupted"})


class ServiceInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What the service is, and what can be asked of it: by `METHOD /path`, with a sentence for each.

    `role` is what the caller may do, null where they have yet to show a token; `log` is the name of the log's file, told to
    who may operate.
    """

    service: str
    version: str
    status: str
    role: Role | None
    log: str | None
    endpoints: dict[str, str]


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an execution, in a sentence."""

    execution_id: str
    flow_name: str
    status: FlowStatus
    message: str


class ResultView(msgspec.Struct, frozen=True, kw_only=True):
    """The latest result of a task; `execution_time` in seconds."""

    task_name: str
    status: TaskStatus
    message: str | None
    data: Any
    execution_time: float | None
    timestamp: datetime | None
    error: str | None
    outcome: str | None
    warnings: list[str]


class StatusView(msgspec.Struct, frozen=True, kw_only=True):
    """How an execution stands; `task_results` by the names of the tasks."""

    execution_id: str
    flow_name: str
    status: FlowStatus
    current_task: str | None
    completed_tasks: list[str]
    started_at: datetime | None
    ended_at: datetime | None
    task_results: dict[str, ResultView]
    error: str | None
    seq: int


class TaskMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """The attempts of a task that ended: how many, the share that succeeded, and how long they took on average."""

    flow_id: str
    task: str
    attempts: int
    successes: int
    success_rate: float
    mean_seconds: float


class SummaryView(msgspec.Struct, frozen=True, kw_only=True):
    """Everything at a glance. `flows` counts the ends of executions, `tasks` those of attempts, by outcome."""

    total_flows: int
    status_counts: dict[str, int]
    registered_task_types: list[str]
    flows: list[Statistic]
    tasks: list[Statistic]
    task_metrics: list[TaskMetrics]


def result_view(result: TaskResult) -> ResultView:
    """A result with every key."""
    return ResultView(
        task_name=result.task_name,
        status=result.status,
        message=result.message,
        data=result.data,
        execution_time=result.execution_time,
        timestamp=result.timestamp,
        error=result.error,
        outcome=result.outcome,
        warnings=result.warnings,
    )


def status_view(execution: FlowExecution) -> StatusView:
    """The status of an execution."""
    return StatusView(
        execution_id=execution.execution_id,
        flow_name=execution.flow_name,
        status=execution.status,
        current_task=execution.current_task,
        completed_tasks=execution.completed_tasks,
        started_at=execution.started_at,
        ended_at=execution.ended_at,
        task_results={name: result_view(result) for name, result in execution.task_results.items()},
        error=execution.error,
        seq=execution.seq,
    )


def summary_view(summary: Summary) -> SummaryView:
    """The summary, with a line for each task."""
    lines: dict[tuple[str, str], list[Statistic]] = {}
    for entry in summary.tasks:
        if entry.outcome == "skipped":  # it was no attempt
            continue
        lines.setdefault((entry.flow_id, entry.task), []).append(entry)
    return SummaryView(
        total_flows=summary.total_flows,
        status_counts=summary.status_counts,
        registered_task_types=summary.registered_task_types,
        flows=summary.flows,
        tasks=summary.tasks,
        task_metrics=[_metrics(*key, entries) for key, entries in lines.items()],
    )


def _metrics(flow_id: str, task: str, entries: list[Statistic]) -> TaskMetrics:
    attempts = sum(entry.count for entry in entries)
    successes = sum(entry.count for entry in entries if entry.outcome not in _FAILED)
    seconds = sum(entry.total_seconds for entry in entries)
    return TaskMetrics(
        flow_id=flow_id,
        task=task,
        attempts=attempts,
        successes=successes,
        success_rate=successes / attempts if attempts else 0.0,
        mean_seconds=seconds / attempts if attempts else 0.0,
    )
