"""Recorded facts in a few words each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from flowsm.definition.places import place_text
from flowsm.events import facts as f
from flowsm.events.facts import Fact
from flowsm.events.system import LogImported, LogPurged
from flowsm.replay.timeline import upgrade_text
from flowsm.wording.text import seconds_text, short

__all__ = ["describe"]

_OfAttempt = (
    f.TaskStarted
    | f.TaskCompleted
    | f.TaskTimedOut
    | f.TaskInterrupted
    | f.ProbeStarted
    | f.ResolutionAwaited
    | f.ResolutionGiven
    | f.WaitStarted
    | f.WaitEnded
)
_MICROSECONDS: Final = 1_000_000


def describe(fact: Fact) -> str:
    """What happened, in one line; a task's name comes first."""
    words = _WORDS.get(type(fact))
    return "" if words is None else words(fact)


def _try(fact: _OfAttempt) -> str:
    """The task, and which visit and attempt where it is not the first."""
    visit = f" (visit {fact.visit})" if fact.visit > 1 else ""
    attempt = f" (attempt {fact.attempt})" if fact.attempt > 1 else ""
    return f"{fact.task}{visit}{attempt}"


def _completed(fact: f.TaskCompleted) -> str:
    outcome = "" if fact.outcome == fact.status else f", outcome {fact.outcome}"
    took = seconds_text(fact.duration_us / _MICROSECONDS)
    said = fact.error.message if fact.error else fact.message
    words = "; ".join([*([said] if said else []), *(f"warning: {warning}" for warning in fact.warnings)])
    return f"{_try(fact)}: {fact.status}{outcome} ({took})" + (f": {words}" if words else "")


def _timed_out(fact: f.TaskTimedOut) -> str:
    return f"{_try(fact)}: {fact.error.message} ({seconds_text(fact.duration_us / _MICROSECONDS)})"


def _transition(fact: f.TransitionTaken) -> str:
    if fact.condition is None:
        return f"{fact.source} → {fact.target}"
    why = f"{fact.condition} met" if fact.met else f"no condition met, last {fact.condition}"
    seen = "".join(
        f"; {o.path} {o.op} {short(o.wanted, 40)}: {'yes' if o.held else 'no'}, saw {short(o.seen, 40)}"
        for o in fact.operands
    )
    return f"{fact.source} → {fact.target} ({why}{seen})"


def _traced(fact: f.ExecutionCreated) -> str:
    return "" if fact.traceparent is None else f", traceparent {fact.traceparent}"


def _redriven(fact: f.ExecutionRedriven) -> str:
    return f"from {fact.task}{_with(fact.overrides)}{_who(fact)}"


def _forked(fact: f.ExecutionForked) -> str:
    return f"off {fact.origin}, after its seq {fact.origin_seq}{_with(fact.overrides)}{_who(fact)}"


def _with(overrides: dict[str, Any]) -> str:
    values = ", ".join(f"{place_text(place)}={short(value, 40)}" for place, value in overrides.items())
    return f", with {values}" if values else ""


def _waits(fact: f.WaitStarted) -> str:
    what = f"child {fact.child}" if fact.child is not None else "its time"
    if fact.signal is not None:
        what = f"signal {fact.signal}"
    until = f" until {fact.due or fact.expires}" if fact.due or fact.expires else ""
    return f"{_try(fact)}: waits for {what}{until}"


def _asked(what: str, fact: Any) -> str:
    """What somebody asked for, by whom and why."""
    return (what + _who(fact)).removeprefix(", ").removeprefix(": ")


def _who(fact: Any) -> str:
    """By whom and why it was done."""
    return (f", by {fact.actor}" if fact.actor else "") + (f": {fact.reason}" if fact.reason else "")


_WORDS: Final[dict[type[Fact], Callable[[Any], str]]] = {
    f.ExecutionCreated: lambda fact: (
        f"flow {fact.flow_name} ({fact.flow_id}), digest {fact.digest[:12]}{_traced(fact)}"
    ),
    f.ExecutionStarted: lambda fact: f"by {fact.worker}",
    f.TaskStarted: _try,
    f.TaskCompleted: _completed,
    f.TaskTimedOut: _timed_out,
    f.TaskInterrupted: lambda fact: f"{_try(fact)}: {fact.reason}",
    f.TaskSkipped: lambda fact: f"{fact.task}: its skip_when held",
    f.RetryScheduled: lambda fact: f"{fact.task}: attempt {fact.attempt} in {seconds_text(fact.delay_seconds)}",
    f.TransitionTaken: _transition,
    f.ExecutionForked: _forked,
    f.ExecutionRedriven: _redriven,
    f.ExecutionUpgraded: lambda fact: f"{upgrade_text(fact)}{_who(fact)}",
    f.ProbeStarted: lambda fact: f"{_try(fact)}: its probe is asked",
    f.ResolutionAwaited: lambda fact: f"{_try(fact)}: {fact.reason}",
    f.ResolutionGiven: lambda fact: f"{_try(fact)}: {_asked(fact.resolution, fact)}",
    f.WaitStarted: _waits,
    f.WaitEnded: lambda fact: f"{_try(fact)}: by {fact.by}",
    f.SignalReceived: lambda fact: fact.name + (f" says {fact.outcome}" if fact.outcome else ""),
    f.ExecutionPaused: lambda fact: _asked("", fact),
    f.ExecutionResumed: lambda fact: _asked("", fact),
    f.ExecutionCancelling: lambda fact: _asked("", fact),
    f.ExecutionFailed: lambda fact: fact.error.message,
    f.ExecutionCancelled: lambda fact: fact.reason,
    f.ExecutionRemoved: lambda fact: fact.reason,
    LogPurged: lambda fact: f"{len(fact.streams)} executions, to {fact.archive}{_who(fact)}",
    LogImported: lambda fact: f"{len(fact.streams)} executions, from {fact.archive}{_who(fact)}",
    f.Unknown: lambda fact: f"version {fact.version}: not known to this flowsm",
}
