"""What was odd, though it did not fail, reaches whoever runs or looks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def odd(folder: Path) -> str:
    """A flow whose task has a parameter that is not used, nearly named like one that is."""
    task = {"name": "fetch", "task_type": "fetch_data", "parameters": {"data_sorce": "orders.csv"}}
    (folder / "odd.json").write_text(json.dumps({"id": "o", "name": "O", "start_task": "fetch", "tasks": [task]}))
    return "odd.json"


def test_run_events_and_show_tell_of_warnings(flowsm: Any, odd: str) -> None:
    """A misspelt parameter is not lost in the log: its nearest name is said."""
    words = "did you mean 'data_source'?"
    assert words in flowsm("run", odd).err
    assert words in flowsm("events", "@last").out
    shown = flowsm("show", "@last")
    assert words in shown.err
    assert words in flowsm("show", "@last", "--json").json["task_results"]["fetch"]["warnings"][0]
