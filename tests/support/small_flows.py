"""Small flows in a line or two, and tasks that come to what their parameters say."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

from flowsm import FlowManager, TaskContext, TaskFactory, TaskResult, TaskStatus
from flowsm.errors import FlowsmError
from flowsm.runtime.execution import FlowExecution

__all__ = ["ForbiddenRegistry", "flow_of", "orders_of", "task_of", "tasks_that_say", "until"]

Document = dict[str, Any]


def flow_of(*tasks: Document, to: tuple[tuple[Any, ...], ...] = (), **fields: Any) -> Document:
    """A flow of these tasks; `to` are conditions: source, outcome, target, and a `when` if there is a fourth."""
    conditions = [
        {
            "name": f"c{number}",
            "source_task": source,
            "outcome": outcome,
            "target_task_success": target,
            "when": list(when),
        }
        for number, (source, outcome, target, *when) in enumerate(to)
    ]
    return {"id": "f", "name": "F", "start_task": tasks[0]["name"], "tasks": list(tasks)} | (
        {"conditions": conditions} | fields
    )


def task_of(name: str, task_type: str = "say", **fields: Any) -> Document:
    """A task; `parameters` are among the fields."""
    return {"name": name, "task_type": task_type} | fields


def tasks_that_say() -> TaskFactory:
    """`say` gives its parameter `data` with the outcome `word`; `fail` fails `times` times a visit; `hang` never ends."""
    tasks = TaskFactory()

    @tasks.task("say")
    async def say(context: TaskContext, data: Any = None, word: str = "success") -> TaskResult:
        return TaskResult(status=TaskStatus.SUCCESS, data=data, outcome=word)

    @tasks.task("fail")
    async def fail(context: TaskContext, times: int = 1_000) -> TaskResult:
        if context.attempt <= times:
            raise OSError("not now")
        return TaskResult(status=TaskStatus.SUCCESS)

    @tasks.task("hang")
    async def hang(context: TaskContext) -> None:
        await asyncio.get_running_loop().create_future()

    return tasks


class ForbiddenRegistry(TaskFactory):
    """A registry that lets nobody have any code."""

    def load_entry_points(self) -> None:
        """Nothing is looked for."""

    def _find(self, task_type: str) -> Any:
        raise AssertionError(f"somebody asks for the code of {task_type!r}")

    def types(self) -> list[str]:
        """Nobody should ask."""
        raise AssertionError("somebody asks which code there is")


async def until(manager: FlowManager, execution_id: str, status: str) -> FlowExecution:
    """The execution, once it has this status."""
    while (found := await manager.get_flow_status(execution_id)).status != status:
        if found.ended_at is not None:
            raise FlowsmError(f"it ended: {found.status}")
        await asyncio.sleep(0)
    return found


def orders_of(*names: str, **fields: Document) -> Document:
    """The flow `Orders` of these tasks, one after the other; each names a task type, `fields` are the others of a task."""
    return {
        "id": "f",
        "name": "Orders",
        "start_task": names[0],
        "tasks": [{"name": name, **fields.get(name, {})} for name in names],
        "conditions": [{"source_task": name, "target_task_success": target} for name, target in pairwise(names)],
    }
