"""Waits: they begin, and end with a time, a signal or a child; signals come whenever they come."""

from __future__ import annotations

from typing import Any, Final

from msgspec.structs import replace

from flowsm.events.facts import SignalReceived, WaitEnded, WaitStarted
from flowsm.limits import SIGNAL_KEYS_MAX
from flowsm.machine.changes.checks import Changes, Refused, expect, expect_attempt, going_on
from flowsm.machine.compile import FlowMachine
from flowsm.machine.state import ExecutionState, Phase, StoredSignal, Waiting
from flowsm.status import FlowStatus

__all__ = ["WAIT_CHANGES"]


def _started(_: FlowMachine, state: ExecutionState, fact: WaitStarted, at: str) -> Changes:
    expect(state, Phase.RUNNING)
    attempt = expect_attempt(state, fact)
    waiting = Waiting(due=fact.due, expires=fact.expires, signal=fact.signal, child=fact.child, digest=fact.digest)
    status = FlowStatus.WAITING if state.paused is None else FlowStatus.PAUSED
    return {"phase": Phase.WAITING, "status": status, "attempt": replace(attempt, waiting=waiting)}


def _ended(_: FlowMachine, state: ExecutionState, fact: WaitEnded, at: str) -> Changes:
    """A signal that is taken leaves the queue; the attempt's result follows in the same append."""
    expect(state, Phase.WAITING)
    attempt = expect_attempt(state, fact)
    changes: Changes = {
        "phase": Phase.AWAITED,
        "status": going_on(state),
        "attempt": replace(attempt, waiting=None),
    }
    if fact.by != "signal":
        return changes
    signal = state.signal
    if signal is None or signal.seq != fact.signal_seq:
        raise Refused(f"takes the signal of seq {fact.signal_seq}, next is {signal.seq if signal else None}")
    changes["signals"] = tuple(other for other in state.signals if other.seq != signal.seq)
    return changes


def _signal_received(_: FlowMachine, state: ExecutionState, fact: SignalReceived, at: str) -> Changes:
    """Legal in every state that there is."""
    if state.phase == Phase.NEW:
        raise Refused("comes before the execution was created")
    changes: Changes = {}
    if fact.idempotency_key is not None:
        keys = {**state.signal_keys, fact.idempotency_key: fact.content}
        if len(keys) > SIGNAL_KEYS_MAX:
            del keys[next(iter(keys))]
        changes["signal_keys"] = keys
    if state.phase not in {Phase.ENDED, Phase.ENDING}:
        signal = StoredSignal(seq=state.seq + 1, name=fact.name, payload=fact.payload, outcome=fact.outcome)
        changes["signals"] = (*state.signals, signal)
    return changes


WAIT_CHANGES: Final[dict[type[Any], Any]] = {
    WaitStarted: _started,
    WaitEnded: _ended,
    SignalReceived: _signal_received,
}
