"""What tabs and explanations say, line by line."""

from __future__ import annotations

from typing import Any

import pytest
from textual.content import Content

from flowsm.definition.load import load_flow
from flowsm.events import facts as f
from flowsm.events.envelope import Recorded
from flowsm.machine.compile import compile_flow
from flowsm.replay.debugger import Debugger
from flowsm.replay.explain import Explanation, explain
from flowsm.replay.history import History
from flowsm.tui.details import TABS, lines_of, tab_has
from flowsm.tui.explanation import explanation_lines

AT = "2026-01-31T12:00:00.000000Z"
TRACE = "Traceback:\n  File x\nOSError: \x1b[31mnot now"
ERROR = f.ErrorInfo(type="OSError", message="not\nnow", traceback=TRACE)
MACHINE = compile_flow(
    load_flow({"id": "f", "name": "F", "start_task": "a", "tasks": [{"name": "a", "task_type": "t"}]})
)


def debugger(**fields: Any) -> Debugger:
    """At the end of an attempt with this result."""
    place = {"task": "a", "visit": 1, "attempt": 1}
    parent = f.ParentRef(execution_id="above", task="sub", visit=1)
    facts = [
        f.ExecutionCreated(flow_id="f", flow_name="F", digest="0" * 64, parent=parent, depth=1),
        f.ExecutionStarted(worker="w"),
        f.TransitionTaken(source="created", target="a", trigger="start"),
        f.TaskStarted(**place, worker="w"),
        f.TaskCompleted(**place, **({"status": "success", "outcome": "success"} | fields)),
    ]
    events = [
        Recorded(stream="x", seq=seq, position=seq, type=fact.TYPE, version=1, at=AT, digest="", fact=fact)
        for seq, fact in enumerate(facts, start=1)
    ]
    return Debugger(History(MACHINE, events, "x"), len(events))


def texts(lines: list[Content]) -> list[str]:
    return [line.plain for line in lines]


def test_a_result() -> None:
    """Status and outcome, message and warnings, then the data."""
    found = debugger(
        outcome="approved", message="well\ndone", warnings=("slow\x07",), data={"n": [1]}, duration_us=1_500
    )
    assert texts(lines_of(found, "result")) == [
        "✓ success  a (visit 1, attempt 1), outcome approved, 2 ms",
        "well",
        "done",
        "! slow\\x07",
        "data",
        "{",
        '  "n": [',
        "    1",
        "  ]",
        "}",
    ]


def test_errors() -> None:
    """What failed and with what; where it was raised stands below."""
    found = debugger(status="failure", outcome="failure", error=ERROR)
    assert tab_has(found, "error")
    assert texts(lines_of(found, "error")) == [
        "a (visit 1, attempt 1)",
        "✗ OSError: not",
        "now",
        "where: a (visit 1, attempt 1)",
        "Traceback:",
        "  File x",
        "OSError: \\x1b[31mnot now",
    ]


def test_large_values() -> None:
    """Very long lines, and very many of them, are cut off, and that is said."""
    (long,) = [line for line in texts(lines_of(debugger(data="x" * 5_000), "result")) if line.startswith('"x')]
    assert long.endswith("… 3,002 more characters")
    many = texts(lines_of(debugger(data=list(range(5_000))), "result"))
    assert len(many) == 2_001
    assert many[-1].startswith("… and more: ")


@pytest.mark.parametrize("tab", TABS)
def test_before_the_first_event(tab: str) -> None:
    """Every tab has something to say there, too."""
    found = debugger()
    found.goto(0)
    assert lines_of(found, tab)
    assert tab_has(found, tab) == (tab in {"state", "diff"})


def test_explanations() -> None:
    """A sub-flow says whose, and a long route is told from its end."""
    found = explain(debugger(status="failure", outcome="failure", error=ERROR).history)
    said = texts(explanation_lines(found))
    assert "a sub-flow of above" in said
    assert "     1  ✗ failure, 0 ms  OSError: not\\nnow" in said
    long = Explanation(
        execution_id="x", flow_id="f", flow_name="F", flow_digest="", seq=0, last_seq=0, at="", status="created",
        headline="nothing has happened yet", decisions=found.decisions * 600,
    )  # fmt: skip
    said = texts(explanation_lines(long))
    assert said[0] == "· after event 0 of 0: nothing has happened yet"
    assert "Route, the last 500 transitions" in said
    assert len(said) == 3 + 2 * 500
