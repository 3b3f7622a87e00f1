"""Progress: the live table's rows follow the events."""

from __future__ import annotations

import io

import msgspec
import pytest
from rich.console import Console

from flowsm.cli.progress import LiveTable, progress_on
from flowsm.events import facts as f
from flowsm.events.envelope import Recorded
from flowsm.wording.facts import describe

ERROR = f.ErrorInfo(type="ValueError", message="no disk")
TRY = {"task": "a", "visit": 2, "attempt": 2}
FACTS = [
    (f.TaskStarted(worker="w", **TRY), "a (visit 2) (attempt 2)", "▶ running"),
    (f.TaskCompleted(status="success", outcome="large", **TRY), "a (visit 2) (attempt 2): success, outcome large", "✓"),
    (f.TaskCompleted(status="failure", outcome="failure", error=ERROR, **TRY), "no disk", "✗ failure"),
    (
        f.TaskCompleted(status="success", outcome="success", warnings=("odd",), **TRY),
        "(0 ms): warning: odd",
        "✓ success",
    ),
    (f.TaskTimedOut(duration_us=2_000_000, error=ERROR, **TRY), "no disk (2.0 s)", "✗ timed_out"),
    (f.TaskInterrupted(reason="its worker left", **TRY), "its worker left", "! interrupted"),
    (f.RetryScheduled(delay_seconds=3, due="2026-01-01T00:00:03.000000Z", **TRY), "a: attempt 2 in 3.0 s", "… waiting"),
    (f.TaskSkipped(task="a", visit=1, operands=()), "a: its skip_when held", "- skipped"),
]


def _recorded(fact: f.Fact) -> Recorded:
    at = "2026-01-01T00:00:00.000000Z"
    return Recorded(position=1, stream="x", seq=1, at=at, type=fact.TYPE, version=1, fact=fact, digest="")


def _shown(table: LiveTable, console: Console) -> str:
    with console.capture() as captured:
        console.print(table)
    return captured.get()


def test_every_fact_of_a_task_has_its_words_and_its_row() -> None:
    """After a start, each further fact is told in words and changes the row's status."""
    console = Console(file=io.StringIO(), width=200, height=40)
    for fact, words, status in FACTS:
        table = LiveTable(console)
        table.see(_recorded(FACTS[0][0]))
        table.catch_up(_recorded(fact))
        assert words in describe(fact)
        assert status in _shown(table, console)


def test_a_retry_takes_the_place_of_its_waiting() -> None:
    """The row that waits becomes the attempt that runs."""
    console = Console(file=io.StringIO(), width=200, height=40)
    table = LiveTable(console)
    table.see(_recorded(FACTS[5][0]))
    table.see(_recorded(FACTS[0][0]))
    shown = _shown(table, console)
    assert "running" in shown
    assert "waiting" not in shown


def test_a_long_execution_shows_its_latest_rows() -> None:
    """The table never grows past the terminal's height, and says how much is above."""
    console = Console(file=io.StringIO(), width=200, height=10)
    table = LiveTable(console)
    table.see(_recorded(FACTS[1][0]))
    for _ in range(20):
        table.see(_recorded(FACTS[0][0]))
    shown = _shown(table, console)
    assert len(shown.splitlines()) <= 10
    assert "… 15 more above" in shown


def test_facts_of_the_execution_have_their_words() -> None:
    """Ends, removals and events of a later flowsm are told too."""
    assert describe(f.ExecutionFailed(error=ERROR)) == "no disk"
    assert describe(f.ExecutionCancelled(reason="enough")) == "enough"
    assert describe(f.ExecutionCompleted()) == ""
    assert "not known" in describe(f.Unknown(type="new.thing", version=3, data=msgspec.Raw(b"{}")))
    otherwise = f.TransitionTaken(source="a", target="b", trigger="o", condition="c", met=False)
    assert describe(otherwise) == "a → b (no condition met, last c)"


def test_warnings_are_said_in_full_once_the_live_table_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal, where the table has no room for them."""
    for name, value in {"COLUMNS": "40", "TERM": "xterm", "NO_COLOR": "1"}.items():
        monkeypatch.setenv(name, value)
    terminal = _Terminal()
    with progress_on(terminal) as follower:
        follower.see(_recorded(FACTS[0][0]))
        long = "the built-in sample was used, for there is no such file"
        follower.see(_recorded(f.TaskCompleted(status="success", outcome="success", warnings=(long,), **TRY)))
    assert terminal.getvalue().rstrip().endswith(f"warning: a: {long}")


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True
