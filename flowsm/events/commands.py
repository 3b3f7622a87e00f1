"""Commands: what may be asked of an execution. A command that is refused leaves no trace."""

from __future__ import annotations

from typing import Any

import msgspec

from flowsm.events.facts import ErrorInfo

__all__ = ["Advance", "Cancel", "Command", "Create", "Driver", "RecordResult", "Remove"]


class Driver(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Who drives: the worker's id, and the code versions of its task types."""

    worker: str
    versions: dict[str, str | None] = {}


class Create(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Make an execution of the flow."""

    digest: str
    input: Any = None


class Advance(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Go on to where a task must run or time must pass. A running attempt is one that its owner left behind.

    `chance` is a number in [0, 1), which spreads retries.
    """

    driver: Driver
    chance: float = 0.5


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


class Cancel(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """End the execution where it stands."""

    reason: str = ""
    actor: str = ""


class Remove(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Take an ended execution out of the lists."""

    reason: str = ""
    actor: str = ""


Command = Create | Advance | RecordResult | Cancel | Remove
