"""The process dies at every append around an upgrade, on either side of the commit: it has happened whole, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from crash_points import CrashPoint, Lives, Mortal, points, tables
from fast_folder import fast_folder
from random_flows import HurriedClock
from small_flows import flow_of, task_of, tasks_that_say

from flowsm import FlowManager, TaskFactory
from flowsm.errors import ExecutionNotFound

pytestmark = pytest.mark.no_cover  # it would take three times as long
OLD = flow_of(task_of("a"), task_of("w", "wait_for_signal"), to=(("a", "success", "w"),))
NEW = flow_of(
    task_of("a"),
    task_of("w", "wait_for_signal"),
    task_of("b"),
    task_of("c"),
    to=(("a", "success", "w"), ("w", "success", "b"), ("b", "success", "c")),
)


@dataclass
class Say:
    """What `Lives` wants of a script: the registry."""

    tasks: TaskFactory


@pytest.fixture
def folder() -> Iterator[Path]:
    with fast_folder() as folder:
        yield folder


async def go_through(manager: FlowManager, name: str) -> None:
    """Everything from the start to the end, of which a dead life may have done any part."""
    try:
        await manager.get_flow_status(name)
    except ExecutionNotFound:
        await manager.start(OLD, execution_id=name)
    while (await manager.get_flow_status(name)).status not in {"waiting", "completed"}:
        manager._bound().kick(name)
        await asyncio.sleep(0)
    found = await manager.get_flow_status(name)
    if found.status == "waiting":
        await manager.upgrade(name, NEW, actor="ann")
        await manager.signal(name, "w", idempotency_key="once")
    ended = await manager.finish(name)
    assert (ended.status, ended.path, ended.upgrades) == ("completed", ["a", "w", "b", "c"], 1)


class Trial:
    """One execution for each crash point, brought to its end by the life after it."""

    def __init__(self) -> None:
        self.points = points()
        self.point: CrashPoint | None = None
        self.expected: list[str] | None = None

    async def life(self, manager: FlowManager, mortal: Mortal) -> None:
        if self.point is not None:
            await self.end(manager, mortal, f"{self.point.append}-{self.point.side}")
        self.point = next(self.points) if self.expected is not None else CrashPoint(0, "before")
        mortal.dies_at(self.point)
        await self.end(manager, mortal, f"{self.point.append}-{self.point.side}")

    async def end(self, manager: FlowManager, mortal: Mortal, name: str) -> None:
        await go_through(manager, name)
        await mortal.alive()
        mortal.dies_at(None)
        types = [event.type for event in await manager.events(name) if event.type != "task.interrupted"]
        plain = [kind for number, kind in enumerate(types) if kind != "task.started" or types[number - 1] != kind]
        self.expected = self.expected or plain
        assert plain == self.expected
        rows = await tables(manager)
        assert (await manager.verify()).ok
        assert (await manager.rebuild()).ok
        assert await tables(manager) == rows


def test_it_is_upgraded_whole_or_not_at_all(folder: Path) -> None:
    """Whichever append the process dies at, the next one finds a whole log, upgrades it once, and goes the new way."""
    script: Any = Say(tasks_that_say())
    trial, lives = Trial(), Lives(folder, script, HurriedClock())
    for _ in range(60):
        if lives.live(trial.life):
            if trial.point != CrashPoint(0, "before"):
                break
            assert trial.expected is not None
    assert lives.count >= 10, "each of its appends was died at, on both sides"
