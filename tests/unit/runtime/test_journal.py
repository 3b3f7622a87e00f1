"""What was committed here, as log records."""

from __future__ import annotations

import logging

import msgspec
import pytest

from flowsm.events import facts as f
from flowsm.machine.state import new_state
from flowsm.runtime.journal import _WORDS, tell

ERROR = f.ErrorInfo(type="ConnectionError", message="xyzzy", traceback="xyzzy")
TRY = {"task": "fetch", "visit": 2, "attempt": 3}
ENDED = msgspec.structs.replace(
    new_state("x"),
    seq=9,
    flow_id="f",
    started_at="2026-01-01T00:00:00.000000Z",
    ended_at="2026-01-01T00:00:01.500000Z",
    traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
)
DUE = "2026-01-01T00:00:05.000000Z"
SAID = [
    (f.ExecutionCreated(flow_id="f", flow_name="F", digest="d", input="xyzzy"), "INFO", "execution created"),
    (f.ExecutionStarted(worker="w"), "INFO", "execution started"),
    (
        f.TaskCompleted(**TRY, status="success", outcome="approved", duration_us=12_000, data="xyzzy", message="xyzzy"),
        "INFO",
        "task 'fetch' completed: approved, 12 ms",
    ),
    (
        f.TaskCompleted(**TRY, status="failure", outcome="failure", duration_us=12_000, error=ERROR),
        "WARNING",
        "task 'fetch' failed with ConnectionError in attempt 3: failure, 12 ms",
    ),
    (
        f.TaskCompleted(**TRY, status="failure", outcome="refused", message="xyzzy"),
        "WARNING",
        "task 'fetch' failed in attempt 3: refused, 0 ms",
    ),
    (
        f.TaskTimedOut(**TRY, duration_us=2_000_000, error=ERROR),
        "WARNING",
        "task 'fetch' timed out in attempt 3, 2000 ms",
    ),
    (f.TaskInterrupted(**TRY, reason="xyzzy"), "WARNING", "task 'fetch' was interrupted: crash"),
    (
        f.ProbeStarted(**TRY, worker="w"),
        "INFO",
        "task 'fetch' is asked by its probe what became of its interrupted attempt",
    ),
    (
        f.ResolutionAwaited(**TRY, reason="xyzzy"),
        "WARNING",
        "task 'fetch' waits for a person to say what became of it",
    ),
    (f.ResolutionGiven(**TRY, resolution="retry", reason="xyzzy"), "INFO", "task 'fetch' was resolved: retry"),
    (f.WaitStarted(**TRY, due=DUE), "INFO", f"task 'fetch' waits for its time, until {DUE}"),
    (f.WaitStarted(**TRY, signal="xyzzy", expires=DUE), "INFO", f"task 'fetch' waits for a signal, until {DUE}"),
    (f.WaitStarted(**TRY, child="c"), "INFO", "task 'fetch' waits for a sub-flow"),
    (f.WaitEnded(**TRY, by="signal"), "INFO", "task 'fetch' waits no more: signal"),
    (f.SignalReceived(name="xyzzy", payload="xyzzy"), "INFO", "signal received"),
    (f.TaskSkipped(task="fetch", visit=2, operands=()), "INFO", "task 'fetch' skipped"),
    (
        f.RetryScheduled(**TRY, delay_seconds=0.5, due=DUE),
        "INFO",
        "task 'fetch' is tried again: attempt 3 in 0.5 s",
    ),
    (f.ExecutionCompleted(), "INFO", "execution completed, 1500 ms"),
    (f.ExecutionFailed(error=ERROR), "WARNING", "execution failed with ConnectionError, 1500 ms"),
    (f.ExecutionCancelled(reason="xyzzy"), "INFO", "execution cancelled, 1500 ms"),
    (f.ExecutionCancelling(reason="xyzzy"), "INFO", "execution is to be cancelled"),
    (f.ExecutionPaused(reason="xyzzy"), "INFO", "execution paused"),
    (f.ExecutionResumed(reason="xyzzy"), "INFO", "execution resumed"),
    (
        f.ExecutionRedriven(task="fetch", visit=2, attempt=3, overrides={"/input": "xyzzy"}),
        "INFO",
        "execution goes on after its failure",
    ),
    (f.ExecutionForked(origin="o", origin_seq=1), "INFO", "execution forked off another one"),
    (
        f.ExecutionUpgraded(digest="d", before="b", flow_name="F"),
        "INFO",
        "execution goes on with another version of its flow",
    ),
    (f.ExecutionRemoved(reason="xyzzy"), "INFO", "execution removed from the lists"),
]


@pytest.mark.parametrize(("fact", "level", "said"), SAID)
def test_facts_are_told_without_what_they_are_about(caplog, fact, level, said):
    """Each fact is a record with its place; data, messages, reasons and names of signals are in none."""
    caplog.set_level(logging.INFO)
    tell([fact], ENDED)
    (record,) = caplog.records
    assert (record.name, record.levelname, record.getMessage()) == ("flowsm.execution", level, said)
    assert (record.execution_id, record.flow_id, record.seq, record.event) == ("x", "f", 9, fact.TYPE)
    assert record.trace_id == "0af7651916cd43dd8448eb211c80319c"
    assert getattr(record, "task", None) == getattr(fact, "task", None)
    assert "xyzzy" not in str(record.__dict__)


def test_all_facts_are_told_but_starts_and_transitions(caplog):
    """At INFO no type of fact is forgotten; starts of tasks are told at DEBUG, transitions not at all."""
    caplog.set_level(logging.INFO)
    told = {type(fact) for fact, _, _ in SAID}
    assert set(f.FACTS) - told == {f.TaskStarted, f.TransitionTaken}
    assert set(_WORDS) == told | {f.TaskStarted}
    tell([f.TaskStarted(**TRY, worker="w"), f.TransitionTaken(source="a", target="b", trigger="t")], ENDED)
    assert caplog.records == []
    caplog.set_level(logging.DEBUG)
    tell([f.TaskStarted(**TRY, worker="w", parameters={"a": "xyzzy"})], ENDED)
    assert caplog.messages == ["task 'fetch' started"]


def test_seqs_count_up_to_the_state(caplog):
    """The last fact has the state's seq, those before it the ones before; outcomes and durations are told apart."""
    caplog.set_level(logging.INFO)
    done = f.TaskCompleted(**TRY, status="success", outcome="approved", duration_us=1_500)
    tell([done, f.ExecutionCompleted()], msgspec.structs.replace(ENDED, traceparent=None, started_at=None))
    first, second = caplog.records
    assert (first.seq, first.outcome, first.duration_ms) == (8, "approved", 1.5)
    assert (second.seq, second.outcome, second.duration_ms) == (9, "completed", 0)
    assert not hasattr(first, "trace_id")


def test_nothing_is_told_where_nobody_listens(caplog):
    """Below INFO nothing is told: a program that has not asked sees no warnings of its flows."""
    caplog.set_level(logging.WARNING)
    tell([f.ExecutionFailed(error=ERROR)], ENDED)
    assert caplog.records == []
