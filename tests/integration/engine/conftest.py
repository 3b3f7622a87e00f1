"""What the engine's tests share: a registry of small tasks, a manager, and flows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from flowsm import FlowManager
from flowsm.status import TaskStatus
from flowsm.tasks.factory import TaskFactory
from flowsm.tasks.result import TaskResult
from flowsm.testing.clock import ManualClock

SAMPLE = {
    "flow": {
        "id": "sample",
        "name": "Sample",
        "start_task": "fetch",
        "tasks": [
            {"name": "fetch", "description": "Get records", "task_type": "fetch"},
            {"name": "process", "description": "Sum them up", "task_type": "process"},
            {"name": "store", "description": "Keep the sum", "task_type": "store"},
        ],
        "conditions": [
            {
                "name": "fetched",
                "description": "Records are there",
                "source_task": "fetch",
                "outcome": "success",
                "target_task_success": "process",
                "target_task_failure": "end",
            },
            {
                "name": "processed",
                "description": "The sum is there",
                "source_task": "process",
                "outcome": "success",
                "target_task_success": "store",
                "target_task_failure": "end",
            },
        ],
    }
}


class Script:
    """What the sample's tasks do: `failing` maps a task to how often it fails first; `calls` keeps who ran."""

    def __init__(self) -> None:
        self.failing: dict[str, int] = {}
        self.calls: list[str] = []
        self.contexts: list[Any] = []

    def play(self, context: Any, data: Any) -> TaskResult:
        """Fail as often as scripted, then succeed."""
        name = context["task_name"]
        self.calls.append(name)
        self.contexts.append(context)
        if self.failing.get(name, 0) > 0:
            self.failing[name] -= 1
            return TaskResult(task_name=name, status=TaskStatus.FAILURE, error=f"{name} is down")
        return TaskResult(task_name=name, status=TaskStatus.SUCCESS, message=f"{name} done", data=data)


@pytest.fixture
def script() -> Script:
    """What the sample's tasks do in this test."""
    return Script()


@pytest.fixture
def sample() -> dict[str, Any]:
    """The earlier manager's three-task sample."""
    import copy  # noqa: PLC0415

    return copy.deepcopy(SAMPLE)


@pytest.fixture
def tasks(script: Script) -> TaskFactory:
    """A registry with the sample's tasks; tests add their own."""
    registry = TaskFactory()

    async def fetch(context: Any) -> TaskResult:
        return script.play(context, {"records": [1, 2, 3]})

    async def process(context: Any) -> TaskResult:
        records = context["previous_results"]["fetch"].data["records"]
        return script.play(context, {"total": sum(records)})

    async def store(context: Any) -> TaskResult:
        return script.play(context, context["previous_results"]["process"].data["total"])

    for function in (fetch, process, store):
        registry.register_task(function.__name__, function)
    return registry


@pytest.fixture
def clock() -> ManualClock:
    """A clock that the test turns."""
    return ManualClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the log is."""
    return tmp_path / "flowsm.db"


@pytest.fixture
async def manager(path: Path, tasks: TaskFactory) -> AsyncIterator[FlowManager]:
    """A manager on a file, with the machine's clock."""
    async with FlowManager(path, tasks=tasks, durability="normal") as made:
        yield made


@pytest.fixture
async def timed(path: Path, tasks: TaskFactory, clock: ManualClock) -> AsyncIterator[FlowManager]:
    """A manager on the same file, with the clock that the test turns."""
    async with FlowManager(path, tasks=tasks, durability="normal", clock=clock) as made:
        yield made
