"""Policy: how long an attempt of a task may take, and how often the task is tried.

A task's `timeout` and `retry` say it; where they are absent, `parameters.timeout` and
`parameters.retry_count` (retries after the first attempt) do, as users of earlier flow managers
write them. A parameter that is not a usable number is ignored, and linting warns of it.
"""

from __future__ import annotations

from typing import Any, Final

from flowsm.definition.model import RetryPolicy, TaskConfig
from flowsm.limits import RETRY_MAX_ATTEMPTS, TIMEOUT_MAX_SECONDS

__all__ = ["RETRY_COUNT", "TIMEOUT", "task_retry", "task_timeout", "usable_retry_count", "usable_timeout"]

TIMEOUT: Final = "timeout"
RETRY_COUNT: Final = "retry_count"
_ONCE: Final = RetryPolicy(max_attempts=1)


def usable_timeout(value: Any) -> float | None:
    """The parameter as seconds per attempt, or None where it is not a number of seconds."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= TIMEOUT_MAX_SECONDS:
        return None
    return float(value)


def usable_retry_count(value: Any) -> int | None:
    """The parameter as a number of retries after the first attempt, or None where it is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < RETRY_MAX_ATTEMPTS:
        return None
    return int(value) if value == int(value) else None


def task_timeout(task: TaskConfig) -> float | None:
    """The seconds that one attempt of the task may take; None for no limit."""
    return task.timeout if task.timeout is not None else usable_timeout(task.parameters.get(TIMEOUT))


def task_retry(task: TaskConfig) -> RetryPolicy:
    """How often the task is tried; once, where the document says nothing."""
    if task.retry is not None:
        return task.retry
    count = usable_retry_count(task.parameters.get(RETRY_COUNT))
    return _ONCE if count is None else RetryPolicy(max_attempts=count + 1)
