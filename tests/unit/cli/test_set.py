"""`flowsm retry --set`: other values in the place of recorded ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

FAILS = {
    "id": "g",
    "name": "G",
    "start_task": "fetch",
    "tasks": [
        {"name": "fetch", "task_type": "fetch_data"},
        {"name": "again", "task_type": "fetch_data", "parameters": {"failure_rate": {"$from": "/input/rate"}}},
    ],
    "conditions": [{"source_task": "fetch", "target_task_success": "again"}],
}


@pytest.fixture
def failed(flowsm: Any, folder: Path) -> Any:
    (folder / "fails.json").write_text(json.dumps(FAILS))
    assert flowsm("run", "fails.json", "--input", '{"rate": 1}', "--id", "x1").code == 1
    return flowsm


def test_it_goes_on_with_the_value(failed: Any) -> None:
    """The tasks that come after have it; every command that shows the execution says so."""
    found = failed("retry", "x1", "--set", "input.rate=0", "--set", "results.fetch.message=by hand", "--actor", "ann")
    assert (found.code, found.err.split(":")[:2]) == (0, ["flowsm", " retry"])
    assert failed("run", "x1").code == 0
    shown = failed("show", "x1").out
    assert "overrides input.rate=0, results.fetch.message=" in shown
    assert failed("show", "x1", "--json").json["overrides"] == {"/input/rate": 0, "/results/fetch/message": "by hand"}
    words = "redriven from again, with input.rate=0 in place of 1, results.fetch.message="
    assert words in failed("timeline", "x1").out
    assert words in failed("explain", "x1").out
    assert "from again, with input.rate=0, results.fetch.message=" in failed("events", "x1").out
    events = failed("events", "x1", "--json").json
    assert next(event for event in events if event["type"] == "execution.created")["data"]["input"] == {"rate": 1}


def test_what_cannot_stand_there_is_refused(failed: Any) -> None:
    """Place, value, reason and way out; exit code 5, and nothing is recorded; what is no setting is a wrong use."""
    refused = failed("retry", "x1", "--set", "input.rat=0")
    assert refused.code == 5
    assert (
        "cannot retry execution 'x1' with 0 at /input/rat: input has nothing at 'rat': did you mean 'rate'?"
        in refused.err
    )
    for setting in ("input.rate", "input..rate=0"):
        assert failed("retry", "x1", "--set", setting).code == 2
    assert failed("show", "x1", "--json").json["status"] == "failed"


def test_redrive_is_retry_and_from_is_task(failed: Any) -> None:
    """The other words for the same; many at once too."""
    assert failed("redrive", "x1", "--from", "fetch", "--set", "/input/rate=0").code == 0
    assert failed("run", "x1").code == 0
    assert failed("show", "x1", "--json").json["path"] == ["fetch", "again", "fetch", "again"]
    assert failed("run", "fails.json", "--input", '{"rate": 1}', "--id", "x2").code == 1
    assert failed("retry", "--status", "failed", "--set", "input.rate=0", "--json").json["done"] == 1


def test_a_place_is_set_once(failed: Any) -> None:
    """Two values for one place are a wrong use, of `retry` and of `fork`, and nothing is recorded."""
    for verb in (("retry", "x1"), ("fork", "x1", "--at", "3")):
        refused = failed(*verb, "--set", "input.rate=0", "--set", "/input/rate=1")
        assert (refused.code, refused.err) == (2, "flowsm: 'input.rate' is set twice: give one value for it\n")
    refused = failed("fork", "x1", "--at", "3", "--input", "{}", "--set", 'input={"rate": 1}')
    assert (refused.code, "the input is set twice, with --input and with --set" in refused.err) == (2, True)
    assert len(failed("ls", "--json").json["items"]) == 1
