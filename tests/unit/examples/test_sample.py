"""The sample that `flowsm init` writes."""

from __future__ import annotations

from importlib.resources import files

import pytest

from flowsm import FlowManager, TaskFactory
from flowsm.examples import tasks

SAMPLE = files("flowsm.examples")


@pytest.fixture
def manager(tmp_path, monkeypatch):
    """A manager with the sample's tasks, in a folder with its files."""
    monkeypatch.chdir(tmp_path)
    for name in ("flow.json", "orders.csv"):
        (tmp_path / name).write_bytes((SAMPLE / name).read_bytes())
    registry = TaskFactory()
    for function in (tasks.review, tasks.ask_manager, tasks.apologise):
        registry.register_task(function.__name__, function)
    return FlowManager(tasks=registry)


async def test_large_totals_are_approved(manager, tmp_path):
    """The orders are summed up, the manager is asked about the large ones, and the report is stored."""
    async with manager:
        execution = await manager.run("flow.json", {"manager": "Ada"})
    assert execution.status == "completed"
    assert execution.path == ["fetch_orders", "sum_up", "review", "ask_manager", "store_report"]
    assert execution.task_results["ask_manager"].data["by"] == "Ada"
    assert (tmp_path / "report.csv").read_text("utf-8").startswith("country,")


async def test_small_totals_need_no_approval(manager, tmp_path):
    """Nobody is asked about small orders."""
    (tmp_path / "orders.csv").write_text("order,country,price,quantity\n1,NO,2,3\n", "utf-8")
    async with manager:
        execution = await manager.run("flow.json", {"manager": "Ada"})
    assert execution.path == ["fetch_orders", "sum_up", "review", "store_report"]


async def test_missing_orders_are_apologised_for(manager, tmp_path):
    """Without the file the flow goes to its handler, and ends in failure."""
    (tmp_path / "orders.csv").unlink()
    async with manager:
        execution = await manager.run("flow.json", {"manager": "Ada"})
    assert (execution.status, execution.path) == ("failed", ["fetch_orders", "apologise"])
    assert "orders.csv" in execution.task_results["apologise"].data
