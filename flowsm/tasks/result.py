"""What a task gives back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from flowsm.status import TaskStatus

__all__ = ["TaskResult"]


class TaskResult(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The result of a task.

    Args:
        task_name: the task's name; the engine fills it in when it is left out.
        status: what became of the task.
        message: one sentence for people.
        data: any JSON value; later tasks and conditions read it.
        error: what went wrong, for a failure.
        outcome: the word that conditions look at; the status when it is left out.
        warnings: what was odd, though it did not fail.
        execution_time: seconds that the attempt took; the engine sets it.
        timestamp: when the result was recorded, in UTC; the engine sets it.
    """

    task_name: str = ""
    status: TaskStatus
    message: str | None = None
    data: Any = None
    error: str | None = None
    outcome: str | None = None
    warnings: list[str] = []
    execution_time: float | None = None
    timestamp: datetime | None = None
