"""decide(machine, state, command, now) → events: what should be recorded.

Pure: time, chance and names come in as arguments. `step` also gives the state that the events lead
to, so that a driver need not fold them a second time. What follows from what is said in `machine/decisions/`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, NamedTuple

from flowsm.errors import IllegalCommand
from flowsm.events.commands import (
    Advance,
    Cancel,
    Command,
    Create,
    Fork,
    Leave,
    Pause,
    RecordChild,
    RecordProbe,
    RecordResult,
    Redrive,
    Remove,
    Resolve,
    Resume,
    Signal,
    Upgrade,
)
from flowsm.events.fact import CREATED_PAUSED
from flowsm.events.facts import (
    ExecutionCreated,
    ExecutionPaused,
    ExecutionRemoved,
    Fact,
    ResolutionAwaited,
    TaskCompleted,
    TaskTimedOut,
    WaitEnded,
)
from flowsm.machine.changes.forks import fork_hindrance
from flowsm.machine.compile import FlowMachine
from flowsm.machine.decisions import operators
from flowsm.machine.decisions.draft import Draft
from flowsm.machine.decisions.forks import fork
from flowsm.machine.decisions.interruptions import leave_interrupted
from flowsm.machine.decisions.progress import settle
from flowsm.machine.state import AT_WORK, ExecutionState, Phase
from flowsm.status import FlowStatus, TaskStatus

__all__ = ["decide", "only_forked", "only_recorded", "possible_commands", "step"]

_OVER: Final = frozenset({Phase.NEW, Phase.ENDING, Phase.ENDED})


def possible_commands(state: ExecutionState) -> tuple[str, ...]:
    """What may be asked of an execution in this state."""
    if state.phase == Phase.NEW:
        return ("create",)
    if state.phase in _OVER:
        if state.removed:
            return ()
        return ("retry", "remove") if state.status is FlowStatus.FAILED else ("remove",)
    possible = ["run", "signal"]
    if state.cancelling is None:
        possible.append("cancel")
        possible.append("pause" if state.paused is None else "resume")
    elif state.cleaning:
        possible.append("cancel")
    if state.phase == Phase.ASKING:
        possible.append("resolve")
    return tuple(possible)


def _refuse(command: str, state: ExecutionState) -> IllegalCommand:
    status = "removed" if state.removed else str(state.status)
    if state.cancelling is not None:
        status = "being cancelled"
        if state.cleaning:
            status += f", its on_cancel task {state.node!r} is at work (another cancel gives that up)"
    return IllegalCommand(command, state.stream, status, possible_commands(state))


def step(
    machine: FlowMachine, state: ExecutionState, command: Command, now: datetime
) -> tuple[tuple[Fact, ...], ExecutionState]:
    """What should be recorded, and the state after it.

    The machine is that of the flow which the state is pinned to; for `Upgrade` it is that of the new version.

    Raises:
        IllegalCommand: the command is not possible in this state.
        SignalConflict: a signal's idempotency key came with another content.
        SignalRefused: a signal that cannot be kept, or does not fit what waits for it.
        ResolutionRefused: data that does not fit the task's `result_schema`.
        OverrideRefused: a value cannot stand where it is to be.
        UpgradeRefused: the version's own time would be over already.
    """
    kind = type(command)
    if kind is RecordResult or kind is Advance:
        driving: Any = command
        draft = Draft(machine, state, now, driving.driver, driving.chance)
        if kind is RecordResult:
            _record_result(draft, driving)
        else:
            _leave(draft, halted=driving.halted and state.worker == driving.driver.worker)
        settle(draft)
    elif isinstance(command, RecordProbe | RecordChild):
        draft = Draft(machine, state, now, command.driver, command.chance)
        _drive_on(draft, command)
        settle(draft)
    else:
        draft = Draft(machine, state, now)
        _operate(draft, command)
    return tuple(draft.facts), draft.state


def only_forked(
    machine: FlowMachine, state: ExecutionState, command: Fork, now: datetime
) -> tuple[tuple[Fact, ...], ExecutionState]:
    """What should be recorded of a fork where another version of its flow decides what follows; else as `step`."""
    draft = Draft(machine, state, now)
    _ask(draft, command)
    return tuple(draft.facts), draft.state


def only_recorded(
    machine: FlowMachine, state: ExecutionState, command: RecordResult, now: datetime
) -> tuple[tuple[Fact, ...], ExecutionState]:
    """What should be recorded of a result where it cannot be decided what follows from it; else as `step`."""
    draft = Draft(machine, state, now, command.driver, command.chance)
    _record_result(draft, command)
    return tuple(draft.facts), draft.state


# -- of those who drive ---------------------------------------------------------------------


def _record_result(draft: Draft, command: RecordResult) -> None:
    state = draft.state
    running = state.attempt
    if state.phase not in AT_WORK or running is None or state.node != command.task:
        raise _refuse("record a result of", state)
    if running.visit != command.visit or running.attempt != command.attempt:
        raise _refuse("record a result of another attempt of", state)
    if command.timed_out and command.error is not None:
        draft.record(
            TaskTimedOut(
                task=command.task,
                visit=command.visit,
                attempt=command.attempt,
                duration_us=command.duration_us,
                error=command.error,
            )
        )
        return
    draft.record(
        TaskCompleted(
            task=command.task,
            visit=command.visit,
            attempt=command.attempt,
            status=command.status,
            outcome=command.outcome,
            duration_us=command.duration_us,
            message=command.message,
            data=command.data,
            error=command.error,
            warnings=command.warnings,
        )
    )


def _leave(draft: Draft, stopped: Leave | None = None, *, halted: bool = False) -> None:
    """A running attempt is one that was left: by its worker, or because somebody asked for that."""
    state = draft.state
    if state.is_stopping:
        leave_interrupted(draft, "the execution was cancelled", "cancel")
    elif halted or (state.paused is not None and state.paused.now):
        leave_interrupted(draft, "the execution was paused", "pause")
    elif stopped is not None:
        leave_interrupted(draft, f"its worker {stopped.worker} was stopped", "shutdown")
    else:
        leave_interrupted(draft, f"its worker {state.worker} left no result")


def _drive_on(draft: Draft, command: RecordProbe | RecordChild) -> None:
    if isinstance(command, RecordChild):
        _record_child(draft, command)
        return
    state, running = draft.state, draft.state.attempt
    if state.phase not in AT_WORK or running is None or running.visit != command.visit:
        raise _refuse("record what became of another attempt of", state)
    if command.result is not None:
        _record_result(draft, command.result)
    elif command.problem:
        draft.record(ResolutionAwaited(**draft.place, reason=command.problem))
    else:
        leave_interrupted(draft, "its probe found that it was not done", "probe")


def _record_child(draft: Draft, command: RecordChild) -> None:
    if draft.state.child != command.child:
        raise _refuse(f"record the end of {command.child!r} in", draft.state)
    draft.record(WaitEnded(**draft.place, by="child"))
    if command.status == FlowStatus.COMPLETED:
        draft.complete(TaskStatus.SUCCESS, data=command.data)
        return
    outcome = "cancelled" if command.status == FlowStatus.CANCELLED else None
    message = command.error.message if command.error is not None else f"execution {command.child!r} {command.status}"
    draft.complete(TaskStatus.FAILURE, outcome, data=command.data, message=message, error=command.error)


# -- of operators and other systems -----------------------------------------------------------


class _Verb(NamedTuple):
    """What an operator may ask for: its name, when it is possible, and what it records."""

    name: str
    is_possible: Callable[[ExecutionState, Any], bool]
    record: Callable[[Draft, Any], None]


def _operate(draft: Draft, command: Command) -> None:
    _ask(draft, command)
    settle(draft)


def _ask(draft: Draft, command: Command) -> None:
    verb = _VERBS[type(command)]
    if not verb.is_possible(draft.state, command):
        raise _refuse(verb.name, draft.state)
    verb.record(draft, command)


def _is_alive(state: ExecutionState, _: Command) -> bool:
    return state.phase not in _OVER and state.cancelling is None


def _may_cancel(state: ExecutionState, command: Cancel) -> bool:
    return _is_alive(state, command) or (state.cleaning and state.phase not in _OVER and not command.once)


def _may_pause(state: ExecutionState, command: Pause) -> bool:
    is_new = state.paused is None or (command.now and not state.paused.now)
    return _is_alive(state, command) and is_new


def _may_redrive(state: ExecutionState, _: Command) -> bool:
    return state.phase == Phase.ENDED and state.status is FlowStatus.FAILED and not state.removed


def _remove(draft: Draft, command: Remove) -> None:
    draft.record(ExecutionRemoved(reason=command.reason, actor=command.actor))


def _create(draft: Draft, command: Create) -> None:
    flow = draft.machine.flow
    draft.record(
        ExecutionCreated(
            flow_id=flow.id,
            flow_name=flow.name,
            digest=command.digest,
            input=command.input,
            start_at=command.start_at,
            idempotency_key=command.idempotency_key,
            parent=command.parent,
            depth=command.depth,
            traceparent=command.traceparent,
        )
    )
    if command.paused:
        draft.record(ExecutionPaused(reason=CREATED_PAUSED))


_VERBS: Final[dict[type[Command], _Verb]] = {
    Create: _Verb("create", lambda state, _: state.phase == Phase.NEW, _create),
    Signal: _Verb("signal", lambda state, _: state.phase != Phase.NEW and not state.removed, operators.signal),
    Resolve: _Verb("resolve", lambda state, _: state.phase == Phase.ASKING, operators.resolve),
    Pause: _Verb("pause", _may_pause, operators.pause),
    Resume: _Verb(
        "resume", lambda state, command: _is_alive(state, command) and state.paused is not None, operators.resume
    ),
    Cancel: _Verb("cancel", _may_cancel, operators.cancel),
    Leave: _Verb("leave", lambda state, _: state.phase in AT_WORK, _leave),
    Fork: _Verb("fork", lambda state, _: not fork_hindrance(state), fork),
    Redrive: _Verb("retry", _may_redrive, operators.redrive),
    Upgrade: _Verb("upgrade", _is_alive, operators.upgrade),
    Remove: _Verb("remove", lambda state, _: state.phase == Phase.ENDED and not state.removed, _remove),
}


def decide(machine: FlowMachine, state: ExecutionState, command: Command, now: datetime) -> tuple[Fact, ...]:
    """What should be recorded.

    Raises:
        IllegalCommand: the command is not possible in this state.
    """
    return step(machine, state, command, now)[0]
