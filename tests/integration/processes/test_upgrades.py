"""Executions that another process drives are upgraded; and whoever upgrades them is killed."""

from __future__ import annotations

import asyncio
import random
import signal
import sqlite3
from pathlib import Path

import pytest
from children import TASKS, spawn, until

from flowsm import FlowManager
from flowsm.tasks.factory import TaskFactory

pytestmark = pytest.mark.no_cover  # it is about other processes
KILLS = 8
WORK = """
async def main():
    async with FlowManager(path, tasks=tasks, durability="normal", lease_seconds=0.5) as manager:
        handle = await manager.start(flow(sys.argv[3]), execution_id="x")
        await handle
asyncio.run(main())
"""
UPGRADE = """
async def main():
    async with FlowManager(path, tasks=tasks, durability="normal", lease_seconds=0.5) as manager:
        print("ready", flush=True)
        versions = [flow("held", *["quick"] * n) for n in (1, 2, 3)]
        while True:
            for version in versions:
                await manager.upgrade_in_bulk(version, execution_ids=[f"x{n}" for n in range(10)])
asyncio.run(main())
"""


class Here:
    """A manager in this process with the children's tasks, and what these note."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path, self.notes = folder / "flow.db", folder / "notes"
        self.notes.mkdir()
        monkeypatch.setattr("sys.argv", ["test", str(self.path), str(self.notes)])
        self.names: dict[str, object] = {}
        exec(TASKS, self.names)

    def manager(self, **options: bool) -> FlowManager:
        registry = self.names["tasks"]
        assert isinstance(registry, TaskFactory)
        return FlowManager(self.path, tasks=registry, durability="normal", lease_seconds=0.5, **options)

    def flow(self, *names: str) -> dict:
        make = self.names["flow"]
        assert callable(make)
        return make(*names)

    def noted(self) -> list[list[str]]:
        file = self.notes / "notes"
        return [line.split() for line in file.read_text().splitlines()] if file.exists() else []

    async def has_noted(self, count: int) -> None:
        async def enough() -> bool:
            return len(self.noted()) >= count

        await until(enough)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Here:
    return Here(tmp_path, monkeypatch)


async def test_another_process_goes_on_with_the_new_version(here: Here) -> None:
    """It is upgraded while a child runs its task: the child records that result, and takes the new way itself."""
    child = spawn(WORK, here.path, here.notes, "held")
    await here.has_noted(1)
    async with here.manager() as manager:
        assert (await manager.upgrade("x", here.flow("held", "quick"))).status == "running"
        (here.notes / "open").touch()
        child.communicate(timeout=30)
        assert child.returncode == 0
        assert (await manager.get_flow_status("x")).path == ["held-0", "quick-1"]
        assert (await manager.verify()).ok
    assert [(word, int(pid)) for word, _, pid in here.noted()] == [("held", child.pid), ("quick", child.pid)]


async def test_whoever_takes_over_has_the_new_version(here: Here) -> None:
    """The owner is killed after the upgrade: another one runs the attempt again, and takes the new way."""
    child = spawn(WORK, here.path, here.notes, "gate")
    await here.has_noted(1)
    async with here.manager() as manager:
        await manager.upgrade("x", here.flow("gate", "quick"))
    child.send_signal(signal.SIGKILL)
    child.communicate()
    (here.notes / "open").touch()
    async with here.manager(recover=True) as manager:
        assert (await manager.finish("x")).path == ["gate-0", "quick-1"]
        assert (await manager.verify()).ok
    assert [word for word, _, _ in here.noted()] == ["gate", "gate", "quick"]


async def test_whoever_upgrades_is_killed(here: Here) -> None:
    """SIGKILL at any moment leaves whole upgrades with their definitions, and executions that go on."""
    async with here.manager() as manager:
        for number in range(10):
            manager.create_flow_execution(here.flow("held"), execution_id=f"x{number}")
    rng = random.Random(4)
    for _ in range(KILLS):
        child = spawn(UPGRADE, here.path, here.notes)
        assert child.stdout is not None
        assert await asyncio.to_thread(child.stdout.readline) == "ready\n"
        count = upgrades_in(here.path) + rng.randint(1, 40)

        async def enough(count: int = count) -> bool:
            return upgrades_in(here.path) >= count

        await until(enough)
        child.send_signal(signal.SIGKILL)
        child.communicate()
    (here.notes / "open").touch()
    async with here.manager() as manager:
        report = await manager.verify()
        assert report.ok, report.problems
        for number in range(10):
            ended = await manager.execute_flow(f"x{number}")
            assert ended.status == "completed"
            assert ended.upgrades >= KILLS // 2
            assert len(ended.path) in {2, 3, 4}
        assert (await manager.rebuild()).ok
        assert (await manager.verify()).ok


def upgrades_in(path: Path) -> int:
    with sqlite3.connect(path, timeout=10) as connection:
        found: int = connection.execute("SELECT count(*) FROM events WHERE type = 'execution.upgraded'").fetchone()[0]
    connection.close()
    return found
