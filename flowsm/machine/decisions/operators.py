"""What operators and other systems ask for."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from datetime import datetime, timedelta
from typing import Any, Final

from flowsm.clock import timestamp
from flowsm.errors import (
    OverrideRefused,
    ResolutionRefused,
    SignalConflict,
    SignalRefused,
    TaskNotVisited,
    UpgradeRefused,
)
from flowsm.events.commands import Cancel, Pause, Redrive, Resolve, Resume, Signal, Upgrade
from flowsm.events.facts import (
    ErrorInfo,
    ExecutionCancelling,
    ExecutionPaused,
    ExecutionRedriven,
    ExecutionResumed,
    ExecutionUpgraded,
    ResolutionGiven,
    SignalReceived,
)
from flowsm.limits import SIGNALS_KEPT_MAX, SIGNALS_UNAWAITED_MAX
from flowsm.machine.decisions.draft import Draft
from flowsm.machine.decisions.waits import payload_misfit
from flowsm.machine.overrides import override_problem
from flowsm.machine.retry import RESOLVED_AS_FAILURE
from flowsm.machine.signals import signal_names
from flowsm.machine.state import ExecutionState, Phase
from flowsm.status import TaskStatus

__all__ = ["cancel", "pause", "redrive", "resolve", "resume", "signal", "upgrade"]

_DIGEST_CHARS: Final = 32
_NAMES_SHOWN: Final = 10


def signal(draft: Draft, command: Signal) -> None:
    """Keep the signal for the wait that takes it; a repeated one (by its key) changes nothing.

    Raises:
        SignalConflict: the key came with another content.
        SignalRefused: the payload does not fit the wait that is open, or too many signals wait to be taken, where the
            open wait would not take this one.
    """
    state = draft.state
    content = _content(command)
    key = command.idempotency_key
    if key is not None and key in state.signal_keys:
        if state.signal_keys[key] != content:
            raise SignalConflict(state.stream, command.name, key)
        return
    attempt, used = state.attempt, state.phase not in {Phase.ENDING, Phase.ENDED}
    if attempt is not None and _is_next(state, command.name):
        misfit = payload_misfit(attempt.parameters, command.payload)
        if not misfit and command.outcome != TaskStatus.FAILURE.value:
            misfit = draft.misfit(command.payload)
        if misfit:
            raise SignalRefused(state.stream, command.name, f"its payload does not fit what waits for it: {misfit}")
    elif used:
        _expect_room(draft, command.name)
    draft.record(
        SignalReceived(
            name=command.name,
            payload=command.payload,
            outcome=command.outcome,
            idempotency_key=key,
            content=content if key is not None else "",
            used=used,
            actor=command.actor,
        )
    )


def _is_next(state: ExecutionState, name: str) -> bool:
    """Whether the wait that is open takes a signal of this name, were it to come now."""
    waiting = state.attempt.waiting if state.attempt is not None else None
    return state.phase == Phase.WAITING and waiting is not None and waiting.signal == name and state.signal is None


def _expect_room(draft: Draft, name: str) -> None:
    """Signals of one name, and names that nothing is known to wait for, have each a bound of their own."""
    state = draft.state
    kept = Counter(signal.name for signal in state.signals)
    if kept[name] >= SIGNALS_KEPT_MAX:
        reason = f"{SIGNALS_KEPT_MAX:,} signals of this name wait to be taken"
        paused = ", and the execution is paused: resume it" if state.paused is not None else ""
        way = f"each wait for {name!r} takes one{paused}; send it again when one was taken"
        raise SignalRefused(state.stream, name, f"{reason}; {way}")
    known = signal_names(draft.machine).names
    if name in known or name in kept or len(kept.keys() - set(known)) < SIGNALS_UNAWAITED_MAX:
        return
    expected = ", ".join(map(repr, known[:_NAMES_SHOWN])) + (", …" if len(known) > _NAMES_SHOWN else "")
    way = f"send one that a task of the flow waits for: {expected or 'there is none'}; or send it when its wait is open"
    raise SignalRefused(
        state.stream,
        name,
        f"signals of {SIGNALS_UNAWAITED_MAX:,} names that no task is known to wait for are kept; {way}",
    )


def _content(command: Signal) -> str:
    said: list[Any] = [command.name, command.payload, command.outcome]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:_DIGEST_CHARS]


def resolve(draft: Draft, command: Resolve) -> None:
    """Say what became of the attempt that a person is asked about.

    Raises:
        ResolutionRefused: as a success it would have data that the task's `result_schema` does not allow.
    """
    misfit = draft.misfit(command.data) if command.resolution == "success" else ""
    if misfit:
        raise ResolutionRefused(draft.state.stream, draft.state.node, misfit)
    draft.record(
        ResolutionGiven(**draft.place, resolution=command.resolution, reason=command.reason, actor=command.actor)
    )
    if command.resolution == "success":
        draft.complete(TaskStatus.SUCCESS, command.outcome, data=command.data, message=command.message)
    elif command.resolution == "failure":
        message = command.message or command.reason or "somebody resolved it as a failure"
        error = ErrorInfo(type=RESOLVED_AS_FAILURE, message=message, types=(RESOLVED_AS_FAILURE,))
        draft.complete(TaskStatus.FAILURE, command.outcome, data=command.data, message=message, error=error)


def pause(draft: Draft, command: Pause) -> None:
    """Stop before the next task."""
    draft.record(ExecutionPaused(reason=command.reason, actor=command.actor, now=command.now))


def resume(draft: Draft, command: Resume) -> None:
    """Go on after a pause."""
    draft.record(ExecutionResumed(reason=command.reason, actor=command.actor))


def cancel(draft: Draft, command: Cancel) -> None:
    """Ask for the end of the execution."""
    draft.record(ExecutionCancelling(reason=command.reason, actor=command.actor))


def redrive(draft: Draft, command: Redrive) -> None:
    """Go on from the task that failed, or from the one that is named.

    Where the flow's own time or transitions were used up after a task had succeeded, its result stands.

    Raises:
        TaskNotVisited: the execution never came to the task that is named.
        OverrideRefused: a value cannot stand where it is to be.
    """
    state, timeout = draft.state, draft.machine.flow.timeout
    if command.task is not None and command.task not in state.visits:
        raise TaskNotVisited(state.stream, command.task, tuple(state.visits))
    task = command.task or _failed_task(state)
    visit = state.visits.get(task, 0)
    result = state.results.get(task)
    latest = result if result is not None and result.visit == visit else None
    stands = command.task is None and latest is not None and latest.status != TaskStatus.FAILURE and _was_aborted(state)
    place, reason = override_problem(draft.machine, state, command.overrides, again=None if stands else task)
    if reason:
        raise OverrideRefused("retry", state.stream, place, command.overrides[place], reason)
    draft.record(
        ExecutionRedriven(
            task=task,
            visit=visit,
            attempt=0 if stands else (latest.attempt if latest is not None else 0) + 1,
            overrides=command.overrides,
            deadline=draft.after(timeout) if timeout is not None else None,
            reason=command.reason,
            actor=command.actor,
        )
    )


def upgrade(draft: Draft, command: Upgrade) -> None:
    """Go on with the version whose machine the draft has; what runs or waits stays as it was begun.

    Raises:
        UpgradeRefused: the version's own time would be over already.
    """
    state, flow = draft.state, draft.machine.flow
    deadline = _moved_deadline(draft, command.timeout_before)
    if deadline is not None and draft.is_past(deadline) and deadline != state.deadline:
        reason = f"its time would be over at once: the version's timeout of {flow.timeout:g} s has passed"
        raise UpgradeRefused(state.stream, flow.id, command.digest, (reason,))
    draft.record(
        ExecutionUpgraded(
            digest=command.digest,
            before=state.digest,
            flow_name=flow.name,
            version=flow.version,
            version_before=command.version_before,
            deadline=deadline,
            reason=command.reason,
            actor=command.actor,
        )
    )


def _moved_deadline(draft: Draft, timeout_before: float | None) -> str | None:
    """When the version's timeout is over: counted from when the former one was, or from now where there was none."""
    state, timeout = draft.state, draft.machine.flow.timeout
    if timeout is None or state.started_at is None:
        return None
    if state.deadline is None or timeout_before is None:
        return draft.after(timeout)
    if timeout == timeout_before:
        return state.deadline
    return timestamp(datetime.fromisoformat(state.deadline) + timedelta(seconds=timeout - timeout_before))


def _was_aborted(state: ExecutionState) -> bool:
    return state.error is not None and state.error.type in {"FlowTimeout", "MaxTransitionsExceeded"}


def _failed_task(state: ExecutionState) -> str:
    """The task where a failed execution went wrong."""
    last = state.path[-1]
    if _was_aborted(state):
        return last
    failed = [task for task, result in state.results.items() if result.status == TaskStatus.FAILURE]
    return failed[-1] if failed else last
