"""`flowsm explain`: from "it failed last night" to the cause."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

INNER = {"id": "inner", "name": "Inner", "start_task": "f", "tasks": [{"name": "f", "task_type": "fetch_data"}]}


def test_the_cause_of_a_failure_is_the_first_thing_said(flowsm: Any) -> None:
    """Headline, route, attempts and what can be done next; the same as JSON."""
    flowsm("run", "bad.json", "--id", "x1")
    told = flowsm("explain", "@last-failed")
    assert told.code == 0
    head, cause = told.out.splitlines()[:2]
    assert head == "✗ Bad (bad), execution x1:"
    assert cause.startswith("  it failed after ")
    assert "task 'fetch' failed in its only attempt, " in cause
    assert re.search(r"\nRoute\n.*\nAttempts of 'fetch'\n.*\nNext\n", told.out, re.DOTALL)
    assert "  flowsm retry x1   (goes on from the task that failed, earlier results kept)" in told.out
    found = flowsm("explain", "x1", "--json").json
    assert f"  {found['headline']}" == cause
    assert found["decisions"][0]["target"] == "fetch"


def test_it_can_be_asked_of_any_event(flowsm: Any) -> None:
    """With --seq it tells what was so then; a seq that is not there is a usage error that says which are."""
    flowsm("run", "bad.json", "--id", "x1")
    told = flowsm("explain", "x1", "--seq", "2")
    assert "execution x1 after event 2 of " in told.out
    assert "It waits" in told.out
    wrong = flowsm("explain", "x1", "--seq", "99")
    assert wrong.code == 2
    assert "seq 99: expected 0 to " in wrong.err


def test_the_failure_of_a_sub_flow_is_followed(flowsm: Any, folder: Path) -> None:
    """Below the parent comes the child that its failure came from."""
    INNER["tasks"][0]["parameters"] = {"failure_rate": 1}  # type: ignore[index]
    outer = {"name": "sub", "task_type": "subflow", "parameters": {"flow": INNER}}
    document = {"id": "outer", "name": "Outer", "start_task": "sub", "tasks": [outer]}
    (folder / "outer.json").write_text(json.dumps(document))
    flowsm("run", "outer.json", "--id", "x1")
    told = flowsm("explain", "x1").out
    assert "\nIts sub-flow x1:sub:1:\n✗ Inner (inner), execution x1:sub:1:\n" in told
    assert "\n  a sub-flow of x1\n" in told
