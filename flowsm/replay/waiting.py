"""What an execution that does not move waits for, exactly."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import msgspec

from flowsm.events.facts import ResolutionAwaited
from flowsm.machine.compile import FlowMachine
from flowsm.machine.state import AT_WORK, ExecutionState, Phase
from flowsm.replay.history import History

__all__ = ["Surroundings", "waits_for", "why_asked"]

_OVER = frozenset({Phase.NEW, Phase.ENDING, Phase.ENDED})


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What the events do not tell, and somebody looked up.

    `now` is the wall time (text of `clock.timestamp`); `task_types` those that there is code for, None where nobody
    knows; `owner_alive` is whether the worker that has the execution holds a lease, `owner_seen` when it was seen
    last; `child_status` is that of the execution that it waits for; `held_by` the limits that hold it back.
    """

    now: str
    task_types: Collection[str] | None = None
    owner: str = ""
    owner_alive: bool = False
    owner_seen: str | None = None
    child_status: str | None = None
    held_by: tuple[str, ...] = ()


def why_asked(history: History, state: ExecutionState) -> str:
    """Why a person is asked in this state of the execution, as it was recorded; nothing where nobody is."""
    if state.phase != Phase.ASKING:
        return ""
    facts = (event.fact for event in reversed(history.events[: state.seq]))
    return next((fact.reason for fact in facts if isinstance(fact, ResolutionAwaited)), "")


def waits_for(
    machine: FlowMachine, state: ExecutionState, around: Surroundings | None = None, *, asked: str = ""
) -> list[str]:
    """Sentences, the most telling first; none where it has ended.

    Args:
        machine: the one that it runs.
        state: it, as it was or is.
        around: what its events do not tell.
        asked: why a person is asked, if one is.
    """
    if state.phase in _OVER:
        return []
    said: list[str] = []
    if state.paused is not None:
        by = f" by {state.paused.actor}" if state.paused.actor else ""
        why = f": {state.paused.reason}" if state.paused.reason else ""
        said.append(f"it was paused{by} at {state.paused.at}{why}; `flowsm resume` lets it go on")
    said += _of_phase(machine, state, around, asked)
    if around is None:
        return said
    said += [f"it is held back by {limit}" for limit in around.held_by]
    missing = _missing_types(machine, around.task_types)
    if missing:
        types, those = ("task types", "them") if len(missing) > 1 else ("task type", "it")
        names = ", ".join(map(repr, missing))
        said.append(f"there is no code here for {types} {names}: give the module that registers {those}")
    return said


def _of_phase(machine: FlowMachine, state: ExecutionState, around: Surroundings | None, why: str) -> list[str]:
    attempt, task = state.attempt, state.node
    if state.phase == Phase.CREATED:
        if state.paused is not None and state.begins_at is None:
            return []
        if state.start_at is not None:
            return [f"it starts at {state.start_at}{_ago(state.start_at, around)}"]
        return [f"it was created at {state.created_at}, and nobody has begun it: `flowsm run {state.stream}` does"]
    if state.phase == Phase.BACKOFF and attempt is not None and attempt.due is not None:
        return [f"attempt {attempt.attempt} of task {task!r} is due at {attempt.due}{_ago(attempt.due, around)}"]
    if state.phase == Phase.WAITING:
        return _of_wait(state, around)
    if state.phase == Phase.ASKING and attempt is not None:
        asked = f"somebody has to say what became of attempt {attempt.attempt} of task {task!r}"
        asked += f" ({why})" if why else ""
        return [f"{asked}: `flowsm resolve {state.stream} --as success|failure|retry`"]
    return _of_owner(state, around)


def _of_wait(state: ExecutionState, around: Surroundings | None) -> list[str]:
    attempt = state.attempt
    waiting = attempt.waiting if attempt is not None else None
    if attempt is None or waiting is None:
        return []
    task, until = state.node, f", until {waiting.expires} at most" if waiting.expires is not None else ""
    if state.signal is not None:
        came = f"signal {waiting.signal!r} has come with event {state.signal.seq}"
        return [f"{came}: task {task!r} takes it as soon as the execution goes on"]
    if waiting.signal is not None:
        return [f"task {task!r} waits for signal {waiting.signal!r} since {attempt.started_at}{until}"]
    if waiting.child is not None:
        status = f", which is {around.child_status}" if around is not None and around.child_status else ""
        return [f"task {task!r} waits for execution {waiting.child} since {attempt.started_at}{status}{until}"]
    due = waiting.due or waiting.expires or ""
    return [f"task {task!r} waits until {due}{_ago(due, around)}"]


def _of_owner(state: ExecutionState, around: Surroundings | None) -> list[str]:
    """It should move by itself: whoever drives it is at work, or has gone."""
    attempt = state.attempt
    at_work = state.phase in AT_WORK and attempt is not None
    if attempt is not None and at_work:
        what = f"attempt {attempt.attempt} of task {state.node!r} runs since {attempt.started_at}"
    else:
        what = f"it stands at {state.node!r} since {state.updated_at}, to be driven on"
    if state.paused is not None and not at_work:
        return [f"it stands at {state.node!r} since {state.updated_at}"]
    if around is None:
        return [f"{what} (worker {state.worker})"]
    if around.owner and around.owner_alive:
        return [f"{what}; worker {around.owner} has it, and holds its lease"]
    seen = f", and was seen last at {around.owner_seen}" if around.owner_seen is not None else ""
    gone = f"worker {around.owner} holds no lease{seen}" if around.owner else "nobody has it"
    return [f"{what}; {gone}: `flowsm worker` or `flowsm run {state.stream}` takes it up"]


def _missing_types(machine: FlowMachine, known: Collection[str] | None) -> list[str]:
    """The types of the flow's tasks that there is no code for: where one is missing, the flow is left to others."""
    if known is None:
        return []
    return sorted({task.task_type for name, task in machine.tasks.items() if name not in machine.waiting} - set(known))


def _ago(due: str, around: Surroundings | None) -> str:
    """How far a due time is from now."""
    if around is None or not due:
        return ""
    seconds = (datetime.fromisoformat(due) - datetime.fromisoformat(around.now)).total_seconds()
    return f", in {seconds:,.0f} s" if seconds >= 0 else f", which is {-seconds:,.0f} s ago"
