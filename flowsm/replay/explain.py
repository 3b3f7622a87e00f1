"""Explain: what became of an execution, why it went there, and what it waits for."""

from __future__ import annotations

from typing import Final

import msgspec

from flowsm.clock import elapsed_us
from flowsm.events.facts import ErrorInfo, ExecutionCancelled, ExecutionUpgraded
from flowsm.machine.state import ExecutionState, Phase, StoredResult
from flowsm.replay.decisions import Decision, decision_of
from flowsm.replay.history import History, Step
from flowsm.replay.timeline import Entry, timeline
from flowsm.replay.waiting import Surroundings, waits_for, why_asked
from flowsm.status import FlowStatus

__all__ = ["Explanation", "explain"]

_FAILED = frozenset({"failure", "timed_out", "interrupted"})
_MICROSECONDS = 1_000_000


class Explanation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why an execution is where it is, after the event `seq`.

    `headline` is one sentence; `decisions` are all transitions with their reasons, `attempts` those of the visit that
    failed, with their errors; `waits_for` are sentences about an execution that has not ended.
    """

    execution_id: str
    flow_id: str
    flow_name: str
    flow_digest: str
    seq: int
    last_seq: int
    at: str
    status: str
    current_task: str | None = None
    headline: str
    decisions: tuple[Decision, ...] = ()
    attempts: tuple[Entry, ...] = ()
    waits_for: tuple[str, ...] = ()
    upgrades: tuple[Entry, ...] = ()
    """When it went on with another version of its flow."""
    overrides: tuple[Entry, ...] = ()
    """When it went on with other values in the place of recorded ones."""
    parent: str | None = None
    child: str | None = None
    """The sub-flow that the failure came from."""


def explain(history: History, seq: int | None = None, around: Surroundings | None = None) -> Explanation:
    """Explain the execution as it was after an event, by default the last; `around` is what the events do not tell.

    Raises:
        UsageError: there is no such event.
        IllegalEvent: the machine would not allow one of the events up to it.
    """
    upto = history.last if seq is None else seq
    state = history.state_at(upto)
    steps = list(history.steps(0, upto))
    decided = (decision_of(step.machine, step) for step in steps)
    entries = timeline(steps)
    attempts = _failed_attempts(state, entries)
    upgrades = {step.event.seq for step in steps if isinstance(step.event.fact, ExecutionUpgraded)}
    overrides = {step.event.seq for step in steps if getattr(step.event.fact, "overrides", None)}
    present = around if upto == history.last else None
    return Explanation(
        execution_id=state.stream,
        flow_id=state.flow_id,
        flow_name=state.flow_name,
        flow_digest=state.digest,
        seq=upto,
        last_seq=history.last,
        at=state.updated_at,
        status=state.status.value,
        current_task=state.current_task,
        headline=_headline(state, attempts, _canceller(steps)),
        decisions=tuple(decision for decision in decided if decision is not None),
        attempts=attempts,
        waits_for=tuple(waits_for(history.machine_at(upto), state, present, asked=why_asked(history, state))),
        upgrades=tuple(entry for entry in entries if upgrades.intersection(entry.seqs)),
        overrides=tuple(entry for entry in entries if overrides.intersection(entry.seqs)),
        parent=state.parent.execution_id if state.parent is not None else None,
        child=_failed_child(attempts) if state.status is FlowStatus.FAILED else None,
    )


def _failed_attempts(state: ExecutionState, entries: list[Entry]) -> tuple[Entry, ...]:
    """The attempts of the visit that failed last, if that still matters."""
    if state.status is FlowStatus.COMPLETED:
        return ()
    attempts = [entry for entry in entries if entry.kind == "attempt"]
    failed = next((entry for entry in reversed(attempts) if entry.status in _FAILED), None)
    if failed is None:
        return ()
    return tuple(entry for entry in attempts if (entry.task, entry.visit) == (failed.task, failed.visit))


def _failed_child(attempts: tuple[Entry, ...]) -> str | None:
    """The child that the last of these attempts waited for."""
    waits = attempts[-1].waits if attempts else []
    return next((wait.what.removeprefix("child ") for wait in waits if wait.what.startswith("child ")), None)


def _canceller(steps: list[Step]) -> str:
    """Who cancelled it at last."""
    ends = (step.event.fact for step in reversed(steps))
    return next((fact.actor for fact in ends if isinstance(fact, ExecutionCancelled)), "")


_WHOLE_SECONDS: Final = 100
"""From there on, nobody wants to know of less."""


def _headline(state: ExecutionState, attempts: tuple[Entry, ...], canceller: str) -> str:
    if state.phase == Phase.NEW:
        return "nothing has happened yet"
    if state.ended_at is None:
        return _present(state)
    took = elapsed_us(state.started_at, state.ended_at) / _MICROSECONDS if state.started_at is not None else 0.0
    after = f"after {took:,.0f} s" if took >= _WHOLE_SECONDS else f"after {took:.3g} s"
    if state.status is FlowStatus.FAILED:
        return f"it failed {after}: {_cause(state, attempts)}"
    if state.status is FlowStatus.CANCELLED:
        why = "" if state.error is None or state.error.message == state.status else f": {state.error.message}"
        return f"it was cancelled{f' by {canceller}' if canceller else ''} {after}{why}"
    return f"it completed {after}"


def _present(state: ExecutionState) -> str:
    where = f" at task {state.node!r}" if state.current_task is not None else ""
    stopping = ", and is being cancelled" if state.cancelling is not None else ""
    return f"it is {state.status}{where}{stopping}"


def _cause(state: ExecutionState, attempts: tuple[Entry, ...]) -> str:
    latest: StoredResult | None = next(reversed(state.results.values()), None)
    if attempts and latest is not None and latest.task == attempts[-1].task and latest.status == "failure":
        tries = f"in all of its {len(attempts)} attempts" if len(attempts) > 1 else "in its only attempt"
        return f"task {latest.task!r} failed {tries}, {_error_text(latest.error)}"
    return _error_text(state.error)


def _error_text(error: ErrorInfo | None) -> str:
    if error is None:
        return "no error was recorded"
    return f"{error.type}: {error.message}" if error.message else error.type
