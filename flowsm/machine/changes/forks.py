"""Forks: an execution goes on as another one might have."""

from __future__ import annotations

from typing import Any, Final

from msgspec.structs import replace

from flowsm.events.facts import ExecutionForked
from flowsm.machine.changes.checks import Changes, Refused, overridden
from flowsm.machine.compile import FlowMachine
from flowsm.machine.state import Attempt, ExecutionState, Origin, Phase
from flowsm.status import FlowStatus

__all__ = ["FORK_CHANGES", "begun_again", "fork_hindrance"]

_OVER: Final = frozenset({Phase.NEW, Phase.ENDING, Phase.ENDED})
_UNDER_WAY: Final = frozenset({Phase.RUNNING, Phase.PROBING, Phase.INTERRUPTED})


def fork_hindrance(state: ExecutionState) -> str:
    """Why nothing can be forked off after this state; nothing if it can."""
    if state.phase == Phase.NEW:
        return "nothing was recorded yet"
    if state.phase in _OVER:
        return "it had ended there"
    if state.cancelling is not None:
        return "it was being cancelled there"
    if state.phase == Phase.AWAITED:
        return "that is in the midst of a step: what was waited for has come, its result is the next event"
    return ""


def begun_again(state: ExecutionState) -> Attempt | None:
    """The attempt that is under way in this state, and that a fork begins again: all but timers and waits for signals."""
    attempt = state.attempt
    if attempt is None:
        return None
    waits_for_child = attempt.waiting is not None and attempt.waiting.child is not None
    return attempt if state.phase in _UNDER_WAY or waits_for_child else None


def _forked(_: FlowMachine, state: ExecutionState, fact: ExecutionForked, at: str) -> Changes:
    """What was asked of the other one, and whose child it is, is left behind."""
    hindrance = fork_hindrance(state)
    if hindrance:
        raise Refused(f"forks after a state that it cannot be forked after: {hindrance}")
    if fact.origin_seq != state.seq:
        raise Refused(f"forks after seq {fact.origin_seq}, it comes after {state.seq}")
    again = begun_again(state)
    named = (fact.task, fact.visit, fact.attempt)
    expected = (None, 0, 0) if again is None else (state.node, again.visit, again.attempt)
    if named != expected:
        raise Refused(f"begins {named} again, under way is {expected}")
    phase = state.phase if again is None else Phase.AGAIN
    started = state.started_at is not None
    changes: Changes = {
        "phase": phase,
        "status": _status(phase) if started else FlowStatus.CREATED,
        "origin": Origin(fact.origin, fact.origin_seq),
        "idempotency_key": None,
        "parent": None,
        "depth": 0,
        "created_at": at,
        "started_at": at if started else None,
        "deadline": fact.deadline,
        "paused": None,
    }
    if phase not in {Phase.WAITING, Phase.ASKING}:
        changes["worker"] = ""  # the other one's never had it; of a wait it is who began that
    if again is not None:
        changes["attempt"] = replace(again, started_seq=0, interruptions=0, waiting=None)
    if fact.traceparent is not None:
        changes["traceparent"] = fact.traceparent
    if fact.overrides:
        changes |= overridden(state, fact.overrides)
    return changes


def _status(phase: str) -> FlowStatus:
    return FlowStatus.WAITING if phase in {Phase.WAITING, Phase.ASKING} else FlowStatus.RUNNING


FORK_CHANGES: Final[dict[type[Any], Any]] = {ExecutionForked: _forked}
