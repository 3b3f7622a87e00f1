"""What a script says: how attempts end, and what is done to an execution from outside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, TypeAlias

from flowsm.events.commands import Cancel, Pause, Redrive, Resolve, Resume, Signal
from flowsm.tasks.context import TaskContext

__all__ = [
    "INTERRUPTED",
    "NOT_DONE",
    "TIMES_OUT",
    "Act",
    "After",
    "Done",
    "Ending",
    "Fails",
    "Pass",
    "Scripted",
    "Stop",
]


class Ending(Enum):
    """The ends of an attempt that are no results."""

    TIMES_OUT = "it hangs until its time is over"
    INTERRUPTED = "it is left without a result: by a crash, or by the pause or cancellation that just came"
    NOT_DONE = "its probe, asked about an interrupted attempt, finds that it was not done"


TIMES_OUT: Final = Ending.TIMES_OUT
INTERRUPTED: Final = Ending.INTERRUPTED
NOT_DONE: Final = Ending.NOT_DONE


@dataclass(frozen=True)
class Fails:
    """The attempt fails with an error of this type, which need not exist here.

    Args:
        type: the name of the exception's class.
        message: its text.
        types: the names of the class and of its bases, which `non_retryable_errors` looks at; by default the class is
            an `Exception`.
        data: of a sub-flow: its data.
        outcome: of a sub-flow: `cancelled`, if it was.
    """

    type: str
    message: str = ""
    types: tuple[str, ...] = ()
    data: Any = None
    outcome: str | None = None

    def exception(self) -> BaseException:
        """An exception whose class and bases have these names."""
        names = list(self.types or (self.type, "Exception"))
        base: type[BaseException] = BaseException
        if names[-1] == "Exception":
            base = Exception
            names.pop()
        for name in reversed(names):
            base = type(name, (base,), {})
        return base(self.message)


@dataclass(frozen=True)
class Pass:
    """Nobody does anything for so many seconds."""

    seconds: float


@dataclass(frozen=True)
class Stop:
    """The rehearsal ends there, whatever the execution would do."""


Done: TypeAlias = Signal | Pause | Resume | Cancel | Redrive | Resolve | Pass | Stop
"""What is done to an execution from outside."""


@dataclass(frozen=True)
class After:
    """Something that is done once so many events are recorded: while an attempt runs, or where it stands still."""

    seq: int
    done: Done


Act: TypeAlias = Done | After
"""Something that is done where the execution waits for somebody, or after an event."""

Scripted: TypeAlias = Any | Ending | Fails | BaseException | type[BaseException] | Callable[[TaskContext], Any]
"""How an attempt ends: a JSON value, a `TaskResult`, an exception, an `Ending`, `Fails`, or a function that says it."""
