"""The command line asks the task types whether a flow's parameters fit, before anything runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

WRONG = {
    "id": "wrong",
    "name": "Wrong",
    "start_task": "fetch",
    "tasks": [
        {"name": "fetch", "task_type": "fetch_data", "parameters": {"limit": "ten"}},
        {"name": "store", "task_type": "store_data", "parameters": {"table": 3}},
        {"name": "price", "parameters": {}},
    ],
    "conditions": [
        {"source_task": "fetch", "target_task_success": "store"},
        {"source_task": "store", "target_task_success": "price"},
    ],
}
TASKS = """
from flowsm import TaskFactory

def price(items: list[int]) -> int:
    return sum(items)

TaskFactory.register_task("price", price, replace=True)
"""


@pytest.mark.parametrize("command", ["validate", "run"])
def test_every_wrong_parameter_is_found_before_the_flow_runs(flowsm: Any, command: str) -> None:
    """Built-in tasks and functions of --tasks alike: exit code 3, each with its place, and nothing is recorded."""
    Path("wrong.json").write_text(json.dumps(WRONG))
    Path("prices.py").write_text(TASKS)
    ran = flowsm(command, "wrong.json", "--tasks", "prices.py", "--json")
    assert ran.code == 3
    places = [finding["pointer"] for finding in ran.json["findings"]]
    assert places == ["/tasks/0/parameters/limit", "/tasks/1/parameters/table", "/tasks/2/parameters"]
    assert not Path("flowsm.db").exists()
