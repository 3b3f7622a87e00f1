"""A manager with tasks that do whatever their parameters say, and the rows of its file."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from flowsm import FlowManager, TaskContext, TaskFactory, TaskResult, TaskStatus

TABLES = ("executions", "attempts", "statistics")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "flowsm.db"


@pytest.fixture
def registry() -> TaskFactory:
    tasks = TaskFactory()

    @tasks.task("good")
    async def good() -> dict[str, int]:
        return {"number": 1}

    @tasks.task("turns")
    async def turns() -> None:
        """Give way to everything else a few times: an execution that takes a while, without a clock."""
        for _ in range(3):
            await asyncio.sleep(0)

    @tasks.task("bad")
    async def bad() -> None:
        raise ValueError("it is bad")

    @tasks.task("flaky")
    async def flaky(context: TaskContext) -> None:
        if context.attempt < 3:
            raise OSError(f"attempt {context.attempt}")

    @tasks.task("loop")
    async def loop(context: TaskContext) -> TaskResult:
        again = context.visit < 4
        return TaskResult(status=TaskStatus.SUCCESS, outcome="again" if again else None, data={"visit": context.visit})

    @tasks.task("hang")
    async def hang() -> None:
        await asyncio.Event().wait()

    @tasks.task("large")
    async def large() -> str:
        return "x" * 100_000

    return tasks


@pytest.fixture
def flows() -> dict[str, dict[str, Any]]:
    retry = {"max_attempts": 3, "initial_interval": 0.001, "jitter": 0}
    return {
        "plain": _flow("plain", ["good", "turns", "good"]),
        "failing": _flow("failing", ["good", "bad"]),
        "retrying": _flow("retrying", ["flaky", "good"], retry=retry),
        "exhausted": _flow("exhausted", ["bad"], retry=retry),
        "looping": _flow("looping", ["loop"])
        | {"conditions": [{"source_task": "t0", "outcome": "again", "target_task_success": "t0"}]},
        "skipping": _flow("skipping", ["good", "good", "good"], skip_when=[{"path": "/input", "op": "empty"}]),
        "hanging": _flow("hanging", ["hang"], timeout=0.01),
        "large": _flow("large", ["large", "good"]),
    }


def _flow(name: str, types: list[str], **last: Any) -> dict[str, Any]:
    """Tasks in a row; what is given beside applies to the first task, and a skip to the second."""
    tasks: list[dict[str, Any]] = [{"name": f"t{number}", "task_type": kind} for number, kind in enumerate(types)]
    tasks["skip_when" in last] |= last
    conditions = [
        {"source_task": f"t{number}", "target_task_success": f"t{number + 1}"} for number in range(len(types) - 1)
    ]
    if "skip_when" in last:
        conditions.append({"source_task": "t1", "outcome": "skipped", "target_task_success": "t2"})
    return {"id": name, "name": f"The {name}", "start_task": "t0", "tasks": tasks, "conditions": conditions}


@pytest.fixture
async def manager(path: Path, registry: TaskFactory) -> AsyncIterator[FlowManager]:
    async with FlowManager(path, tasks=registry, durability="normal") as opened:
        yield opened


@pytest.fixture
def rows(path: Path) -> Callable[[], dict[str, list[tuple[Any, ...]]]]:
    """All rows of the projections in use, as a reader of the file sees them, in the order of their keys."""

    def read() -> dict[str, list[tuple[Any, ...]]]:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute("BEGIN")
            return {table: sorted(connection.execute(f"SELECT * FROM {table}"), key=repr) for table in TABLES}

    return read


@pytest.fixture
def sql(path: Path) -> Callable[..., list[tuple[Any, ...]]]:
    """Run statements as a foreign connection, with the log's triggers out of the way."""

    def run(*statements: str, parameters: Iterable[Any] = ()) -> list[tuple[Any, ...]]:
        with contextlib.closing(sqlite3.connect(path)) as connection, connection:
            for (trigger,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
                connection.execute(f"DROP TRIGGER {trigger}")
            found: list[tuple[Any, ...]] = []
            for statement in statements:
                found = connection.execute(statement, tuple(parameters)).fetchall()
            return found

    return run
