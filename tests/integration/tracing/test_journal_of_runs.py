"""Whatever is recorded by a manager is logged by it, once, with its seq; whoever records it."""

from __future__ import annotations

import logging

import pytest

from flowsm import FlowManager, Limits
from flowsm.testing.clock import ManualClock

CHILD = {"id": "c", "name": "Child", "start_task": "plain", "tasks": [{"name": "plain"}]}
FLOW = {
    "id": "f",
    "name": "F",
    "start_task": "flaky",
    "tasks": [
        {"name": "flaky", "retry": {"max_attempts": 2, "initial_interval": 0}},
        {"name": "books"},
        {"name": "sub", "task_type": "subflow", "parameters": {"flow": CHILD}},
        {"name": "told", "task_type": "wait_for_signal", "parameters": {"name": "go"}},
        {"name": "last", "task_type": "plain"},
    ],
    "conditions": [
        {"source_task": "flaky", "target_task_success": "books"},
        {"source_task": "books", "target_task_success": "sub"},
        {"source_task": "sub", "target_task_success": "told"},
        {"source_task": "told", "target_task_success": "last"},
    ],
}
UNTOLD = {"task.started", "transition.taken"}


@pytest.fixture
def flows(tasks):
    @tasks.task("flaky")
    async def flaky(context):
        if context.attempt == 1:
            raise ConnectionError

    @tasks.task("books")
    async def books(context):
        return await context.transaction(lambda connection: connection.execute("SELECT 1").fetchone()[0])

    @tasks.task("plain")
    async def plain():
        return 1


@pytest.mark.parametrize("limits", [None, Limits(task_types={"plain": 1}, flows={"f": 1})])
async def test_what_is_recorded_is_logged(tmp_path, tasks, flows, caplog, limits):
    """A run with a retry, a transaction, a sub-flow, operators' verbs, a fork and an upgrade: each event, once."""
    caplog.set_level(logging.INFO, "flowsm.execution")
    async with FlowManager(tmp_path / "flowsm.db", tasks=tasks, clock=ManualClock(), limits=limits) as manager:
        manager.create_flow_execution(FLOW, execution_id="a")
        await manager.pause("a", reason="a look")
        await manager.resume("a")
        await manager.signal("a", "go")
        assert (await manager.finish("a")).status == "completed"
        await manager.remove_flow("a")
        handles = [await manager.start(CHILD, execution_id=f"b{n}") for n in range(3)]
        assert [(await handle).status for handle in handles] == ["completed"] * 3
        await manager.fork("a", 6, fork_id="fork", paused=True)
        version = FLOW | {"version": "2"}
        assert (await manager.upgrade("fork", version)).upgrades == 1
        await manager.cancel("fork", reason="enough")
        recorded = []
        for name in ("a", "a:sub:1", "b0", "b1", "b2", "fork"):
            recorded += [(name, event.seq, event.type) for event in await manager.events(name) if event.stream == name]
    told = [(record.execution_id, record.seq, record.event) for record in caplog.records]
    assert sorted(told) == sorted(one for one in recorded if one[2] not in UNTOLD)


async def test_what_another_process_would_take_up_is_logged_by_who_does(tmp_path, tasks, flows, caplog):
    """What a manager takes up, and what it gives back when it is closed, is logged as well."""
    caplog.set_level(logging.INFO, "flowsm.execution")
    async with FlowManager(tmp_path / "flowsm.db", tasks=tasks) as manager:
        await manager.create(CHILD, execution_id="a")
    caplog.clear()
    async with FlowManager(tmp_path / "flowsm.db", tasks=tasks) as manager:
        await manager.finish("a")
    assert [record.event for record in caplog.records] == [
        "execution.started",
        "task.completed",
        "execution.completed",
    ]
