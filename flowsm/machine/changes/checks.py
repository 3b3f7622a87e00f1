"""What a fact has to fit: the phase, the task, the visit and the attempt that the state is in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowsm.machine.overrides import is_place, with_overrides
from flowsm.machine.state import Attempt, ExecutionState
from flowsm.status import FlowStatus

__all__ = ["Changes", "Refused", "expect", "expect_attempt", "expect_task", "going_on", "overridden"]

Changes = dict[str, Any]
"""The fields of the next state that differ from those of this one."""


class Refused(Exception):
    """The machine would not allow the event here; the sentence says why."""


def expect(state: ExecutionState, *phases: str) -> None:
    """Refuse unless the execution is in one of these phases."""
    if state.phase not in phases:
        expected = " or ".join(phases)
        raise Refused(f"legal when the execution is {expected}, it is {state.phase}")


def expect_task(state: ExecutionState, task: str, visit: int) -> None:
    """Refuse unless the machine is in this visit of the task."""
    if task != state.node:
        raise Refused(f"names task {task!r}, the machine is in {state.node!r}")
    if visit != state.visits.get(task, 0):
        raise Refused(f"names visit {visit} of {task!r}, it is visit {state.visits.get(task, 0)}")


def expect_attempt(state: ExecutionState, fact: Any) -> Attempt:
    """Refuse unless the fact (`task`, `visit`, `attempt`) is about the present attempt; gives that."""
    expect_task(state, fact.task, fact.visit)
    attempt = state.attempt
    if attempt is None or attempt.attempt != fact.attempt:
        running = attempt.attempt if attempt else None
        raise Refused(f"ends attempt {fact.attempt}, running is {running}")
    return attempt


def overridden(state: ExecutionState, overrides: Mapping[str, Any]) -> Changes:
    """What is another with these values in their places; refuse what is no place."""
    nowhere = next((place for place in overrides if not is_place(state, place)), None)
    if nowhere is not None:
        raise Refused(f"overrides {nowhere!r}, which is no place in its input or in a result that it has")
    return with_overrides(state, overrides)


_RUNNING = FlowStatus.RUNNING
_PAUSED = FlowStatus.PAUSED


def going_on(state: ExecutionState) -> FlowStatus:
    """The status of an execution between two attempts: paused, if somebody asked for it."""
    return _RUNNING if state.paused is None else _PAUSED
