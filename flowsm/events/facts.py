"""Facts: what may be recorded. A fact never changes once recorded.

The tags (`TYPE`) and versions are written by hand: they are the wire format. Fields are only
ever added, with defaults. `stored` names the fields whose value lies in `payloads` because it is large.
"""

from __future__ import annotations

from typing import Any, ClassVar

from flowsm.events.fact import ErrorInfo, Fact, Operand, ParentRef, PayloadRef, Unknown

__all__ = [
    "FACTS",
    "ErrorInfo",
    "ExecutionCancelled",
    "ExecutionCancelling",
    "ExecutionCompleted",
    "ExecutionCreated",
    "ExecutionFailed",
    "ExecutionForked",
    "ExecutionPaused",
    "ExecutionRedriven",
    "ExecutionRemoved",
    "ExecutionResumed",
    "ExecutionStarted",
    "ExecutionUpgraded",
    "Fact",
    "Operand",
    "ParentRef",
    "PayloadRef",
    "ProbeStarted",
    "ResolutionAwaited",
    "ResolutionGiven",
    "RetryScheduled",
    "SignalReceived",
    "TaskCompleted",
    "TaskInterrupted",
    "TaskSkipped",
    "TaskStarted",
    "TaskTimedOut",
    "TransitionTaken",
    "Unknown",
    "WaitEnded",
    "WaitStarted",
]


class ExecutionCreated(Fact, frozen=True, kw_only=True):
    """An execution exists; `digest` pins its flow, and no other is ever created with its `idempotency_key`."""

    TYPE: ClassVar[str] = "execution.created"
    LARGE: ClassVar[tuple[str, ...]] = ("input",)
    flow_id: str
    flow_name: str
    digest: str
    input: Any = None
    start_at: str | None = None
    """When it is to be started; None for when somebody executes it."""
    idempotency_key: str | None = None
    parent: ParentRef | None = None
    depth: int = 0
    """How many executions are above it."""
    traceparent: str | None = None
    """The span that asked for it, in the words of W3C Trace Context: what runs in it is part of that trace."""
    stored: dict[str, PayloadRef] = {}


class ExecutionStarted(Fact, frozen=True, kw_only=True):
    """A worker began to drive the execution; `deadline` is when its timeout ends it."""

    TYPE: ClassVar[str] = "execution.started"
    worker: str
    deadline: str | None = None
    late_seconds: float = 0.0
    """How long after its `start_at`."""


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
    late_seconds: float = 0.0
    """How long after the due time of the retry."""
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
    """An attempt was started and no result of it was recorded: its outcome is not known.

    `by` is `crash` (its worker left), `shutdown` (its worker was told to stop), the operator's verb that stopped it
    (`pause`, `cancel`), or `probe`: its own probe found that it was not done.
    """

    TYPE: ClassVar[str] = "task.interrupted"
    task: str
    visit: int
    attempt: int
    reason: str
    by: str = "crash"


class ProbeStarted(Fact, frozen=True, kw_only=True):
    """The task's own `probe` is asked what became of the interrupted attempt."""

    TYPE: ClassVar[str] = "probe.started"
    task: str
    visit: int
    attempt: int
    worker: str


class ResolutionAwaited(Fact, frozen=True, kw_only=True):
    """A person is to say what became of the interrupted attempt."""

    TYPE: ClassVar[str] = "resolution.awaited"
    task: str
    visit: int
    attempt: int
    reason: str


class ResolutionGiven(Fact, frozen=True, kw_only=True):
    """Somebody said what became of the attempt: `success`, `failure`, or `retry` for running it again."""

    TYPE: ClassVar[str] = "resolution.given"
    task: str
    visit: int
    attempt: int
    resolution: str
    reason: str = ""
    actor: str = ""


class WaitStarted(Fact, frozen=True, kw_only=True):
    """The attempt is a wait: nothing runs until the time, the signal or the child's end that it waits for.

    `due` ends it well; `expires` is when its own time is over. `digest` is the flow of the child.
    """

    TYPE: ClassVar[str] = "wait.started"
    task: str
    visit: int
    attempt: int
    due: str | None = None
    expires: str | None = None
    signal: str | None = None
    child: str | None = None
    digest: str | None = None


