"""Limits over several processes on one file."""

from __future__ import annotations

import itertools
import signal
from pathlib import Path

from children import spawn, until

from flowsm import FlowManager, Limits, TaskFactory

TASK = """
from flowsm import Limits

async def counted(context):
    note(context, "enter")
    await asyncio.sleep(0.03)
    note(context, "leave")

async def stuck(context):
    note(context, "enter")
    await asyncio.Event().wait()

tasks.register_task("counted", counted)
tasks.register_task("stuck", stuck)
"""
WORK = (
    TASK
    + """
async def main():
    limits = Limits(**{sys.argv[3]: {sys.argv[4]: int(sys.argv[5])}})
    async with FlowManager(path, tasks=tasks, durability="normal", lease_seconds=5, limits=limits) as manager:
        await manager.work()
asyncio.run(main())
"""
)
RUN = (
    TASK
    + """
async def main():
    limits = Limits(task_types={"stuck": 1})
    async with FlowManager(path, tasks=tasks, durability="normal", lease_seconds=0.5, limits=limits) as manager:
        await (await manager.start(flow("stuck"), execution_id="first"))
asyncio.run(main())
"""
)


def flow(*names: str) -> dict:
    return {
        "id": "f",
        "name": "F",
        "start_task": names[0],
        "tasks": [{"name": name, "task_type": name.partition("-")[0]} for name in names],
        "conditions": [
            {"source_task": one, "target_task_success": next_one} for one, next_one in itertools.pairwise(names)
        ],
    }


def registry() -> TaskFactory:
    tasks = TaskFactory()
    for name in ("counted", "stuck", "free"):
        tasks.register_task(name, lambda: 1)
    return tasks


def noted(folder: Path) -> list[str]:
    file = folder / "notes"
    return [line.split()[0] for line in file.read_text().splitlines()] if file.exists() else []


def most_inside(words: list[str]) -> int:
    inside = most = 0
    for word in words:
        inside += 1 if word == "enter" else -1
        most = max(most, inside)
    return most


async def ended(manager: FlowManager, count: int) -> None:
    async def all_of_them() -> bool:
        return (await manager.summary()).status_counts == {"completed": count}

    await until(all_of_them)


async def four_at_work(tmp_path: Path, field: str, name: str) -> list[str]:
    """Forty tasks in twenty executions of one flow, driven by four processes with a limit of two; the notes of it."""
    path = tmp_path / "flow.db"
    async with FlowManager(path, tasks=registry(), durability="normal") as manager:
        for n in range(20):
            await manager.start(flow("counted-1", "counted-2"), execution_id=f"x{n}", paused=True)
    async with FlowManager(path, tasks=registry(), durability="normal") as manager:
        children = [spawn(WORK, path, tmp_path, field, name, "2") for _ in range(4)]
        try:
            for n in range(20):
                await manager.resume(f"x{n}")
            await ended(manager, 20)
            assert (await manager.verify()).ok
        finally:
            for child in children:
                child.kill()
                child.communicate()
    return noted(tmp_path)


async def test_four_processes_keep_to_the_limit_of_a_task_type(tmp_path: Path) -> None:
    """Of a type with two places, never more than two tasks run at once, whatever process runs them; all come to an end."""
    words = await four_at_work(tmp_path, "task_types", "counted")
    assert len(words) == 80
    assert most_inside(words) == 2


async def test_four_processes_keep_to_the_limit_of_a_flow(tmp_path: Path) -> None:
    """Of a flow with two places, never more than two executions are advanced at once over all processes."""
    words = await four_at_work(tmp_path, "flows", "f")
    assert len(words) == 80
    assert most_inside(words) == 2


async def test_the_place_of_a_killed_process_is_free(tmp_path: Path) -> None:
    """SIGKILL of the process that holds the only place: whoever was held back gets it, and so does what was cut off."""
    path = tmp_path / "flow.db"
    child = spawn(RUN, path, tmp_path)

    async def is_inside() -> bool:
        return noted(tmp_path) == ["enter"]

    await until(is_inside)
    limits = Limits(task_types={"stuck": 1})
    async with FlowManager(path, tasks=registry(), lease_seconds=0.5, limits=limits, recover=True) as manager:
        await manager.start(flow("stuck"), execution_id="second")
        (hold,) = await manager.holds(["first", "second"])
        assert (hold.execution_id, hold.words) == ("second", "held by the limit of task type 'stuck': 1 of 1")
        child.send_signal(signal.SIGKILL)
        child.communicate()
        await ended(manager, 2)
        assert await manager.holds(["first", "second"]) == []


async def test_a_place_that_another_process_frees_is_seen(tmp_path: Path) -> None:
    """A manager that looks for no work still goes on with its own execution when another process's ends."""
    path = tmp_path / "flow.db"
    child = spawn(RUN, path, tmp_path)

    async def is_inside() -> bool:
        return noted(tmp_path) == ["enter"]

    await until(is_inside)
    limits = Limits(task_types={"stuck": 1})
    async with FlowManager(path, tasks=registry(), lease_seconds=0.5, limits=limits) as manager:
        handle = await manager.start(flow("stuck"), execution_id="second")
        await manager.cancel("first")
        assert (await handle).status == "completed"
        assert (await manager.get_flow_status("first")).status == "cancelled"
    child.kill()
    child.communicate()
