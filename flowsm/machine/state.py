"""The state of one execution: what its events amount to."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from flowsm.events.facts import ErrorInfo, ParentRef
from flowsm.status import FlowStatus

__all__ = [
    "AT_WORK",
    "FOLD_VERSION",
    "Attempt",
    "ExecutionState",
    "Origin",
    "Phase",
    "Request",
    "StoredResult",
    "StoredSignal",
    "Waiting",
    "new_state",
    "scope_of",
]

FOLD_VERSION: Final = 3
"""Raised whenever `evolve` comes to give another state for the same events: it outdates snapshots."""


class Phase:
    """What the execution is about to do: words, for a look at an enumeration's member costs 0.1 us in Python 3.11."""

    NEW: Final = "new"
    CREATED: Final = "created"
    ENTERED: Final = "entered"
    RUNNING: Final = "running"
    WAITING: Final = "waiting"
    AWAITED: Final = "awaited"
    """What a wait was for has come: its result follows in the same append."""
    INTERRUPTED: Final = "interrupted"
    PROBING: Final = "probing"
    ASKING: Final = "asking"
    AGAIN: Final = "again"
    """The attempt is to be started once more, at once."""
    DECIDED: Final = "decided"
    BACKOFF: Final = "backoff"
    ENDING: Final = "ending"
    ENDED: Final = "ended"


AT_WORK: Final = frozenset({Phase.RUNNING, Phase.PROBING})
"""The phases in which somebody's code runs."""


class StoredResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The latest result of a task, as recorded."""

    task: str
    visit: int
    attempt: int
    status: str
    outcome: str
    at: str
    duration_us: int = 0
    message: str | None = None
    data: Any = None
    error: ErrorInfo | None = None
    warnings: tuple[str, ...] = ()


class Waiting(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What an attempt waits for: a time, a signal or the end of a child; `expires` is when its own time is over."""

    due: str | None = None
    expires: str | None = None
    signal: str | None = None
    child: str | None = None
    digest: str | None = None


class Attempt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The attempt that is running, or will be (`due`), or was interrupted; `started_seq` is its start's place.

    `interruptions` counts the crashes of its visit, `base` the attempts of the visit that a redrive left behind.
    """

    visit: int
    attempt: int
    started_seq: int = 0
    started_at: str = ""
    due: str | None = None
    parameters: dict[str, Any] = {}
    timeout_seconds: float | None = None
    interruptions: int = 0
    base: int = 0
    waiting: Waiting | None = None


class StoredSignal(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A signal that no wait has taken yet."""

    seq: int
    name: str
    payload: Any = None
    outcome: str | None = None


class Request(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What an operator asked for, and has not been withdrawn; `now` stops a running attempt."""

    at: str
    reason: str = ""
    actor: str = ""
    now: bool = False


class Origin(msgspec.Struct, frozen=True, gc=False):
    """Where an execution was forked off: after that event of that execution."""

    execution_id: str
    seq: int


class ExecutionState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Everything that the events of one stream amount to.

    `node` is the machine's state by name; `transitions` counts those of conditions, `transitions_base` of them before
    a redrive; `results` keeps the order in which they were recorded, the latest last; `signals` those not yet taken,
    and `signal_keys` the content of those that came with an idempotency key.
    """

    stream: str
    seq: int = 0
    phase: str = Phase.NEW
    status: FlowStatus = FlowStatus.CREATED
    node: str = "created"
    digest: str = ""
    flow_id: str = ""
    flow_name: str = ""
    input: Any = None
    start_at: str | None = None
    idempotency_key: str | None = None
    parent: ParentRef | None = None
    depth: int = 0
    traceparent: str | None = None
    origin: Origin | None = None
    worker: str = ""
    created_at: str = ""
    started_at: str | None = None
    ended_at: str | None = None
    updated_at: str = ""
    deadline: str | None = None
    attempt: Attempt | None = None
    visits: dict[str, int] = {}
    results: dict[str, StoredResult] = {}
    path: tuple[str, ...] = ()
    succeeded: tuple[str, ...] = ()
    transitions: int = 0
    transitions_base: int = 0
    attempts: int = 0
    failures: int = 0
    interruptions: int = 0
    redrives: int = 0
    upgrades: int = 0
    overrides: dict[str, Any] = {}
    """By JSON Pointers: values in `input` and `results` that somebody put in the place of recorded ones."""
    skipped: tuple[str, ...] = ()
    error: ErrorInfo | None = None
    last_error: ErrorInfo | None = None
    paused: Request | None = None
    cancelling: Request | None = None
    cleaning: bool = False
    """Whether the flow's `on_cancel` task has been entered for that."""
    signals: tuple[StoredSignal, ...] = ()
    signal_keys: dict[str, str] = {}
    removed: bool = False

    @property
    def current_task(self) -> str | None:
        """The task that the execution stands at, None before the first and after the end."""
        return None if self.node in {"created", "completed", "failed", "cancelled"} else self.node

    @property
    def begins_at(self) -> str | None:
        """When it may begin, None for at once: one that was due when it was created waits for no clock."""
        return self.start_at if self.start_at is not None and self.start_at > self.created_at else None

    @property
    def is_stopping(self) -> bool:
        """Whether somebody cancelled it, and nothing cleans up yet."""
        return self.cancelling is not None and not self.cleaning

    @property
    def signal(self) -> StoredSignal | None:
        """The signal that has come for the wait that is open, None where there is none."""
        waiting = self.attempt.waiting if self.attempt is not None else None
        if self.phase != Phase.WAITING or waiting is None or waiting.signal is None:
            return None
        return next((signal for signal in self.signals if signal.name == waiting.signal), None)

    @property
    def child(self) -> str | None:
        """The execution that the open wait is for, None where there is none."""
        waiting = self.attempt.waiting if self.attempt is not None else None
        return waiting.child if self.phase == Phase.WAITING and waiting is not None else None


def new_state(stream: str) -> ExecutionState:
    """The state of a stream without events."""
    return ExecutionState(stream=stream)


def scope_of(state: ExecutionState) -> dict[str, Any]:
    """What JSON Pointers of a flow point into: `/input…` and `/results/<task>/…`."""
    return {
        "input": state.input,
        "results": {
            task: {
                "status": result.status,
                "outcome": result.outcome,
                "message": result.message,
                "data": result.data,
                "error": None if result.error is None else {"type": result.error.type, "message": result.error.message},
            }
            for task, result in state.results.items()
        },
    }
