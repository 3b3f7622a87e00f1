"""The rows of the event list: one an event, those of an attempt drawn together. Only the event and its neighbours are read."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

import msgspec

from flowsm.events.envelope import Recorded
from flowsm.events.facts import (
    ExecutionCancelled,
    ExecutionCompleted,
    ExecutionFailed,
    ProbeStarted,
    ResolutionAwaited,
    RetryScheduled,
    TaskCompleted,
    TaskInterrupted,
    TaskSkipped,
    TaskStarted,
    TaskTimedOut,
    TransitionTaken,
    WaitEnded,
    WaitStarted,
)
from flowsm.replay.history import History
from flowsm.wording.facts import describe
from flowsm.wording.text import local_time

__all__ = ["EventRow", "row_of"]

_OF_ATTEMPT: Final = (
    TaskStarted,
    TaskCompleted,
    TaskTimedOut,
    TaskInterrupted,
    ProbeStarted,
    ResolutionAwaited,
    WaitStarted,
    WaitEnded,
)
_BRACES: Final = {"first": "┌", "within": "│", "last": "└", "alone": " "}
_TIME_OF_DAY: Final = len("2026-01-31 ")


class EventRow(msgspec.Struct, frozen=True, kw_only=True):
    """What the list says of one event; `place` is where it stands in the group of its attempt."""

    seq: int
    at: str
    type: str
    words: str
    status: str
    """What it says became of the attempt or the execution; empty where it says nothing."""
    place: Literal["first", "within", "last", "alone"]

    @property
    def brace(self) -> str:
        """The line that holds the group together."""
        return _BRACES[self.place]

    @property
    def time(self) -> str:
        """The time of day, in the local time zone."""
        return local_time(datetime.fromisoformat(self.at))[_TIME_OF_DAY:]


def row_of(history: History, seq: int) -> EventRow:
    """The row of the event with this seq.

    Raises:
        UsageError: there is none.
        LogBroken: a stored event is not what was recorded.
    """
    event = history.event(seq)
    follows = seq > 1 and _belongs(history.event(seq - 1), event)
    goes_on = seq < history.last and _belongs(event, history.event(seq + 1))
    place: Literal["first", "within", "last", "alone"] = "alone"
    if goes_on:
        place = "within" if follows else "first"
    elif follows:
        place = "last"
    return EventRow(
        seq=seq, at=event.at, type=event.type, words=describe(event.fact), status=_status_of(event), place=place
    )


def _belongs(before: Recorded, event: Recorded) -> bool:
    """Whether an event goes on with the attempt of the one before it."""
    of = _attempt_of(before)
    if of is None or isinstance(event.fact, TaskStarted | TaskSkipped):
        return False
    if isinstance(event.fact, TransitionTaken):
        return event.fact.source == of[0] and not isinstance(before.fact, TransitionTaken)
    return _attempt_of(event) == of


def _attempt_of(event: Recorded) -> tuple[str, int, int] | None:
    """The task, the visit and the attempt that an event is of; a retry belongs to the attempt that failed."""
    fact = event.fact
    if isinstance(fact, RetryScheduled):
        return fact.task, fact.visit, fact.attempt - 1
    if isinstance(fact, TaskSkipped):
        return fact.task, fact.visit, 0
    return (fact.task, fact.visit, fact.attempt) if isinstance(fact, _OF_ATTEMPT) else None


def _status_of(event: Recorded) -> str:
    fact = event.fact
    if isinstance(fact, TaskCompleted):
        return fact.status
    if isinstance(fact, TaskTimedOut | TaskInterrupted | TaskSkipped):
        return event.type.partition(".")[2]
    if isinstance(fact, ExecutionCompleted | ExecutionFailed | ExecutionCancelled):
        return event.type.partition(".")[2]
    if isinstance(fact, TaskStarted):
        return "running"
    return "waiting" if isinstance(fact, WaitStarted | ResolutionAwaited) else ""
