"""What was committed here, told to the logger `flowsm.execution`: without data, parameters, payloads or messages."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, Final

from flowsm.clock import elapsed_us
from flowsm.events import facts as f
from flowsm.events.facts import Fact
from flowsm.ids import trace_id_of
from flowsm.machine.state import ExecutionState
from flowsm.status import TaskStatus

__all__ = ["tell"]

_LOGGER: Final = logging.getLogger("flowsm.execution")
_FAILURE: Final = TaskStatus.FAILURE.value
_US_PER_MS: Final = 1000

_Said = tuple[int, str, dict[str, Any]]
"""The level, the sentence, and what else a record carries."""


def tell(facts: Sequence[Fact], state: ExecutionState) -> None:
    """Log facts that were recorded just now, one after the other, and led to this state.

    Each record has `execution_id`, `flow_id`, `event` (its type) and `seq`; of a task `task`, `visit` and `attempt`; and
    the `trace_id`, if there is one.
    """
    if not _LOGGER.isEnabledFor(logging.INFO):
        return
    common: dict[str, Any] = {"execution_id": state.stream, "flow_id": state.flow_id}
    if state.traceparent is not None:
        common["trace_id"] = trace_id_of(state.traceparent)
    for seq, fact in enumerate(facts, state.seq - len(facts) + 1):
        words = _WORDS.get(type(fact))
        if words is None:
            continue
        level, sentence, more = words(fact, state)
        place = {name: getattr(fact, name) for name in ("task", "visit", "attempt") if hasattr(fact, name)}
        _LOGGER.log(level, "%s", sentence, extra={**common, "event": fact.TYPE, "seq": seq, **place, **more})


def _plain(sentence: str, level: int = logging.INFO) -> Callable[[Any, ExecutionState], _Said]:
    return lambda _fact, _state: (level, sentence, {})


def _of_task(sentence: str, level: int = logging.INFO) -> Callable[[Any, ExecutionState], _Said]:
    return lambda fact, _state: (level, f"task {fact.task!r} {sentence}", {})


def _completed(fact: f.TaskCompleted, _: ExecutionState) -> _Said:
    more: dict[str, Any] = {"outcome": fact.outcome, "duration_ms": fact.duration_us / _US_PER_MS}
    if fact.status != _FAILURE:
        return logging.INFO, f"task {fact.task!r} completed: {fact.outcome}, {_ms(fact.duration_us)}", more
    kind = "" if fact.error is None else f" with {fact.error.type}"
    said = f"task {fact.task!r} failed{kind} in attempt {fact.attempt}: {fact.outcome}, {_ms(fact.duration_us)}"
    return logging.WARNING, said, more | _kind(fact.error)


def _timed_out(fact: f.TaskTimedOut, _: ExecutionState) -> _Said:
    more = {"outcome": _FAILURE, "duration_ms": fact.duration_us / _US_PER_MS} | _kind(fact.error)
    return logging.WARNING, f"task {fact.task!r} timed out in attempt {fact.attempt}, {_ms(fact.duration_us)}", more


def _waits(fact: f.WaitStarted, _: ExecutionState) -> _Said:
    what = "its time" if fact.child is None else "a sub-flow"
    what = what if fact.signal is None else "a signal"
    due = fact.due or fact.expires
    return logging.INFO, f"task {fact.task!r} waits for {what}" + (f", until {due}" if due else ""), {}


def _ended(status: str, level: int = logging.INFO) -> Callable[[Any, ExecutionState], _Said]:
    def said(fact: Any, state: ExecutionState) -> _Said:
        error = getattr(fact, "error", None)
        took = 0 if state.started_at is None or state.ended_at is None else elapsed_us(state.started_at, state.ended_at)
        why = "" if error is None else f" with {error.type}"
        more = {"outcome": status, "duration_ms": took / _US_PER_MS} | _kind(error)
        return level, f"execution {status}{why}, {_ms(took)}", more

    return said


def _kind(error: f.ErrorInfo | None) -> dict[str, Any]:
    return {} if error is None else {"error": error.type}


def _ms(microseconds: int) -> str:
    return f"{microseconds / _US_PER_MS:.0f} ms"


_WORDS: Final[dict[type[Fact], Callable[[Any, ExecutionState], _Said]]] = {
    f.ExecutionCreated: _plain("execution created"),
    f.ExecutionStarted: _plain("execution started"),
    f.TaskStarted: _of_task("started", logging.DEBUG),
    f.TaskCompleted: _completed,
    f.TaskTimedOut: _timed_out,
    f.TaskInterrupted: lambda fact, _: (logging.WARNING, f"task {fact.task!r} was interrupted: {fact.by}", {}),
    f.ProbeStarted: _of_task("is asked by its probe what became of its interrupted attempt"),
    f.ResolutionAwaited: _of_task("waits for a person to say what became of it", logging.WARNING),
    f.ResolutionGiven: lambda fact, _: (logging.INFO, f"task {fact.task!r} was resolved: {fact.resolution}", {}),
    f.WaitStarted: _waits,
    f.WaitEnded: lambda fact, _: (logging.INFO, f"task {fact.task!r} waits no more: {fact.by}", {}),
    f.SignalReceived: _plain("signal received"),
    f.TaskSkipped: _of_task("skipped"),
    f.RetryScheduled: lambda fact, _: (
        logging.INFO,
        f"task {fact.task!r} is tried again: attempt {fact.attempt} in {fact.delay_seconds:g} s",
        {},
    ),
    f.ExecutionCompleted: _ended("completed"),
    f.ExecutionFailed: _ended("failed", logging.WARNING),
    f.ExecutionCancelled: _ended("cancelled"),
    f.ExecutionCancelling: _plain("execution is to be cancelled"),
    f.ExecutionPaused: _plain("execution paused"),
    f.ExecutionResumed: _plain("execution resumed"),
    f.ExecutionRedriven: _plain("execution goes on after its failure"),
    f.ExecutionForked: _plain("execution forked off another one"),
    f.ExecutionUpgraded: _plain("execution goes on with another version of its flow"),
    f.ExecutionRemoved: _plain("execution removed from the lists"),
}
"""Facts in sentences; transitions are left out, for their tasks tell of them."""
