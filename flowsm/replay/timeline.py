"""The timeline of an execution: its events in groups, an attempt being one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

from flowsm.clock import elapsed_us
from flowsm.definition.places import place_text
from flowsm.definition.pointer import MISSING, parse_pointer
from flowsm.events.facts import (
    ErrorInfo,
    ExecutionCancelled,
    ExecutionCancelling,
    ExecutionCompleted,
    ExecutionCreated,
    ExecutionFailed,
    ExecutionForked,
    ExecutionPaused,
    ExecutionRedriven,
    ExecutionRemoved,
    ExecutionResumed,
    ExecutionStarted,
    ExecutionUpgraded,
    ProbeStarted,
    ResolutionAwaited,
    ResolutionGiven,
    RetryScheduled,
    SignalReceived,
    TaskCompleted,
    TaskInterrupted,
    TaskSkipped,
    TaskStarted,
    TaskTimedOut,
    TransitionTaken,
    WaitEnded,
    WaitStarted,
)
from flowsm.replay.history import Step
from flowsm.replay.paths import StatePath

__all__ = ["Entry", "Wait", "timeline", "upgrade_text"]


_VALUE_MAX_CHARS: Final = 60


class Wait(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Something that an attempt waited for: `what` is `retry`, `timer`, `signal NAME`, `child ID`, `resolution`."""

    what: str
    since: str
    due: str | None = None
    ended: str | None = None
    by: str | None = None
    """What ended it: `timer`, `signal`, `child`, `expiry`, `attempt`, `resolution`."""
    late_seconds: float = 0.0


