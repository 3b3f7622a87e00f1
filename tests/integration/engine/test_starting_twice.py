"""Starting twice with one idempotency key: the same execution, or a conflict that says what differs."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import textwrap
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

import flowsm
from flowsm import FlowManager, FlowStatus
from flowsm.errors import ExecutionExists, StartConflict, UsageError
from flowsm.limits import PAYLOAD_INLINE_MAX_BYTES
from flowsm.sync import FlowManager as SyncManager

ROOT = Path(flowsm.__file__).parents[1]
FLOW = {"id": "f", "name": "F", "start_task": "count", "tasks": [{"name": "count"}]}


@pytest.fixture
def calls(tasks):
    made = []

    async def count(context):
        made.append(context.execution_id)
        return len(made)

    tasks.register_task("count", count)
    return made


async def test_the_same_start_gives_the_same_execution(manager, calls):
    """`start`, `run` and `create_flow_execution` with one key and content come to one execution, which runs once."""
    handle = await manager.start(FLOW, {"a": 1}, idempotency_key="k")
    again = await manager.start(FLOW, {"a": 1.0}, idempotency_key="k")
    assert again.execution_id == handle.execution_id
    execution = await again
    assert execution == await handle == await manager.run(FLOW, {"a": 1}, idempotency_key="k")
    assert manager.create_flow_execution(FLOW, {"a": 1}, idempotency_key="k") == handle.execution_id
    assert await manager.run(FLOW, {"a": 1}, idempotency_key="k", execution_id=handle.execution_id) == execution
    assert calls == [handle.execution_id]
    (created, *_) = await manager.events(handle.execution_id)
    assert created.fact.idempotency_key == "k"
    other = await manager.run(FLOW, {"a": 1}, idempotency_key="k2")
    assert other.execution_id != handle.execution_id
    assert len((await manager.executions()).items) == 2


async def test_an_execution_that_was_only_created_goes_on(manager, calls):
    """Starting again what was created before, and did not run, runs it."""
    created = manager.create_flow_execution(FLOW, idempotency_key="k")
    assert calls == []
    assert manager.create_flow_execution(FLOW, idempotency_key="k") == created
    handle = await manager.start(FLOW, idempotency_key="k")
    assert (handle.execution_id, (await handle).status) == (created, FlowStatus.COMPLETED)
    assert calls == [created]


async def test_what_a_dead_process_left_goes_on_when_it_is_awaited(path, tasks, calls):
    """The same script, begun again after a crash, ends what its first life began."""
    began = asyncio.Event()

    async def once():
        if not began.is_set():
            began.set()
            await asyncio.Event().wait()
        return "done"

    tasks.register_task("once", once)
    flow = FLOW | {"start_task": "once", "tasks": [{"name": "once"}]}
    async with FlowManager(path, tasks=tasks) as first:
        left = await first.start(flow, idempotency_key="k")
        await began.wait()
    async with FlowManager(path, tasks=tasks) as second:
        execution = await second.run(flow, idempotency_key="k")
        assert (execution.execution_id, execution.status) == (left.execution_id, FlowStatus.COMPLETED)


async def test_what_another_process_left_goes_on_when_it_is_started_again(path, tasks, calls):
    """Nobody need wait for it: starting again is enough."""
    began, ended, lives = asyncio.Event(), asyncio.Event(), []

    async def once():
        lives.append(1)
        if len(lives) == 1:
            began.set()
            await asyncio.Event().wait()
        ended.set()

    tasks.register_task("once", once)
    flow = FLOW | {"start_task": "once", "tasks": [{"name": "once"}]}
    async with FlowManager(path, tasks=tasks) as first:
        await first.start(flow, idempotency_key="k")
        await began.wait()
    async with FlowManager(path, tasks=tasks) as second:
        await second.start(flow, idempotency_key="k")
        await asyncio.wait_for(ended.wait(), 30)


async def test_other_content_is_a_conflict_that_says_what_differs(manager, calls):
    """Another flow, another input and another id are each refused with a word about it, and nothing is created."""
    first = await manager.run(FLOW, {"a": [1, 2]}, idempotency_key="k")
    large = {"text": "x" * PAYLOAD_INLINE_MAX_BYTES}
    await manager.run(FLOW, large, idempotency_key="large")
    await manager.run(FLOW, execution_id="taken")
    renamed = FLOW | {"name": "Another"}
    for arguments, words in (
        ({"input": {"a": [1, 3]}, "idempotency_key": "k"}, "differs from the one given at /a/1"),
        ({"input": large | {"b": 1}, "idempotency_key": "large"}, "its input has the digest"),
        ({"input": {"a": [1, 2]}, "idempotency_key": "k", "execution_id": "mine"}, "not to 'mine', the id given"),
        ({"input": {"a": [1, 2]}, "idempotency_key": "k", "execution_id": "taken"}, "not to 'taken', the id given"),
        ({"flow": renamed, "input": {"a": [1, 2]}, "idempotency_key": "k"}, "its flow has the digest"),
    ):
        with pytest.raises(StartConflict, match=words) as caught:
            await manager.start(**{"flow": FLOW} | arguments)
        sync = {"flow_config": arguments.get("flow", FLOW)} | {k: v for k, v in arguments.items() if k != "flow"}
        with pytest.raises(StartConflict, match=words):
            manager.create_flow_execution(**sync)
        assert caught.value.execution_id in {first.execution_id, *calls}
    assert len((await manager.executions()).items) == 3
    for _ in range(2):
        with pytest.raises(ExecutionExists):
            await manager.start(FLOW, execution_id="taken", idempotency_key="free")
    assert (await manager.run(FLOW, idempotency_key="free")).status is FlowStatus.COMPLETED
    assert (await manager.verify()).ok


@pytest.mark.parametrize("key", ["", "x" * 401, "two\nlines", "nul\0", "\ud800", 7])
async def test_a_key_that_cannot_be_one_is_refused(manager, calls, key):
    """Keys are 1 to 400 printable characters."""
    with pytest.raises(UsageError, match="expected 1 to 400 printable characters"):
        await manager.start(FLOW, idempotency_key=key)


async def test_any_idempotency_key_of_a_task_is_one(manager, calls, tasks):
    """What a context gives as its key may be the key of another start."""
    name = "Größe " + "n" * 190

    async def outer(context):
        assert len(context.idempotency_key) < 400
        return (await manager.run(FLOW, idempotency_key=context.idempotency_key)).execution_id

    tasks.register_task("outer", outer)
    flow = FLOW | {"start_task": name, "tasks": [{"name": name, "task_type": "outer"}]}
    execution = await manager.run(flow, execution_id="x" * 100)
    assert execution.task_results[name].data == calls[0]


CHILD = """
import asyncio, json, sys
from flowsm import FlowManager
from flowsm.tasks.factory import TaskFactory

