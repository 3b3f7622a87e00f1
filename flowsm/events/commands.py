"""Commands: what may be asked of an execution. A command that is refused leaves no trace."""

from __future__ import annotations

from typing import Any

import msgspec

from flowsm.events.facts import ErrorInfo

__all__ = ["Advance", "Cancel", "Command", "Create", "Driver", "RecordResult", "Remove"]


class Driver(msgspec.Struct, frozen=True, kw_only=True):
    """Who drives, and what the decision may not find out by itself.

    `versions` are the task types' code versions; `chance` is a number in [0, 1), for jitter.
    """

    worker: str
    versions: dict[str, str | None] = {}
    chance: float = 0.0


class Create(msgspec.Struct, frozen=True, kw_only=True):
    """Make an execution of the flow."""

    digest: str
    input: Any = None


class Advance(msgspec.Struct, frozen=True, kw_only=True):
    """Go on to where a task must run or time must pass. A running attempt is one that its owner left behind."""

    driver: Driver


class RecordResult(msgspec.Struct, frozen=True, kw_only=True):
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
    retryable: bool = True
    timed_out: bool = False


class Cancel(msgspec.Struct, frozen=True, kw_only=True):
    """End the execution where it stands."""

    reason: str = ""
    actor: str = ""


class Remove(msgspec.Struct, frozen=True, kw_only=True):
    """Take an ended execution out of the lists."""

    reason: str = ""
    actor: str = ""


Command = Create | Advance | RecordResult | Cancel | Remove
