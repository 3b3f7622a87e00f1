"""What the tests of following share: a flow, and what is told."""

from __future__ import annotations

import asyncio
from typing import Any

from flowsm import FlowManager, TaskFactory
from flowsm.events.envelope import Recorded
from flowsm.runtime.following import Following

__all__ = ["FLOW", "TASKS", "everything", "taken"]

DEADLINE_SECONDS = 40
TASKS = TaskFactory()
TASKS.register_task("work", lambda: "done")
FLOW: dict[str, Any] = {"id": "work", "name": "Work", "start_task": "work", "tasks": [{"name": "work"}]}


async def taken(following: Following, count: int, *, done: bool = True) -> list[Recorded]:
    """The next events; the last of them counts as done, or does not."""
    found: list[Recorded] = []
    async with asyncio.timeout(DEADLINE_SECONDS):
        async for event in following:
            found.append(event)
            if len(found) == count:
                if done:
                    await following.done()
                break
    return found


async def everything(manager: FlowManager) -> list[Recorded]:
    """The events of all executions, in the order of the log."""
    events: list[Recorded] = []
    for item in (await manager.executions(limit=1000)).items:
        events += await manager.events(item.execution_id)
    return sorted(events, key=lambda event: event.position)
