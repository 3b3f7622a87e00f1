"""The rows of the event list: what belongs to one attempt is drawn together."""

from __future__ import annotations

from typing import Any

import pytest

from flowsm.definition.load import load_flow
from flowsm.events import facts as f
from flowsm.events.envelope import Recorded
from flowsm.machine.compile import compile_flow
from flowsm.replay.history import History
from flowsm.tui.event_rows import row_of

AT = "2026-01-31T12:00:00.000000Z"
MACHINE = compile_flow(
    load_flow({"id": "f", "name": "F", "start_task": "a", "tasks": [{"name": "a", "task_type": "t"}]})
)
ERROR = f.ErrorInfo(type="OSError", message="not now")


def tried(kind: type[Any], attempt: int = 1, **fields: Any) -> Any:
    return kind(task="a", visit=1, attempt=attempt, **fields)


FACTS = [
    (f.ExecutionCreated(flow_id="f", flow_name="F", digest="0" * 64), "alone", ""),
    (f.ExecutionStarted(worker="w"), "alone", ""),
    (f.TransitionTaken(source="created", target="a", trigger="start"), "alone", ""),
    (tried(f.TaskStarted, worker="w"), "first", "running"),
    (tried(f.TaskTimedOut, duration_us=1, error=ERROR), "within", "timed_out"),
    (tried(f.RetryScheduled, 2, delay_seconds=1, due=AT), "last", ""),
    (tried(f.TaskStarted, 2, worker="w"), "first", "running"),
    (tried(f.WaitStarted, 2, signal="s"), "last", "waiting"),
    (f.SignalReceived(name="s"), "alone", ""),
    (tried(f.WaitEnded, 2, by="signal", signal_seq=9), "first", ""),
    (tried(f.TaskCompleted, 2, status="success", outcome="success"), "within", "success"),
    (f.TransitionTaken(source="a", target="a", trigger="o0"), "last", ""),
    (f.TaskSkipped(task="a", visit=2, operands=()), "first", "skipped"),
    (f.TransitionTaken(source="a", target="completed", trigger="o0"), "last", ""),
    (tried(f.TaskStarted, 3, worker="w"), "first", "running"),
    (tried(f.TaskInterrupted, 3, reason="gone"), "within", "interrupted"),
    (tried(f.ProbeStarted, 3, worker="w"), "within", ""),
    (tried(f.ResolutionAwaited, 3, reason="why"), "last", "waiting"),
    (f.ExecutionPaused(actor="me"), "alone", ""),
    (tried(f.TaskStarted, 3, worker="w"), "alone", "running"),
    (f.ExecutionFailed(error=ERROR), "alone", "failed"),
]


@pytest.fixture
def history() -> History:
    events = [
        Recorded(stream="x", seq=seq, position=seq, type=fact.TYPE, version=1, at=AT, digest="", fact=fact)
        for seq, (fact, _, _) in enumerate(FACTS, start=1)
    ]
    return History(MACHINE, events, "x")


def test_groups(history: History) -> None:
    """From its start to the transition that leaves it, with retries and waits; what others do stands between."""
    rows = [row_of(history, seq) for seq in range(1, history.last + 1)]
    assert [(row.place, row.status) for row in rows] == [(place, status) for _, place, status in FACTS]
    assert "".join(row.brace for row in rows) == "   ┌│└┌└ ┌│└┌└┌││└   "
    assert rows[3].seq == 4
    assert len(rows[3].time) == len("12:00:00")


def test_words(history: History) -> None:
    """A row says what happened as every face does."""
    assert row_of(history, 5).words == "a: not now (0 ms)"
    assert row_of(history, 8).words == "a (attempt 2): waits for signal s"
    assert row_of(history, 19).words == "by me"
