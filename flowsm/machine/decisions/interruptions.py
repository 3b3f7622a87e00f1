"""The unknown outcome: what happens to an attempt that was started and left no result."""

from __future__ import annotations

from collections.abc import Callable

from flowsm.events.facts import ProbeStarted, ResolutionAwaited, TaskInterrupted
from flowsm.limits import INTERRUPTIONS_MAX
from flowsm.machine.decisions.draft import Draft
from flowsm.machine.retry import INTERRUPTED
from flowsm.machine.state import AT_WORK

__all__ = ["after_interruption", "interrupt", "leave_interrupted"]


def interrupt(draft: Draft, reason: str, by: str) -> None:
    """Say that the present attempt has no result."""
    draft.record(TaskInterrupted(**draft.place, reason=reason, by=by))


def leave_interrupted(draft: Draft, reason: str, by: str = "crash") -> None:
    """Give an attempt, or a probe, that was begun and left no result its name."""
    if draft.state.phase in AT_WORK:
        interrupt(draft, reason, by)


def after_interruption(draft: Draft, start_attempt: Callable[[Draft], None]) -> None:
    """Do what the task's `on_interrupt` says; a visit that crashed too often waits for a person."""
    attempt, policy, name = draft.attempt, draft.task.on_interrupt, draft.state.node
    if attempt.interruptions >= INTERRUPTIONS_MAX:
        reason = f"this visit of {name!r} was interrupted {attempt.interruptions} times"
        draft.record(ResolutionAwaited(**draft.place, reason=reason))
    elif policy == "ask":
        draft.record(ResolutionAwaited(**draft.place, reason=f"attempt {attempt.attempt} of {name!r} was interrupted"))
    elif policy == "fail":
        draft.fail(INTERRUPTED, f"attempt {attempt.attempt} was interrupted, and its outcome is not known")
    elif policy == "probe" and draft.driver is not None:
        draft.record(ProbeStarted(**draft.place, worker=draft.driver.worker))
    else:
        start_attempt(draft)
