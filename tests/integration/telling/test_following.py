"""Following: named subscriptions, in order, at least once, across restarts and managers."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from flowsm import FlowManager, TaskFactory
from flowsm.errors import SubscriptionHeld, SubscriptionNotFound, UsageError


def tasks() -> TaskFactory:
    registry = TaskFactory()

    async def work(context):
        return context.input

    async def fail(context):
        raise ValueError("no")

    registry.register_task("work", work)
    registry.register_task("fail", fail)
    return registry


def flow(task: str = "work") -> dict:
    return {"id": task, "name": task, "start_task": task, "tasks": [{"name": task}]}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "flowsm.db"


def opened(path: Path, **options) -> FlowManager:
    return FlowManager(path, tasks=tasks(), durability="normal", **options)


async def taken(following, count: int, *, done: bool = True) -> list:
    found = []
    async for event in following:
        found.append(event)
        if len(found) == count:
            if done:
                await following.done()
            break
    return found


async def everything(manager: FlowManager) -> list:
    events = []
    for item in (await manager.executions()).items:
        events += await manager.events(item.execution_id)
    return sorted(events, key=lambda event: event.position)


async def test_it_is_told_in_order_from_the_beginning(path) -> None:
    """From position 0 every event of the log is told, in its order, as `events` gives it."""
    async with opened(path) as manager:
        await asyncio.gather(*(manager.run(flow(), {"n": n}) for n in range(30)))
        told = await everything(manager)
        assert await taken(manager.follow("all", after=0), len(told)) == told


async def test_a_stored_place_wins(path) -> None:
    """The next manager goes on after what was done, whatever `after` says; what was not done is told again."""
    async with opened(path) as manager:
        await manager.run(flow())
        first = await taken(manager.follow("a", after=0), 2, done=False)
    async with opened(path) as manager:
        second = await taken(manager.follow("a", after="now"), 2)
        assert second[0] == first[1]
    async with opened(path) as manager:
        third = await taken(manager.follow("a", after=0), 1)
        assert third[0].position == second[1].position + 1
