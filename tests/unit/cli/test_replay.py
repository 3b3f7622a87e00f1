"""`flowsm timeline`, `state` and `diff`."""

from __future__ import annotations

from typing import Any


def test_a_timeline_has_a_line_for_each_attempt(flowsm: Any) -> None:
    """An attempt's events are one line, with where it led; the same as JSON."""
    flowsm("run", "flow.json", "--id", "x1")
    lines = flowsm("timeline", "x1").out.splitlines()
    assert [line.split()[0] for line in lines] == ["seq", "1", "2-3", "4-6", "7-9", "10"]
    assert "fetch (attempt 1)" in lines[3]
    assert "✓ success  → store; fetched 8 records" in lines[3]
    found = flowsm("timeline", "x1", "--json").json
    assert [entry["seqs"] for entry in found] == [[1], [2, 3], [4, 5, 6], [7, 8, 9], [10]]


def test_a_state_is_that_after_an_event(flowsm: Any) -> None:
    """By default after the last; a seq that is not there is a usage error."""
    flowsm("run", "flow.json", "--id", "x1")
    assert flowsm("state", "x1").json["phase"] == "ended"
    early = flowsm("state", "x1", "--seq", "4").json
    assert (early["seq"], early["phase"], early["node"]) == (4, "running", "fetch")
    assert flowsm("state", "x1", "--seq", "-1").code == 2


def test_a_diff_of_two_events(flowsm: Any) -> None:
    """What was added, removed and replaced, with both values; as a JSON Patch too."""
    flowsm("run", "flow.json", "--id", "x1")
    shown = flowsm("diff", "x1", "3", "4").out.splitlines()
    assert '~ /phase: "entered" → "running"' in shown
    assert "+ /attempts: 1" in shown
    patch = flowsm("diff", "x1", "3", "4", "--patch").json
    assert {"op": "replace", "path": "/phase", "value": "running"} in patch
    assert flowsm("diff", "x1", "9", "--json").json == flowsm("diff", "x1", "9", "10", "--json").json
    back = flowsm("diff", "x1", "4", "3").out.splitlines()
    assert "- /attempts: 1" in back


def test_a_diff_of_two_executions(flowsm: Any) -> None:
    """Where their routes part, which input and which results differ."""
    flowsm("run", "bad.json", "--id", "x1")
    flowsm("run", "bad.json", "--id", "x2", "--input", '{"n": 1}')
    shown = flowsm("diff", "x1", "x2").out
    assert "Both took the same route." in shown
    assert '\nInput\n~ /input: null → {"n": 1}\n' in shown
    flowsm("run", "flow.json", "--id", "y1")
    other = flowsm("diff", "x1", "y1")
    assert other.code == 2
    assert "x1 is of flow 'bad', y1 of 'demo': compare executions of one flow" in other.err
    wrong = flowsm("diff", "x1", "x2", "--patch")
    assert wrong.code == 2
    assert "'x2' is no seq" in wrong.err


def test_a_diff_of_two_executions_that_part(flowsm: Any, folder: Any) -> None:
    """Both decisions are told, and that the flows are two versions."""
    flowsm("run", "bad.json", "--id", "x1")
    text = (folder / "bad.json").read_text().replace('"failure_rate": 1', '"failure_rate": 0')
    (folder / "good.json").write_text(text)
    flowsm("run", "good.json", "--id", "x2")
    shown = flowsm("diff", "x1", "x2").out
    assert "The two ran different versions of the flow." in shown
    assert "They part after 1 transitions in common, at fetch:" in shown
    assert "  x1  to failed: " in shown
    assert "  x2  to completed: " in shown
    assert '\n~ /results/fetch/status: "failure" → "success"\n' in shown
