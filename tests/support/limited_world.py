"""What tests of limits share: tasks that run until they are let go, and managers on one file."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from children import until

from flowsm import FlowManager, Limits, TaskFactory
from flowsm.testing.clock import ManualClock

__all__ = ["World", "flow", "held"]


class World:
    """A registry whose `gated` tasks run until they are let go, one by one; managers on one file."""

    def __init__(self, path: Path, clock: ManualClock) -> None:
        self.path, self.clock = path, clock
        self.tasks = TaskFactory()
        self.inside: dict[str, asyncio.Future[Any]] = {}
        self.order: list[str] = []
        self.stack = AsyncExitStack()
        self.tasks.register_task("gated", self.gated)
        self.tasks.register_task("free", lambda: "free")
        self.tasks.register_task("booked", self.booked)

    async def gated(self, context: Any) -> Any:
        self.order.append(context.execution_id)
        gate = self.inside[context.execution_id] = asyncio.get_running_loop().create_future()
        try:
            return await gate
        finally:
            del self.inside[context.execution_id]

    async def booked(self, context: Any) -> Any:
        self.order.append(context.execution_id)
        return await context.transaction(lambda _: "booked")

    async def manager(self, limits: Limits | None, **options: Any) -> FlowManager:
        options = {"tasks": self.tasks, "clock": self.clock, "durability": "normal"} | options
        return await self.stack.enter_async_context(FlowManager(self.path, limits=limits, **options))

    def let_go(self, execution_id: str, result: Any = None) -> None:
        self.inside[execution_id].set_result(result)

    async def are_inside(self, *names: str) -> None:
        async def so() -> bool:
            return set(self.inside) == set(names)

        await until(so)


def flow(*types: str, flow_id: str = "f", **more: Any) -> dict[str, Any]:
    names = [f"{task_type} {number}" for number, task_type in enumerate(types, 1)]
    return {
        "id": flow_id,
        "name": flow_id,
        "start_task": names[0],
        "tasks": [{"name": name, "task_type": kind} for name, kind in zip(names, types, strict=True)],
        "conditions": [{"source_task": one, "target_task_success": two} for one, two in itertools.pairwise(names)],
        **more,
    }


async def held(manager: FlowManager, *names: str) -> list[str]:
    return [hold.words for hold in await manager.holds(names)]
