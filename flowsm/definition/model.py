"""The parsed flow: frozen data, nothing but what the document says."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from flowsm.limits import TRANSITIONS_DEFAULT

__all__ = [
    "END",
    "END_FAILURE",
    "END_SUCCESS",
    "RESERVED_TARGETS",
    "Clause",
    "ConditionConfig",
    "FlowConfig",
    "OnInterrupt",
    "Operator",
    "RetryPolicy",
    "TaskConfig",
]

END = "end"
END_SUCCESS = "end_success"
END_FAILURE = "end_failure"
RESERVED_TARGETS = frozenset({END, END_SUCCESS, END_FAILURE})

Operator = Literal["eq", "ne", "lt", "le", "gt", "ge", "in", "not_in", "contains", "starts_with", "exists", "empty"]

OnInterrupt = Literal["retry", "fail", "probe", "ask"]
"""What happens to a task whose attempt was started and left no result: run it again, take its failure, let the task
find out, or wait for a person."""


class _Document(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    pass


class Clause(_Document, frozen=True, kw_only=True):
    """A comparison of one recorded value, at a JSON Pointer, with a constant."""

    path: str
    op: Operator
    value: Any = None


class RetryPolicy(_Document, frozen=True, kw_only=True):
    """How often, and how long after a failed attempt, a task is tried again (intervals in seconds)."""

    max_attempts: int = 3
    initial_interval: float = 1.0
    backoff_coefficient: float = 2.0
    max_interval: float = 60.0
    jitter: float = 0.1
    non_retryable_errors: tuple[str, ...] = ()


class TaskConfig(_Document, frozen=True, kw_only=True):
    """A node of a flow."""

    name: str
    task_type: str
    description: str = ""
    parameters: dict[str, Any] = {}
    timeout: float | None = None
    retry: RetryPolicy | None = None
    result_schema: dict[str, Any] | bool | None = None
    skip_when: tuple[Clause, ...] = ()
    on_interrupt: OnInterrupt = "retry"


class ConditionConfig(_Document, frozen=True, kw_only=True):
    """A rule on a task's outcome that picks the next state."""

    name: str
    source_task: str
    target_task_success: str
    description: str = ""
    outcome: str = "success"
    target_task_failure: str = END
    when: tuple[Clause, ...] = ()


class FlowConfig(_Document, frozen=True, kw_only=True):
    """A flow: tasks, and conditions that say which task comes next for each outcome.

    It is what parsing gives: every default of a document that depends on other fields (a task's
    type, a condition's name) is filled in.
    """

    id: str
    name: str
    start_task: str
    tasks: tuple[TaskConfig, ...]
    conditions: tuple[ConditionConfig, ...] = ()
    description: str = ""
    version: str = ""
    max_transitions: int = TRANSITIONS_DEFAULT
    timeout: float | None = None
    input_schema: dict[str, Any] | bool | None = None
    on_cancel: str | None = None
