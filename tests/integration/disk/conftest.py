"""A flow of three tasks that leave a trace of each call, and a manager on a file."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from flowsm import FlowManager, FlowStatus, TaskContext, TaskFactory

FLOW = {
    "id": "three",
    "name": "Three",
    "start_task": "one",
    "tasks": [{"name": name, "task_type": "work"} for name in ("one", "two", "three")],
    "conditions": [
        {"source_task": "one", "target_task_success": "two"},
        {"source_task": "two", "target_task_success": "three"},
    ],
}


class Desk:
    """What happens in the tasks: `during` is run by the first call of a task; `calls` keeps who ran."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.during: dict[str, Callable[[], Any]] = {}
        self.data: Any = {"n": 1}
        self.tasks = TaskFactory()
        self.tasks.register_task("work", self._work)

    async def _work(self, context: TaskContext) -> Any:
        self.calls.append(context.task_name)
        trouble = self.during.pop(context.task_name, None)
        if trouble is not None:
            made = trouble()
            if made is not None:
                await made
        return self.data


@pytest.fixture
def desk() -> Desk:
    """What the tasks do in this test."""
    return Desk()


@pytest.fixture
def flow() -> dict[str, Any]:
    """The flow of three tasks."""
    return FLOW


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the log is."""
    return tmp_path / "flowsm.db"


@pytest.fixture
async def manager(path: Path, desk: Desk) -> AsyncIterator[FlowManager]:
    """A manager on that file."""
    async with FlowManager(path, tasks=desk.tasks, durability="normal") as made:
        yield made


@pytest.fixture
def goes_on(manager: FlowManager) -> Callable[[str], Any]:
    """See that nothing was recorded by halves, and that what stopped, and what is new, is run to its end."""

    async def check(stopped: str) -> None:
        assert (await manager.verify()).ok
        assert (await manager.execute_flow(stopped)).status is FlowStatus.COMPLETED
        assert (await manager.run(FLOW)).status is FlowStatus.COMPLETED
        assert (await manager.verify()).ok

    return check


@pytest.fixture
def foreign(path: Path) -> Callable[..., Any]:
    """A connection of somebody else's to the file, without the log's triggers where rows are to be changed."""

    @contextlib.contextmanager
    def connect() -> Any:
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
            yield connection

    return connect
