"""Commands: what may be asked of an execution. A command that is refused leaves no trace."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from flowsm.events.facts import ErrorInfo, ParentRef

__all__ = [
    "Advance",
    "Cancel",
    "Command",
    "Create",
    "Driver",
    "Fork",
    "Pause",
    "RecordChild",
    "RecordProbe",
    "RecordResult",
    "Redrive",
    "Remove",
    "Resolution",
    "Resolve",
    "Resume",
    "Signal",
    "Upgrade",
]

Resolution = Literal["success", "failure", "retry"]


class Driver(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Who drives: the worker's id, and the code versions of its task types."""

    worker: str
    versions: dict[str, str | None] = {}


class Create(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Make an execution of the flow; `start_at` (timestamp text) is when it is to be started by whoever finds it."""

    digest: str
    input: Any = None
    start_at: str | None = None
    paused: bool = False
    idempotency_key: str | None = None
    parent: ParentRef | None = None
    depth: int = 0
    traceparent: str | None = None


# -- of those who drive ---------------------------------------------------------------------------


class Advance(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Go on to where a task must run or time must pass.

    A running attempt is one that was left: by its owner, or because the execution is paused now, or cancelled.

    Attributes:
        chance: a number in [0, 1), which spreads retries.
        halted: this very driver stopped what it ran, for the execution was to be paused now; it may go on by now.
    """

    driver: Driver
    chance: float = 0.5
    halted: bool = False


class RecordResult(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The running attempt ended; then go on like `Advance`. `timed_out` says whose time was over."""

    driver: Driver
    visit: int
    attempt: int
    task: str
    status: str
    outcome: str
    duration_us: int = 0
    message: str | None = None
    data: Any = None
    error: ErrorInfo | None = None
    warnings: tuple[str, ...] = ()
    timed_out: bool = False
    chance: float = 0.5


class RecordProbe(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The probe ended: what became of the interrupted attempt, or None if it was not done; then go on.

    With a `problem` it could not tell, and a person is asked.
    """

    driver: Driver
    task: str
    visit: int
    attempt: int
    result: RecordResult | None = None
    problem: str = ""
    chance: float = 0.5


class RecordChild(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The execution that a `subflow` task waits for has ended; then go on like `Advance`."""

    driver: Driver
    child: str
    status: str
    data: Any = None
    error: ErrorInfo | None = None
    chance: float = 0.5


# -- of operators and other systems ----------------------------------------------------------------


class Signal(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Tell the execution something; `outcome` is the word that the task waiting for it ends with."""

    name: str
    payload: Any = None
    outcome: str | None = None
    idempotency_key: str | None = None
    actor: str = ""


class Resolve(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Say what became of the attempt that a person is asked about."""

    resolution: Resolution
    outcome: str | None = None
    data: Any = None
    message: str | None = None
    reason: str = ""
    actor: str = ""


class Pause(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Stop before the next task; `now` stops the running attempt too."""

    reason: str = ""
    actor: str = ""
    now: bool = False


class Resume(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Go on after a pause."""

    reason: str = ""
    actor: str = ""


class Cancel(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """End the execution: what runs is stopped, then the flow's `on_cancel` cleans up.

    While that cleans up, it gives the cleaning up; with `once` it is only for an execution that is not being cancelled.
    """

    reason: str = ""
    actor: str = ""
    once: bool = False


class Redrive(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Let a failed execution go on from the task that failed, or from `task`, with other values in some places.

    `overrides` are values by JSON Pointers into its input and its results.
    """

    task: str | None = None
    overrides: dict[str, Any] = {}
    reason: str = ""
    actor: str = ""


class Fork(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Let a new execution go on as another one might have after its event with `origin_seq`, the last that they share.

    `paused`: only when it is told to resume. `overrides` are as those of `Redrive`. `version` is the digest of the flow
    that it is to go on with, where that is another one.
    """

    origin: str
    origin_seq: int
    paused: bool = False
    overrides: dict[str, Any] = {}
    version: str = ""
    idempotency_key: str | None = None
    traceparent: str | None = None
    reason: str = ""
    actor: str = ""


class Upgrade(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Go on with another version of the flow, of this digest; it is decided by the machine of that version.

    `version_before` and `timeout_before` (seconds) are those of the version that it has.
    """

    digest: str
    version_before: str = ""
    timeout_before: float | None = None
    reason: str = ""
    actor: str = ""


class Remove(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Take an ended execution out of the lists."""

    reason: str = ""
    actor: str = ""


class Leave(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The worker that runs the present attempt has stopped that, and was told to stop itself: no crash."""

    worker: str


Command = (
    Create
    | Advance
    | RecordResult
    | RecordProbe
    | RecordChild
    | Signal
    | Resolve
    | Pause
    | Resume
    | Cancel
    | Redrive
    | Fork
    | Upgrade
    | Remove
    | Leave
)
