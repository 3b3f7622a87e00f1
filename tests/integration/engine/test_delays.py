"""Whatever comes late, a commit, a look at the file, a heartbeat: nothing runs without need, and every answer is true.

`FLOWSM_DELAYS` says how many seeds are tried; .ci/long tries more.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from contextlib import AsyncExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from small_flows import flow_of, task_of

from flowsm import FlowManager, Limits
from flowsm.errors import ExecutionNotFound, IllegalCommand
from flowsm.events.facts import TaskInterrupted, TaskStarted
from flowsm.runtime import watch
from flowsm.tasks.factory import TaskFactory

SEEDS = range(int(os.environ.get("FLOWSM_DELAYS", "2")))
EXECUTIONS = 40
TURNS = 150
_AGAIN = {"initial_interval": 0.01, "max_attempts": 20}


def chain(name: str, *tasks: dict[str, Any]) -> dict[str, Any]:
    steps = pairwise(task["name"] for task in tasks)
    return flow_of(*tasks, to=tuple((one, "success", two) for one, two in steps), id=name, name=name)


def task(name: str, task_type: str = "work", **parameters: Any) -> dict[str, Any]:
    again = {"retry": _AGAIN} if task_type == "work" else {}
    return task_of(name, task_type, parameters=parameters, **again)


CHILD = chain("child", task("a"), task("pause", "wait", seconds=0.02))
FLOW = chain(
    "flow", task("a"), task("pause", "wait", seconds=0.02), task("child", "subflow", flow=CHILD),
    task("answer", "wait_for_signal"), task("b"), task("c"),
)  # fmt: skip


class Delays:
    """A few turns of the loop, as chance has it, before and after what is to be late."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    async def turns(self, most: int = TURNS) -> None:
        """Let others go first."""
        for _ in range(self.random.randrange(most) if self.random.random() < 0.4 else 0):
            await asyncio.sleep(0)

    def make_late(self, thing: Any, name: str) -> None:
        """Delay what a thing is asked for, and its answer."""
        real = getattr(thing, name)

        async def late(*args: Any, **options: Any) -> Any:
            await self.turns()
            try:
                return await real(*args, **options)
            finally:
                await self.turns()

        setattr(thing, name, late)

    def slow_down(self, manager: FlowManager) -> None:
        """Delay all that the manager asks of its file."""
        watching = manager._bound()._watch
        for thing, name in (
            (manager._log, "append"), (manager._loader, "load"), (manager._loader, "machine"),
            (watching._agenda, "_query"), (watching.lease, "hold"),
        ):  # fmt: skip
            self.make_late(thing, name)


class Crowd:
    """People who start an execution, and ask things of it, through any manager and in any order."""

    def __init__(self, managers: list[FlowManager], delays: Delays) -> None:
        self._managers, self._delays, self._random = managers, delays, delays.random

    async def ask(self, verb: str, name: str, *args: Any, **options: Any) -> Any:
        """Ask some manager; that it is not possible, or that there is no such execution yet, are answers."""
        await self._delays.turns(10 * TURNS)
        try:
            return await getattr(self._random.choice(self._managers), verb)(name, *args, **options)
        except (IllegalCommand, ExecutionNotFound) as refused:
            return refused

    async def live_through(self, name: str) -> None:
        """Start an execution, disturb it, and see it end."""
        early = asyncio.ensure_future(self.ask("finish", name))
        starting = self._random.choice(self._managers).start(FLOW, execution_id=name)
        disturbing = [self.ask("signal", name, "answer"), self.ask("begin", name)]
        if self._random.random() < 0.5:
            disturbing.append(self.ask("pause", name, now=self._random.random() < 0.5))
        if self._random.random() < 0.2:
            disturbing.append(self.ask("cancel", name))
        handle, *_ = await asyncio.gather(starting, *disturbing)
        await self.ask("resume", name)
        await self.ask("signal", name, "answer")
        await early
        ended = await asyncio.gather(handle.result(), self.ask("finish", name))
        assert [one.ended_at is not None for one in ended] == [True, True]
        await self.ask("finish", f"{name}:child:1")


@pytest.mark.many
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("count", "limits"), [(1, None), (2, None), (2, Limits(flows={"flow": 9}, task_types={"work": 5}))]
)
async def test_delays(
    path: Path, monkeypatch: pytest.MonkeyPatch, count: int, limits: Limits | None, seed: int
) -> None:
    """Every execution ends, no attempt runs more often than the log has it, and none is taken for lost."""
    monkeypatch.setattr(watch, "WATCH_SECONDS", 0.002)
    monkeypatch.setattr(watch, "RECONCILE_SECONDS", 0.002)
    delays, ran, tasks = Delays(seed), Counter[tuple[str, str, int, int]](), TaskFactory()

    async def work(context: Any) -> None:
        ran[context["execution_id"], context["task_name"], context.visit, context.attempt] += 1
        await delays.turns()
        if delays.random.random() < 0.3:
            raise ValueError("not yet")

    tasks.register_task("work", work)
    async with AsyncExitStack() as stack:
        options: dict[str, Any] = {"tasks": tasks, "durability": "normal", "recover": True, "limits": limits}
        managers = [await stack.enter_async_context(FlowManager(path, **options)) for _ in range(count)]
        for manager in managers:
            delays.slow_down(manager)
        crowd = Crowd(managers, delays)
        async with asyncio.timeout(60):
            await asyncio.gather(*(crowd.live_through(f"x{number}") for number in range(EXECUTIONS)))
        assert (await managers[0].verify()).ok
        started, reasons = await recorded(managers[0])
    assert ran <= started
    assert not [reason for reason in reasons if "paused" not in reason and "cancelled" not in reason]


async def recorded(manager: FlowManager) -> tuple[Counter[tuple[str, str, int, int]], Counter[str]]:
    """How often each attempt was started, and why some were interrupted."""
    started, reasons = Counter[tuple[str, str, int, int]](), Counter[str]()
    for row in (await manager.executions(limit=10 * EXECUTIONS)).items:
        assert row.ended_at is not None, row
        for one in await manager.events(row.execution_id):
            if isinstance(one.fact, TaskStarted):
                started[row.execution_id, one.fact.task, one.fact.visit, one.fact.attempt] += 1
            elif isinstance(one.fact, TaskInterrupted):
                reasons[one.fact.reason] += 1
    return started, reasons
