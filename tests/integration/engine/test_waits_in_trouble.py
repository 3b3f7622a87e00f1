"""Waits and sub-flows in trouble: what a result makes impossible, an id that is taken, code that is elsewhere."""

from __future__ import annotations

from typing import Any

import pytest
from children import until

from flowsm import FlowManager
from flowsm.errors import LogUnavailable
from flowsm.log.port import Append, Appended
from flowsm.tasks.factory import TaskFactory


@pytest.mark.parametrize(
    ("task_type", "name", "given"),
    [("wait", "until", "9999-12-31T23:59:59-12:00"), ("wait_for_signal", "schema", {"type": "nonsense"})],
)
async def test_a_wait_that_a_result_makes_impossible_fails(path, task_type, name, given) -> None:
    """What cannot be used as the parameter of a wait is that task's failure: the task before it is not run again."""
    calls = []
    tasks = TaskFactory()

    @tasks.task("charge")
    def charge() -> Any:
        calls.append("charge")
        return given

    wait = {"name": "later", "task_type": task_type, "parameters": {name: {"$from": "/results/charge/data"}}}
    flow = {
        "id": "f",
        "name": "F",
        "start_task": "charge",
        "tasks": [{"name": "charge"}, wait],
        "conditions": [{"source_task": "charge", "target_task_success": "later"}],
    }
    async with FlowManager(path, tasks=tasks) as manager:
        failed = await manager.run(flow)
        assert (failed.status, calls) == ("failed", ["charge"])
        assert failed.error is not None
        assert f"/{name}" in failed.error


async def test_a_stranger_with_the_id_of_a_child_is_no_child(path) -> None:
    """What somebody else started under that id is not taken for the sub-flow; the task says what is in the way."""
    tasks = TaskFactory()
    tasks.register_task("any", lambda: 1)
    inner = {"id": "inner", "name": "Inner", "start_task": "t", "tasks": [{"name": "t", "task_type": "any"}]}
    outer = {"name": "sub", "task_type": "subflow", "parameters": {"flow": inner}}
    async with FlowManager(path, tasks=tasks) as manager:
        await manager.run(inner | {"id": "other"}, execution_id="p:sub:1")
        parent = await manager.run(
            {"id": "outer", "name": "Outer", "start_task": "sub", "tasks": [outer]}, execution_id="p"
        )
        assert parent.status == "failed"
        assert parent.error is not None
        assert "'p:sub:1', exists already, and is another's" in parent.error


async def test_a_child_of_a_parent_that_went_on_is_cancelled(path, monkeypatch) -> None:
    """A sub-flow that was about to be created when its parent was cancelled, and ended, does not run on alone."""
    inner = {
        "id": "inner",
        "name": "Inner",
        "start_task": "w",
        "tasks": [{"name": "w", "task_type": "wait_for_signal"}],
    }
    outer = {"name": "sub", "task_type": "subflow", "parameters": {"flow": inner}}
    async with FlowManager(path) as manager, FlowManager(path) as other:
        append = manager._log.append

        async def late(batch: Append) -> Appended:
            if batch.stream == "p:sub:1":
                monkeypatch.setattr(manager._log, "append", append)
                await other.cancel("p")
                await other.finish("p")
            return await append(batch)

        monkeypatch.setattr(manager._log, "append", late)
        flow = {"id": "outer", "name": "Outer", "start_task": "sub", "tasks": [outer]}
        assert (await manager.run(flow, execution_id="p")).status == "cancelled"
        child = await manager.finish("p:sub:1")
        assert (child.status, child.error) == ("cancelled", "its parent p does not wait for it any more")


async def test_a_child_that_was_created_is_not_failed_by_the_look_after_it(path, monkeypatch) -> None:
    """Where the log cannot be read once the sub-flow is there, nothing is recorded of its end: it has not ended."""
    inner = {
        "id": "inner",
        "name": "Inner",
        "start_task": "w",
        "tasks": [{"name": "w", "task_type": "wait_for_signal"}],
    }
    outer = {"name": "sub", "task_type": "subflow", "parameters": {"flow": inner}}
    async with FlowManager(path) as manager:
        append, load = manager._log.append, manager._loader.load

        async def broken(_: str) -> None:
            monkeypatch.setattr(manager._loader, "load", load)
            raise LogUnavailable(str(path), "the disk is away")

        async def then_away(batch: Append) -> Appended:
            appended = await append(batch)
            if batch.stream == "p:sub:1":
                monkeypatch.setattr(manager._log, "append", append)
                monkeypatch.setattr(manager._loader, "load", broken)
            return appended

        monkeypatch.setattr(manager._log, "append", then_away)
        flow = {"id": "outer", "name": "Outer", "start_task": "sub", "tasks": [outer]}
        with pytest.raises(LogUnavailable, match="the disk is away"):
            await manager.run(flow, execution_id="p")
        assert (await manager.get_flow_status("p")).status == "waiting"
        await manager.signal("p:sub:1", "w")
        assert (await manager.finish("p")).status == "completed"


async def test_who_has_no_code_for_a_flow_leaves_it_alone(path) -> None:
    """A signal from a process without the tasks' code, or a sub-flow of other code, fails nothing: others go on."""
    calls: list[str] = []
    tasks = TaskFactory()
    tasks.register_task("work", lambda: calls.append("work"))
    flow = {
        "id": "f",
        "name": "F",
        "start_task": "ask",
        "tasks": [{"name": "ask", "task_type": "wait_for_signal"}, {"name": "work"}],
        "conditions": [{"source_task": "ask", "target_task_success": "work"}],
    }
    outer = {"name": "sub", "task_type": "subflow", "parameters": {"flow": flow}}
    parents = {"id": "outer", "name": "Outer", "start_task": "sub", "tasks": [outer]}
    async with FlowManager(path, tasks=tasks) as able:
        await able.start(flow, execution_id="x")
    async with FlowManager(path, tasks=TaskFactory(), recover=True) as without:
        await without.signal("x", "ask")
        handle = await without.start(parents, execution_id="p")

        async def is_there() -> bool:
            return "p:sub:1" in {row.execution_id for row in (await without.executions()).items}

        await until(is_there)
        await without.signal("p:sub:1", "ask")
        for execution_id in ("x", "p:sub:1"):
            assert (await without.get_flow_status(execution_id)).ended_at is None
        async with FlowManager(path, tasks=tasks, recover=True) as able:
            assert (await able.execute_flow("x")).status == "completed"
            assert (await handle).status == "completed"
    assert calls == ["work", "work"]
