"""A manager with flows of every kind of end, the rows of its file, and a foreign connection to it."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from flowsm import FlowManager, TaskContext, TaskFactory
from flowsm.testing.clock import ManualClock

TABLES = ("executions", "attempts", "statistics")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "flowsm.db"


@pytest.fixture
def tasks() -> TaskFactory:
    registry = TaskFactory()

    @registry.task("good")
    async def good() -> dict[str, int]:
        return {"number": 1}

    @registry.task("bad")
    async def bad() -> None:
        raise ValueError("it is bad")

    @registry.task("flaky")
    async def flaky(context: TaskContext) -> None:
        if context.attempt == 1:
            raise OSError("once more")

    @registry.task("large")
    async def large(letter: str = "x") -> str:
        return letter * 100_000

    return registry


@pytest.fixture
def flows() -> dict[str, dict[str, Any]]:
    def flow(name: str, *types: str, **first: Any) -> dict[str, Any]:
        steps = [{"name": f"t{number}", "task_type": kind} for number, kind in enumerate(types)]
        steps[0] |= first
        conditions = [
            {"source_task": f"t{number}", "target_task_success": f"t{number + 1}"} for number in range(len(types) - 1)
        ]
        return {"id": name, "name": f"The {name}", "start_task": "t0", "tasks": steps, "conditions": conditions}

    return {
        "plain": flow("plain", "good", "good"),
        "failing": flow("failing", "good", "bad"),
        "retrying": flow("retrying", "flaky", "good", retry={"max_attempts": 2, "initial_interval": 0}),
        "large": flow("large", "large", "good"),
        "other": flow("other", "large", parameters={"letter": "y"}),
    }


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def manager(path: Path, tasks: TaskFactory, clock: ManualClock) -> AsyncIterator[FlowManager]:
    async with FlowManager(path, tasks=tasks, durability="normal", clock=clock) as opened:
        yield opened


@pytest.fixture
def rows(path: Path) -> Callable[..., dict[str, list[tuple[Any, ...]]]]:
    """All rows of the projections in use, in the order of their keys."""

    def read(of: Path = path) -> dict[str, list[tuple[Any, ...]]]:
        with contextlib.closing(sqlite3.connect(of)) as connection:
            connection.execute("BEGIN")
            return {table: sorted(connection.execute(f"SELECT * FROM {table}"), key=repr) for table in TABLES}

    return read


@pytest.fixture
def sql(path: Path) -> Callable[..., list[tuple[Any, ...]]]:
    """Run a statement as a foreign connection; with `force` the log's triggers are out of the way."""

    def run(statement: str, *parameters: Any, force: bool = False) -> list[tuple[Any, ...]]:
        with contextlib.closing(sqlite3.connect(path)) as connection, connection:
            if force:
                triggers = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall()
                for (trigger,) in triggers:
                    connection.execute(f"DROP TRIGGER {trigger}")
            return connection.execute(statement, parameters).fetchall()

    return run
