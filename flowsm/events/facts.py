"""Facts: what may be recorded. A fact never changes once recorded.

The tags (`TYPE`) and versions are written by hand: they are the wire format. Fields are only
ever added, with defaults. `stored` names the fields whose value lies in `payloads` because it is large.
"""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

__all__ = [
    "FACTS",
    "ErrorInfo",
    "ExecutionCancelled",
    "ExecutionCompleted",
    "ExecutionCreated",
    "ExecutionFailed",
    "ExecutionRemoved",
    "ExecutionStarted",
    "Fact",
    "Operand",
    "PayloadRef",
    "RetryScheduled",
    "TaskCompleted",
    "TaskInterrupted",
    "TaskSkipped",
    "TaskStarted",
    "TaskTimedOut",
    "TransitionTaken",
    "Unknown",
]


class _Value(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    pass


class PayloadRef(_Value, frozen=True, kw_only=True):
    """Where a large value lies: SHA-256 (hex) and size (bytes) of its JSON text."""

    digest: str
    size: int


class ErrorInfo(_Value, frozen=True, kw_only=True):
    """An error as data. `types` are the names of the exception's class and of its bases."""

    type: str
    message: str
    types: tuple[str, ...] = ()
    traceback: str = ""


class Operand(_Value, frozen=True, kw_only=True):
    """A clause that was asked: what it wanted, what it saw, whether it held."""

    path: str
    op: str
    wanted: Any = None
    seen: Any = None
    found: bool = True
    held: bool


class Fact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The base of all facts. They hold JSON, which has no circles: the garbage collector need not visit them."""

    TYPE: ClassVar[str] = ""
    VERSION: ClassVar[int] = 1
    LARGE: ClassVar[tuple[str, ...]] = ()
    """The fields whose values may be moved to `payloads`."""


class Unknown(Fact, frozen=True, kw_only=True):
    """An event of a type, or a version, that this flowsm does not know: kept as it is."""

    TYPE: ClassVar[str] = "unknown"
    type: str
    version: int
    data: msgspec.Raw


class ExecutionCreated(Fact, frozen=True, kw_only=True):
    """An execution exists; `digest` pins its flow."""

    TYPE: ClassVar[str] = "execution.created"
    LARGE: ClassVar[tuple[str, ...]] = ("input",)
    flow_id: str
    flow_name: str
    digest: str
    input: Any = None
    stored: dict[str, PayloadRef] = {}


class ExecutionStarted(Fact, frozen=True, kw_only=True):
    """A worker began to drive the execution; `deadline` is when its timeout ends it."""

    TYPE: ClassVar[str] = "execution.started"
    worker: str
    deadline: str | None = None


class TaskStarted(Fact, frozen=True, kw_only=True):
    """An attempt begins: durable before any code of the task runs."""

    TYPE: ClassVar[str] = "task.started"
    LARGE: ClassVar[tuple[str, ...]] = ("parameters",)
    task: str
    visit: int
    attempt: int
    worker: str
    parameters: dict[str, Any] = {}
    task_version: str | None = None
    timeout_seconds: float | None = None
    stored: dict[str, PayloadRef] = {}


class TaskCompleted(Fact, frozen=True, kw_only=True):
    """An attempt gave a result. `status` is `success`, `failure` or `skipped`."""

    TYPE: ClassVar[str] = "task.completed"
    LARGE: ClassVar[tuple[str, ...]] = ("data",)
    task: str
    visit: int
    attempt: int
    status: str
    outcome: str
    duration_us: int = 0
    message: str | None = None
    data: Any = None
    error: ErrorInfo | None = None
    warnings: tuple[str, ...] = ()
    stored: dict[str, PayloadRef] = {}


class TaskTimedOut(Fact, frozen=True, kw_only=True):
    """An attempt was stopped because its time, or the flow's, was over: a failure."""

    TYPE: ClassVar[str] = "task.timed_out"
    task: str
    visit: int
    attempt: int
    duration_us: int
    error: ErrorInfo


class TaskInterrupted(Fact, frozen=True, kw_only=True):
    """An attempt was started and no result of it was recorded: its outcome is not known."""

    TYPE: ClassVar[str] = "task.interrupted"
    task: str
    visit: int
    attempt: int
    reason: str


class TaskSkipped(Fact, frozen=True, kw_only=True):
    """The `skip_when` of a task held: the visit ends without an attempt."""

    TYPE: ClassVar[str] = "task.skipped"
    task: str
    visit: int
    operands: tuple[Operand, ...]


class RetryScheduled(Fact, frozen=True, kw_only=True):
    """The visit goes on with another attempt, at `due`."""

    TYPE: ClassVar[str] = "retry.scheduled"
    task: str
    visit: int
    attempt: int
    """The attempt that will come."""
    delay_seconds: float
    due: str


class TransitionTaken(Fact, frozen=True, kw_only=True):
    """The machine went from `source` to `target`.

    `source` and `target` are labels (task names, `created`, `completed` …); `trigger` is the
    machine's id of the edge, `condition` the condition that was met or, with `met` false, the last one asked.
    """

    TYPE: ClassVar[str] = "transition.taken"
    source: str
    target: str
    trigger: str
    outcome: str | None = None
    condition: str | None = None
    met: bool = True
    operands: tuple[Operand, ...] = ()


class ExecutionCompleted(Fact, frozen=True, kw_only=True):
    """The execution ended well. `skipped` are the tasks that it never reached."""

    TYPE: ClassVar[str] = "execution.completed"
    skipped: tuple[str, ...] = ()


class ExecutionFailed(Fact, frozen=True, kw_only=True):
    """The execution ended in failure."""

    TYPE: ClassVar[str] = "execution.failed"
    error: ErrorInfo
    skipped: tuple[str, ...] = ()


class ExecutionCancelled(Fact, frozen=True, kw_only=True):
    """Somebody ended the execution."""

    TYPE: ClassVar[str] = "execution.cancelled"
    reason: str = ""
    actor: str = ""
    skipped: tuple[str, ...] = ()


class ExecutionRemoved(Fact, frozen=True, kw_only=True):
    """The ended execution leaves the lists; its history stays."""

    TYPE: ClassVar[str] = "execution.removed"
    reason: str = ""
    actor: str = ""


FACTS: tuple[type[Fact], ...] = (
    ExecutionCreated,
    ExecutionStarted,
    TaskStarted,
    TaskCompleted,
    TaskTimedOut,
    TaskInterrupted,
    TaskSkipped,
    RetryScheduled,
    TransitionTaken,
    ExecutionCompleted,
    ExecutionFailed,
    ExecutionCancelled,
    ExecutionRemoved,
)
