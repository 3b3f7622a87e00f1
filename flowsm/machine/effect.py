"""next_effect(state) → what must happen next, as data."""

from __future__ import annotations

import msgspec

from flowsm.machine.state import AT_WORK, ExecutionState, Phase

__all__ = [
    "AwaitChild",
    "Decide",
    "Effect",
    "Nothing",
    "Probe",
    "RunTask",
    "Told",
    "WaitUntil",
    "next_effect",
    "wake_at",
]


class RunTask(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An attempt was started: its code must run, and its result be recorded."""

    task: str
    visit: int
    attempt: int


class Probe(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The task's own `probe` must be asked what became of an interrupted attempt."""

    task: str
    visit: int
    attempt: int


class AwaitChild(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Another execution must exist, and its end be recorded; with `cancel` it is asked to end. At `due` time is over."""

    child: str
    cancel: bool = False
    due: str | None = None


class WaitUntil(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Nothing happens before `due` (timestamp text), unless somebody tells the execution something."""

    due: str


class Told(msgspec.Struct, frozen=True, gc=False):
    """Nothing happens before somebody tells the execution something."""


class Decide(msgspec.Struct, frozen=True, gc=False):
    """The machine can go on at once: decide again."""


class Nothing(msgspec.Struct, frozen=True, gc=False):
    """The execution has ended, or does not exist."""


Effect = RunTask | Probe | AwaitChild | WaitUntil | Told | Decide | Nothing


def next_effect(state: ExecutionState) -> Effect:
    """What must happen next."""
    attempt, phase = state.attempt, state.phase
    if phase == Phase.RUNNING and attempt is not None:
        return RunTask(task=state.node, visit=attempt.visit, attempt=attempt.attempt)
    if phase == Phase.PROBING and attempt is not None:
        return Probe(task=state.node, visit=attempt.visit, attempt=attempt.attempt)
    if phase in {Phase.NEW, Phase.ENDED}:
        return Nothing()
    if phase == Phase.WAITING:
        return _of_wait(state)
    if phase in {Phase.DECIDED, Phase.ENDING} or state.is_stopping:
        return Decide()
    if state.paused is not None:
        return Told()
    if phase == Phase.CREATED:
        return Decide() if state.begins_at is None else WaitUntil(due=state.begins_at)
    if phase == Phase.BACKOFF and attempt is not None and attempt.due is not None:
        return WaitUntil(due=_first(attempt.due, _deadline(state)) or attempt.due)
    if phase == Phase.ASKING:
        deadline = _deadline(state)
        return Told() if deadline is None else WaitUntil(due=deadline)
    return Decide()


def _of_wait(state: ExecutionState) -> Effect:
    waiting = state.attempt.waiting if state.attempt is not None else None
    if waiting is None:
        return Decide()
    is_ending = state.is_stopping
    if waiting.child is not None and (is_ending or state.paused is None):
        return AwaitChild(
            child=waiting.child, cancel=is_ending, due=_first(waiting.expires, None if is_ending else _deadline(state))
        )
    if is_ending:
        return Decide()
    if state.paused is not None:
        return Told()
    if state.signal is not None:
        return Decide()
    due = _first(waiting.due, waiting.expires, _deadline(state))
    return Told() if due is None else WaitUntil(due=due)


def _deadline(state: ExecutionState) -> str | None:
    return None if state.cleaning else state.deadline


def _first(*moments: str | None) -> str | None:
    return min((moment for moment in moments if moment is not None), default=None)


def wake_at(state: ExecutionState) -> str | None:
    """When somebody has to look after the execution: '' for at once, None for when it is told something.

    One that was only created, for somebody to execute it, is left alone; one that is to be started has the turn of that
    moment.
    """
    phase = state.phase
    if phase in AT_WORK:
        return ""
    effect = next_effect(state)
    if phase == Phase.CREATED and isinstance(effect, Decide) and not state.is_stopping:
        return state.start_at
    if isinstance(effect, WaitUntil):
        return effect.due
    if isinstance(effect, AwaitChild):
        return "" if effect.cancel else effect.due
    return "" if isinstance(effect, Decide) else None
