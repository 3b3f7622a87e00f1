"""From a history to the source of a test: every kind of ending is scripted, and nothing recorded becomes code."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from flowsm import TaskResult, TaskStatus
from flowsm.events.facts import Unknown
from flowsm.replay.history import History
from flowsm.replay.testgen import generate_test
from flowsm.testing import (
    INTERRUPTED,
    NOT_DONE,
    TIMES_OUT,
    After,
    Cancel,
    Fails,
    FlowTester,
    Pass,
    Pause,
    Redrive,
    Rehearsal,
    Resolve,
    Resume,
    Signal,
    Stop,
)

Document = dict[str, Any]
NASTY = "'\"\n\"\"\"\\'); __import__('os').abort() #\u202e\x00\ud800"
MINE = {"name": "a", "task_type": "mine"}
CHILD = {"name": "a", "task_type": "subflow", "parameters": {"flow": "x"}, "timeout": 9}
PERSON = {"name": "a", "task_type": "wait_for_signal", "timeout": 9}
TIMER = {"name": "a", "task_type": "wait", "parameters": {"seconds": 100}}
WRONG = {"name": "a", "task_type": "mine", "parameters": {"x": {"$from": "/input/nothing"}}}
PROBED = MINE | {"on_interrupt": "probe"}
FAILED = TaskResult(status=TaskStatus.FAILURE, outcome="odd", error="e", message="m", data=[1], warnings=["w"])
CASES: list[tuple[Document, Any, list[Any]]] = [
    (MINE, [1], []),
    (MINE, [[1, {"x": None}]], []),
    (MINE, [FAILED], []),
    (MINE, [TaskResult(status=TaskStatus.SUCCESS, outcome="fine", data=1)], []),
    (MINE, [TaskResult(status=TaskStatus.SKIPPED)], []),
    (MINE, [OSError("x")], []),
    (MINE, [Fails("A", "x", types=("A", "B"))], []),
    (MINE | {"timeout": 3}, [TIMES_OUT], []),
    (MINE, [INTERRUPTED, 1], []),
    (MINE | {"on_interrupt": "fail"}, [INTERRUPTED], []),
    (MINE, [], [After(4, Stop())]),
    (MINE, [1], [After(1, Stop())]),
    (PERSON, [], [After(5, Stop())]),
    (PROBED, [INTERRUPTED, NOT_DONE, 1], []),
    (PROBED, [INTERRUPTED, 2], []),
    (PROBED, [INTERRUPTED, INTERRUPTED, 2], []),
    (PROBED, [INTERRUPTED, OSError("x")], [Resolve(resolution="failure", message="m", outcome="odd")]),
    (MINE | {"on_interrupt": "ask"}, [INTERRUPTED, 3], [Resolve(resolution="retry")]),
    (WRONG, [], []),
    (MINE, [OSError("x"), 1], [Redrive(task="a"), Signal(name="late")]),
    (MINE, [INTERRUPTED, 1], [After(4, Pause(now=True)), Resume()]),
    (MINE, [INTERRUPTED], [After(4, Cancel(reason="r"))]),
    (CHILD, [{"x": 1}], []),
    (CHILD, [Fails("E", "m", types=("E",), data=1, outcome="cancelled")], []),
    (CHILD, [TIMES_OUT], []),
    (CHILD, [], [After(5, Stop())]),
    (PERSON, [], [Signal(name="a", payload=0, outcome="fine")]),
    (PERSON, [], [After(1, Signal(name="a", payload=False))]),
    (PERSON, [], []),
    (PERSON, [], [After(5, Pass(70))]),
    (TIMER, [], []),
    (MINE, [1], [After(4, Pass(70))]),
    (MINE | {"retry": {"max_attempts": 2, "initial_interval": 100, "jitter": 0}}, [OSError("x")], []),
    (MINE, [NASTY.replace("\ud800", "")], []),
]


def flow_of(task: Document, **more: Any) -> Document:
    flow: Document = {"id": "f", "name": "F", "start_task": task["name"], "tasks": [task], **more}
    return flow


def again(source: str) -> Rehearsal:
    """What the generated test came to; its assertions hold."""
    space: dict[str, Any] = {"__file__": "x"}
    exec(compile(source, "test", "exec"), space)
    next(value for name, value in space.items() if name.startswith("test_"))()
    signals = space.get("SIGNALS", [])
    tester = FlowTester(space["FLOW"], space["RESULTS"], signals=signals, started=generated_start(source))
    found: Rehearsal = tester.run(space["INPUT"])
    return found


def generated_start(source: str) -> str:
    return next(
        ast.literal_eval(node.value)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.keyword) and node.arg == "started"
    )


def told(rehearsal: Rehearsal) -> list[Any]:
    """The events, without what time and place they are of."""
    found = []
    for event in rehearsal.events:
        data = {"type": event.type, **msgspec.to_builtins(event.fact)}
        for name in ("traceback", "duration_us", "late_seconds", "due", "reason"):
            data.pop(name, None)
            if isinstance(data.get("error"), dict):
                data["error"].pop(name, None)
        found.append(data)
    return found


@pytest.mark.parametrize(("task", "results", "signals"), CASES)
def test_every_ending_is_scripted(task: Document, results: list[Any], signals: list[Any]) -> None:
    """The generated test passes, and its execution is recorded event for event like the one that it was made of."""
    tester = FlowTester(flow_of(task, timeout=60), {"a": results}, signals=signals)
    rehearsal = tester.run({"x": 1})
    generated = generate_test(rehearsal.history)
    assert generated.notes == ()
    assert rehearsal.refused == ()
    found = again(generated.source)
    if task is not PROBED or not signals:  # a problem is told with the words around it
        assert [one["type"] for one in told(found)] == [one["type"] for one in told(rehearsal)]
        assert told(found) == told(rehearsal)
    assert found.unused == {}


def test_nothing_recorded_becomes_code() -> None:
    """Names, values, reasons and errors with quotes, breaks and code in them are literals, or comments of one line."""
    nasty = NASTY.replace("\x00", "").replace("\ud800", "")
    task = {"name": "n'\"#\\", "task_type": "wait_for_signal"}
    flow = flow_of({**task, "description": nasty}, description=nasty)
    signals = [Signal(name=task["name"], payload={nasty: nasty}, outcome="o'\"#"), Signal(name=nasty, payload=NASTY)]
    rehearsal = FlowTester(flow, signals=signals[:1]).run({nasty: [nasty]})
    source = generate_test(rehearsal.history, flow_file=f"f{nasty}.json").source
    allowed = {
        "FLOW",
        "RESULTS",
        "SIGNALS",
        "INPUT",
        "FlowTester",
        "After",
        "Signal",
        "Path",
        "__file__",
        "tester",
        "rehearsal",
    }
    tree = ast.parse(source)
    assert {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} <= allowed
    assert all(line.isprintable() for line in source.split("\n"))
    again(generate_test(rehearsal.history).source)
    event = rehearsal.events[0]
    unknown = Unknown(type=nasty, version=1, data=msgspec.Raw(b"{}"))
    history = History(
        rehearsal.history.machine, [event, msgspec.structs.replace(event, seq=2, fact=unknown)], event.stream
    )
    noted = generate_test(history)
    assert noted.notes == (f"event 2 is of type {nasty!r}, which this flowsm does not know",)
    assert "# Not scripted: " in noted.source
    ast.parse(noted.source)


def test_the_flow_may_be_a_file(tmp_path: Path) -> None:
    """With a file's name the test reads the flow that is there now, and fails when it goes another way."""
    flow = flow_of(MINE)
    source = generate_test(FlowTester(flow, {"a": 1}).run().history, flow_file="flow.json").source
    assert 'FLOW = Path(__file__).parent / "flow.json"' in source
    space: dict[str, Any] = {"__file__": str(tmp_path / "test_x.py")}
    (tmp_path / "flow.json").write_text(json.dumps(flow))
    exec(source, space)
    space["test_rehearsal"]()
    other = flow | {
        "conditions": [{"source_task": "a", "target_task_success": "b"}],
        "tasks": [MINE, MINE | {"name": "b"}],
    }
    (tmp_path / "flow.json").write_text(json.dumps(other))
    with pytest.raises(AssertionError, match="nothing is scripted for it"):
        space["test_rehearsal"]()


def test_the_source_reads_like_a_test() -> None:
    """Imports, flow, input, results, and one test of a few lines."""
    source = generate_test(FlowTester(flow_of(MINE), {"a": [OSError("x")]}).run().history).source
    assert source == EXPECTED


EXPECTED = '''\
from flowsm.testing import Fails, FlowTester

# Execution 'rehearsal' of the flow 'F', as it was recorded.

FLOW = {"id": "f", "name": "F", "start_task": "a", "tasks": [{"name": "a", "task_type": "mine"}]}

INPUT = None

RESULTS = {"a": [Fails("OSError", "x")]}


def test_rehearsal() -> None:
    """The flow takes the recorded path with the recorded outcomes."""
    tester = FlowTester(FLOW, RESULTS, started="2026-01-31T12:00:00.000000Z")
    rehearsal = tester.run(INPUT)
    rehearsal.assert_path(["a"])
    rehearsal.assert_status("failed")
'''