class WaitEnded(Fact, frozen=True, kw_only=True):
    """What was waited for came: `by` is `timer`, `signal` (recorded as seq `signal_seq`), `child` or `expiry`."""

    TYPE: ClassVar[str] = "wait.ended"
    task: str
    visit: int
    attempt: int
    by: str
    signal_seq: int | None = None
    late_seconds: float = 0.0


class SignalReceived(Fact, frozen=True, kw_only=True):
    """Somebody told the execution something. In an ended execution it is of no use, and recorded as that.

    `outcome` is the word that the waiting task ends with; `content` is a digest of all that a signal says, by which
    a second one with the same `idempotency_key` is known.
    """

    TYPE: ClassVar[str] = "signal.received"
    LARGE: ClassVar[tuple[str, ...]] = ("payload",)
    name: str
    payload: Any = None
    outcome: str | None = None
    idempotency_key: str | None = None
    content: str = ""
    used: bool = True
    actor: str = ""
    stored: dict[str, PayloadRef] = {}


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


class ExecutionCancelling(Fact, frozen=True, kw_only=True):
    """Somebody asked for the end of the execution: what runs is stopped, then it is cleaned up."""

    TYPE: ClassVar[str] = "execution.cancelling"
    reason: str = ""
    actor: str = ""


class ExecutionPaused(Fact, frozen=True, kw_only=True):
    """The execution stops before its next task; with `now` the running attempt is stopped too, and run again later."""

    TYPE: ClassVar[str] = "execution.paused"
    reason: str = ""
    actor: str = ""
    now: bool = False


class ExecutionResumed(Fact, frozen=True, kw_only=True):
    """The execution goes on from where it was paused."""

    TYPE: ClassVar[str] = "execution.resumed"
    reason: str = ""
    actor: str = ""


class ExecutionRedriven(Fact, frozen=True, kw_only=True):
    """A failed execution goes on with another attempt of this visit; what came before is kept.

    `attempt` 0: the visit's result stands, and the way on from it is sought again. `overrides` are values by JSON
    Pointers (`/input…`, `/results/TASK/data…`): they stand there from now on, for the tasks that come after.
    """

    TYPE: ClassVar[str] = "execution.redriven"
    task: str
    visit: int
    attempt: int
    overrides: dict[str, Any] = {}
    deadline: str | None = None
    reason: str = ""
    actor: str = ""


class ExecutionForked(Fact, frozen=True, kw_only=True):
    """The execution begins as another one did: its events up to this one are those of `origin` up to `origin_seq`.

    `task`, `visit` and `attempt` name the attempt that was under way there: it is begun again here. `overrides` are as
    those of `execution.redriven`. `content` is a digest of all that was asked for, by which a second request with the same
    key is known to be the same; empty without a key.
    """

    TYPE: ClassVar[str] = "execution.forked"
    origin: str
    origin_seq: int
    task: str | None = None
    visit: int = 0
    attempt: int = 0
    deadline: str | None = None
    overrides: dict[str, Any] = {}
    idempotency_key: str | None = None
    content: str = ""
    traceparent: str | None = None
    """As that of `execution.created`; None leaves the one that is shared."""
    reason: str = ""
    actor: str = ""


class ExecutionUpgraded(Fact, frozen=True, kw_only=True):
    """The execution goes on with another version of its flow: from this event on `digest` pins it, no longer `before`.

    `version` and `version_before` are the flows' own words for their versions. `deadline` is when its timeout ends it now.
    """

    TYPE: ClassVar[str] = "execution.upgraded"
    digest: str
    before: str
    flow_name: str
    version: str = ""
    version_before: str = ""
    deadline: str | None = None
    reason: str = ""
    actor: str = ""


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
    ProbeStarted,
    ResolutionAwaited,
    ResolutionGiven,
    WaitStarted,
    WaitEnded,
    SignalReceived,
    TaskSkipped,
    RetryScheduled,
    TransitionTaken,
    ExecutionCompleted,
    ExecutionFailed,
    ExecutionCancelled,
    ExecutionCancelling,
    ExecutionPaused,
    ExecutionResumed,
    ExecutionRedriven,
    ExecutionForked,
    ExecutionUpgraded,
    ExecutionRemoved,
)
