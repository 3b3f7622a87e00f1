"""next_effect(state) → what must happen next, as data."""

from __future__ import annotations

import msgspec

from flowsm.machine.state import ExecutionState, Phase

__all__ = ["Decide", "Effect", "Nothing", "RunTask", "WaitUntil", "next_effect"]


class RunTask(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An attempt was started: its code must run, and its result be recorded."""

    task: str
    visit: int
    attempt: int


class WaitUntil(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Nothing happens before `due` (timestamp text)."""

    due: str


class Decide(msgspec.Struct, frozen=True, gc=False):
    """The machine can go on at once: decide again."""


class Nothing(msgspec.Struct, frozen=True, gc=False):
    """The execution has ended, or does not exist."""


Effect = RunTask | WaitUntil | Decide | Nothing


def next_effect(state: ExecutionState) -> Effect:
    """What must happen next."""
    attempt = state.attempt
    if state.phase == Phase.RUNNING and attempt is not None:
        return RunTask(task=state.node, visit=attempt.visit, attempt=attempt.attempt)
    if state.phase == Phase.BACKOFF and attempt is not None and attempt.due is not None:
        due = attempt.due if state.deadline is None else min(attempt.due, state.deadline)
        return WaitUntil(due=due)
    if state.phase in {Phase.NEW, Phase.ENDED}:
        return Nothing()
    return Decide()