class Entry(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A group of events that belong together.

    `kind` is `attempt`, `skipped`, `signal`, `operator`, `execution` or `other`. `seqs` are its events; `text` says in a
    few words what happened, for those that are no attempt.
    """

    kind: str
    seqs: list[int]
    at: str
    text: str = ""
    ended: str | None = None
    duration_us: int | None = None
    task: str | None = None
    visit: int | None = None
    attempt: int | None = None
    status: str | None = None
    """Of an attempt: running, waiting, success, failure, skipped, timed_out, interrupted."""
    outcome: str | None = None
    error: ErrorInfo | None = None
    message: str | None = None
    worker: str | None = None
    waits: list[Wait] = []
    then: str | None = None
    """Where the execution went from it: the transition's target."""
    condition: str | None = None
    """The condition that sent it there."""


def timeline(steps: Iterable[Step]) -> list[Entry]:
    """The entries, in the order in which they began."""
    making = _Making()
    for step in steps:
        making.take(step)
    return making.entries


class _Making:
    """A timeline in the making: `_open` is the entry of the latest attempt, or skipped visit."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self._open: Entry | None = None
        self._scheduled: Wait | None = None

    def take(self, step: Step) -> None:
        handler = _HANDLERS.get(type(step.event.fact))
        if handler is None:
            self._add(step, "other", step.event.type)
        else:
            handler(self, step, step.event.fact)

    def _add(self, step: Step, kind: str, text: str = "", **values: Any) -> Entry:
        entry = Entry(kind=kind, seqs=[step.event.seq], at=step.event.at, text=text, **values)
        self.entries.append(entry)
        return entry

    def _of_attempt(self, step: Step) -> Entry:
        """The latest attempt's entry, which the event belongs to."""
        if self._open is None:
            return self._add(step, "other", step.event.type)
        self._open.seqs.append(step.event.seq)
        return self._open

    # -- attempts ------------------------------------------------------------------------------

    def started(self, step: Step, fact: TaskStarted) -> None:
        place: dict[str, Any] = {"task": fact.task, "visit": fact.visit, "attempt": fact.attempt}
        entry = self._add(step, "attempt", status="running", worker=fact.worker, waits=[], **place)
        if self._scheduled is not None:
            wait = self._scheduled
            wait.ended, wait.by, wait.late_seconds = step.event.at, "attempt", fact.late_seconds
            self._scheduled = None
        self._open = entry

    def completed(self, step: Step, fact: TaskCompleted) -> None:
        self._end(step, fact.status, fact.outcome, fact.duration_us, fact.error).message = fact.message

    def timed_out(self, step: Step, fact: TaskTimedOut) -> None:
        self._end(step, "timed_out", "failure", fact.duration_us, fact.error)

    def interrupted(self, step: Step, fact: TaskInterrupted) -> None:
        took = elapsed_us(self._open.at, step.event.at) if self._open is not None else None
        self._end(step, "interrupted", None, took, None).message = fact.reason

    def _end(
        self, step: Step, status: str, outcome: str | None, duration_us: int | None, error: ErrorInfo | None
    ) -> Entry:
        entry = self._of_attempt(step)
        entry.status, entry.outcome, entry.ended = status, outcome, step.event.at
        entry.duration_us, entry.error = duration_us, error
        return entry

    def skipped(self, step: Step, fact: TaskSkipped) -> None:
        self._open = self._add(
            step,
            "skipped",
            task=fact.task,
            visit=fact.visit,
            attempt=0,
            status="skipped",
            outcome="skipped",
            ended=step.event.at,
            duration_us=0,
        )

    def probed(self, step: Step, fact: ProbeStarted) -> None:
        self._of_attempt(step).message = f"its probe is asked by {fact.worker}"

    # -- waits ---------------------------------------------------------------------------------

    def retried(self, step: Step, fact: RetryScheduled) -> None:
        self._scheduled = Wait(what="retry", since=step.event.at, due=fact.due)
        self._of_attempt(step).waits.append(self._scheduled)

    def waits(self, step: Step, fact: WaitStarted) -> None:
        what = "timer"
        if fact.signal is not None:
            what = f"signal {fact.signal}"
        elif fact.child is not None:
            what = f"child {fact.child}"
        entry = self._of_attempt(step)
        entry.status = "waiting"
        entry.waits.append(Wait(what=what, since=step.event.at, due=fact.due or fact.expires))

    def waited(self, step: Step, fact: WaitEnded) -> None:
        self._end_wait(step, fact.by, fact.late_seconds)

    def asks(self, step: Step, fact: ResolutionAwaited) -> None:
        entry = self._of_attempt(step)
        entry.status = "waiting"
        entry.message = fact.reason
        entry.waits.append(Wait(what="resolution", since=step.event.at))

    def resolved(self, step: Step, fact: ResolutionGiven) -> None:
        self._end_wait(step, "resolution")
        self._add(step, "operator", _asked(f"resolved as {fact.resolution}", fact.reason, fact.actor))

    def _end_wait(self, step: Step, by: str, late_seconds: float = 0.0) -> None:
        entry = self._of_attempt(step)
        entry.status = "running"
        for wait in entry.waits[-1:]:
            wait.ended, wait.by, wait.late_seconds = step.event.at, by, late_seconds

    # -- the rest ------------------------------------------------------------------------------

    def moved(self, step: Step, fact: TransitionTaken) -> None:
        if self._open is not None and self._open.task == fact.source:
            self._open.seqs.append(step.event.seq)
            self._open.then, self._open.condition = fact.target, fact.condition
        elif self.entries and self.entries[-1].kind == "execution":
            self.entries[-1].seqs.append(step.event.seq)
            self.entries[-1].then = fact.target
        else:
            self._add(step, "execution", f"from {fact.source}", then=fact.target)

    def signal(self, step: Step, fact: SignalReceived) -> None:
        text = f"signal {fact.name}" + (f" says {fact.outcome}" if fact.outcome else "")
        self._add(step, "signal", _asked(text, "", fact.actor))

    def created(self, step: Step, fact: ExecutionCreated) -> None:
        parent = f", a sub-flow of {fact.parent.execution_id}" if fact.parent is not None else ""
        at = f", to be started at {fact.start_at}" if fact.start_at is not None else ""
        self._add(step, "execution", f"created{parent}{at}")

    def begun(self, step: Step, fact: ExecutionStarted) -> None:
        late = f", {fact.late_seconds:g} s late" if fact.late_seconds else ""
        self._add(step, "execution", f"started{late}", worker=fact.worker)

    def ended(self, step: Step, fact: ExecutionCompleted | ExecutionFailed | ExecutionCancelled) -> None:
        error = fact.error if isinstance(fact, ExecutionFailed) else None
        text = step.after.status.value
        if isinstance(fact, ExecutionCancelled):
            text = _asked(text, fact.reason, fact.actor)
        self._add(step, "execution", text, error=error)
        self._open = None

    def operated(self, step: Step, fact: Any) -> None:
        verb = _VERBS[type(fact)]
        if isinstance(fact, ExecutionPaused) and fact.now:
            verb = "paused, the running attempt is stopped"
        elif isinstance(fact, ExecutionRedriven):
            verb = f"redriven from {fact.task}{_overridden(step, fact.overrides)}"
        elif isinstance(fact, ExecutionUpgraded):
            verb = f"upgraded {upgrade_text(fact)}"
        elif isinstance(fact, ExecutionForked):
            verb = (
                f"forked off {fact.origin} after seq {fact.origin_seq}{_again(fact)}{_overridden(step, fact.overrides)}"
            )
        self._add(step, "operator", _asked(verb, fact.reason, fact.actor))


_VERBS: Final[dict[type[Any], str]] = {
    ExecutionCancelling: "cancel was asked for",
    ExecutionPaused: "paused",
    ExecutionResumed: "resumed",
    ExecutionRedriven: "redriven",
    ExecutionUpgraded: "upgraded",
    ExecutionForked: "forked",
    ExecutionRemoved: "removed from the lists",
}

_HANDLERS: Final[dict[type[Any], Callable[[_Making, Step, Any], None]]] = {
    TaskStarted: _Making.started,
    TaskCompleted: _Making.completed,
    TaskTimedOut: _Making.timed_out,
    TaskInterrupted: _Making.interrupted,
    TaskSkipped: _Making.skipped,
    ProbeStarted: _Making.probed,
    RetryScheduled: _Making.retried,
    WaitStarted: _Making.waits,
    WaitEnded: _Making.waited,
    ResolutionAwaited: _Making.asks,
    ResolutionGiven: _Making.resolved,
    SignalReceived: _Making.signal,
    TransitionTaken: _Making.moved,
    ExecutionCreated: _Making.created,
    ExecutionStarted: _Making.begun,
    ExecutionCompleted: _Making.ended,
    ExecutionFailed: _Making.ended,
    ExecutionCancelled: _Making.ended,
    **dict.fromkeys(_VERBS, _Making.operated),
}


def _again(fact: ExecutionForked) -> str:
    return "" if fact.task is None else f", where {fact.task} was under way: begun again"


def _overridden(step: Step, overrides: dict[str, Any]) -> str:
    """The values that were put in the place of others: `, with results.fetch.data.total=3 in place of 2`."""
    words = []
    for pointer, value in overrides.items():
        before = StatePath(pointer, parse_pointer(pointer)).look(step.before)
        was = "nothing" if before is MISSING else _short(before)
        words.append(f"{place_text(pointer)}={_short(value)} in place of {was}")
    return f", with {', '.join(words)}" if words else ""


def _short(value: Any) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= _VALUE_MAX_CHARS else text[: _VALUE_MAX_CHARS - 1] + "…"


def upgrade_text(fact: ExecutionUpgraded) -> str:
    """From which version to which: `from version 1 (3f2a…) to version 2 (91bc…)`."""
    before, after = (
        f"version {word} ({digest[:12]})" if word else f"version {digest[:12]}"
        for word, digest in ((fact.version_before, fact.before), (fact.version, fact.digest))
    )
    return f"from {before} to {after}"


def _asked(what: str, reason: str, actor: str) -> str:
    """What somebody asked for, by whom and why."""
    by = f" by {actor}" if actor else ""
    why = f": {reason}" if reason else ""
    return f"{what}{by}{why}"