FLOW = json.loads(sys.argv[2])
tasks = TaskFactory()
tasks.register_task("count", lambda: 1)

async def main():
    manager = FlowManager(sys.argv[1], tasks=tasks, durability="normal")
    sys.stdin.readline()
    ids = [manager.create_flow_execution(FLOW, n, idempotency_key=f"k{n}") for n in range(50)]
    ids += await asyncio.gather(*[made(manager, n) for n in range(50, 100)])
    print(json.dumps(ids))
    await manager.close()

async def made(manager, n):
    return (await manager.start(FLOW, n, idempotency_key=f"k{n}")).execution_id

asyncio.run(main())
"""


async def test_of_processes_that_start_at_once_exactly_one_creates(manager, path, calls):
    """Three processes that start the same hundred at the same time come to the same hundred executions."""
    await manager.summary()
    command = [sys.executable, "-c", textwrap.dedent(CHILD), str(path), json.dumps(FLOW)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    start = partial(subprocess.Popen, command, text=True, env=environment, **pipes)
    children = [await asyncio.to_thread(start) for _ in range(3)]
    answers = [asyncio.to_thread(child.communicate, "go\n", timeout=60) for child in children]
    outputs = [json.loads(output) for output, _ in await asyncio.gather(*answers)]
    assert outputs[0] == outputs[1] == outputs[2]
    assert len(set(outputs[0])) == 100
    assert {row.execution_id for row in (await manager.executions(limit=200)).items} == set(outputs[0])


def test_without_await(path, tasks, calls):
    """The blocking manager takes keys too."""
    with SyncManager(path, tasks=tasks) as manager:
        first = manager.run(FLOW, 1, idempotency_key="k")
        assert manager.start(FLOW, 1, idempotency_key="k").execution_id == first.execution_id
        assert manager.create_flow_execution(FLOW, 1, idempotency_key="k") == first.execution_id
        with pytest.raises(StartConflict):
            manager.run(FLOW, 2, idempotency_key="k")


async def test_another_beginning_is_a_conflict_that_says_what_differs(manager, calls):
    """Who starts paused, or at a moment, does not get an execution that began otherwise; who says the same again, does."""
    soon = datetime.now(UTC) + timedelta(days=1)
    beginnings = {
        "now": {},
        "paused": {"paused": True},
        "soon": {"start_at": soon},
        "later": {"start_at": soon + timedelta(hours=1)},
    }
    for key, arguments in beginnings.items():
        handle = await manager.start(FLOW, idempotency_key=key, **arguments)
        for other, others in beginnings.items():
            if other == key:
                assert (await manager.start(FLOW, idempotency_key=key, **others)).execution_id == handle.execution_id
                continue
            with pytest.raises(StartConflict, match="paused" if "paused" in (key, other) else "start_at"):
                await manager.start(FLOW, idempotency_key=key, **others)
    paused = await manager.start(FLOW, idempotency_key="paused", paused=True)
    await manager.resume(paused.execution_id)
    await paused
    assert (await manager.start(FLOW, idempotency_key="paused", paused=True)).execution_id == paused.execution_id
    created = await manager.create(FLOW, idempotency_key="created")
    await manager.pause(created)
    assert (await manager.start(FLOW, idempotency_key="created")).execution_id == created
