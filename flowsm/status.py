"""The closed sets of statuses: of a task's result, and of an execution."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["ENDED_STATUSES", "FlowStatus", "TaskStatus"]


class TaskStatus(StrEnum):
    """What became of a task."""

    SUCCESS = "success"
    FAILURE = "failure"
    SKIPPED = "skipped"


class FlowStatus(StrEnum):
    """What became of an execution."""

    CREATED = "created"
    RUNNING = "running"
    WAITING = "waiting"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED_STATUSES = frozenset({FlowStatus.COMPLETED, FlowStatus.FAILED, FlowStatus.CANCELLED})
