"""Rehearsing on a file that may only be read, with a registry that lets nobody have any code."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from read_only import look_without_writing, shared_folder
from small_flows import ForbiddenRegistry, flow_of, task_of, tasks_that_say, until

from flowsm import FlowManager
from flowsm.errors import LogUnavailable
from flowsm.replay.testgen import generate_test

FLOW = flow_of(task_of("a"), task_of("w", "wait_for_signal"), to=(("a", "success", "w"),))
CHANGED = flow_of(task_of("a"), task_of("b"), to=(("a", "success", "b"),))


async def look(path: str) -> None:
    """Ask everything of the log that rehearses; and show that nothing could have been written."""
    async with FlowManager(path, tasks=ForbiddenRegistry()) as manager:
        report = await manager.whatif(CHANGED)
        assert (report.histories, report.changed, report.in_flight) == (2, 1, 2)
        assert (await manager.whatif(FLOW)).same == 2
        (upgrade,) = await manager.rehearse_upgrade(["x1"], FLOW)
        assert upgrade.safe
        (count,) = await manager.coverage()
        assert count.report().executions == 2
        assert count.diagram()
        await look_back(manager)
        try:
            await manager.cancel("x1")
        except LogUnavailable:
            print("fine")


async def look_back(manager: FlowManager) -> None:
    """Ask for states, differences and reasons, write what is recorded to a file elsewhere, and plan a fork."""
    history = await manager.replay("x1")
    assert (await manager.state_at("x1", history.last)).status == "waiting"
    assert await manager.timeline("x1")
    assert await manager.diff("x1", 1, history.last)
    assert (await manager.compare("x1", "x2")).parting is not None
    assert "'w'" in (await manager.explain("x1")).waits_for[0]
    assert "def test_" in generate_test(history).source
    assert (await manager.plan_fork("x1", history.last)).task == "w"
    assert [one.stream for one in await manager.forks("x1")] == ["x1"]
    assert (await manager.verify()).ok
    with tempfile.TemporaryDirectory() as elsewhere:
        report = await manager.export("x1", Path(elsewhere, "x1.flowrun"))
        assert report.events == history.last
        async with FlowManager(":memory:", tasks=ForbiddenRegistry()) as reader:
            await reader.open_file(report.path)
            assert (await reader.state_at("x1", history.last)).status == "waiting"


def test_nothing_runs_and_nothing_is_written() -> None:
    """Looking back, rehearsing, export and the plan of a fork need neither the right to write nor any code of a task."""
    with shared_folder() as folder:
        path = folder / "flowsm.db"

        async def prepare() -> None:
            async with FlowManager(path, tasks=tasks_that_say()) as manager:
                handle = await manager.start(FLOW, execution_id="x1")
                await until(manager, "x1", "waiting")
                await manager.start(FLOW, execution_id="x2", paused=True)
                assert handle.execution_id == "x1"

        asyncio.run(prepare())
        assert look_without_writing(Path(__file__), path) == "fine\n"
