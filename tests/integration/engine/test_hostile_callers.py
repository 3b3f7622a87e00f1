"""Callers who stop waiting, nest one run in another, and use one manager from several loops."""

from __future__ import annotations

import asyncio
import threading

import pytest

from flowsm import FlowManager, FlowStatus


def one(task: str, **policy):
    """A flow of one task."""
    return {"id": "f", "name": "F", "start_task": task, "tasks": [{"name": task, **policy}]}


@pytest.mark.parametrize("turns", range(12))
async def test_who_stops_waiting_leaves_no_execution_without_a_driver(path, tasks, turns) -> None:
    """However early `run` is cancelled: what was recorded is driven to its end, without another word."""
    tasks.register_task("fine", lambda: asyncio.sleep(0, "fine"))
    async with FlowManager(path, tasks=tasks) as manager:
        running = [asyncio.ensure_future(manager.run(one("fine"))) for _ in range(20)]
        for _ in range(turns):
            await asyncio.sleep(0)
        for run in running:
            run.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await manager.run(one("fine"))
        while (counts := (await manager.summary()).status_counts).keys() != {"completed"}:
            assert counts.keys() <= {"created", "running", "completed"}
            await asyncio.sleep(0)
        assert (await manager.verify()).ok


async def test_a_task_may_run_another_flow_of_its_manager(path, tasks) -> None:
    """Who waits inside a task lends its place: with one place only, five levels deep, all come to their end."""
    manager = FlowManager(path, tasks=tasks, concurrency=1)

    async def nested(context):
        if context.input == 0:
            return [context.execution_id]
        inner = await asyncio.gather(*(manager.run(one("nested"), context.input - 1) for _ in range(2)))
        return [context.execution_id, *(run.task_results["nested"].data for run in inner)]

    tasks.register_task("nested", nested)
    async with manager:
        result = await asyncio.wait_for(manager.run(one("nested"), 5), 30)
        assert result.status is FlowStatus.COMPLETED
        assert (await manager.summary()).status_counts == {"completed": 2**6 - 1}


async def test_the_limit_holds_again_after_a_nested_run(path, tasks) -> None:
    """A place that was lent is given back: no more run at once than may."""
    manager = FlowManager(path, tasks=tasks, concurrency=2)
    running, most = 0, 0

    async def counted():
        nonlocal running, most
        running += 1
        most = max(most, running)
        for _ in range(5):
            await asyncio.sleep(0)
        running -= 1

    async def nested():
        await manager.run(one("counted"))

    tasks.register_task("counted", counted)
    tasks.register_task("nested", nested)
    async with manager:
        await asyncio.gather(*(manager.run(one("nested")) for _ in range(10)))
        most = 0
        await asyncio.gather(*(manager.run(one("counted")) for _ in range(20)))
    assert most == 2


@pytest.mark.parametrize("in_thread", [False, True])
async def test_a_task_is_told_that_it_cannot_wait_for_itself(path, tasks, in_thread) -> None:
    """Waiting for the execution that one is part of would never end: it is an error of that task."""
    manager = FlowManager(path, tasks=tasks)

    async def waits(context):
        await manager.execute_flow(context.execution_id)

    def waits_in_thread(context):
        asyncio.run(manager.execute_flow(context.execution_id))

    tasks.register_task("waits", waits_in_thread if in_thread else waits)
    async with manager:
        result = await manager.run(one("waits"))
    assert "cannot wait for that execution's end" in (result.error or "")


async def test_threads_with_loops_of_their_own_share_a_manager(path, tasks) -> None:
    """Each loop has its own drivers: nobody takes over what another thread's loop drives."""
    calls: list[str] = []

    async def slow(context):
        calls.append(context.execution_id)
        for _ in range(20):
            await asyncio.sleep(0)

    tasks.register_task("slow", slow)
    manager = FlowManager(path, tasks=tasks)
    results = []

    async def several() -> None:
        results.extend(await asyncio.gather(*(manager.run(one("slow")) for _ in range(5))))

    threads = [threading.Thread(target=lambda: asyncio.run(several())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        await asyncio.to_thread(thread.join)
    assert [result.status for result in results] == [FlowStatus.COMPLETED] * 20
    assert len(calls) == len(set(calls)) == 20
    assert (await manager.verify()).ok
    await manager.close()
