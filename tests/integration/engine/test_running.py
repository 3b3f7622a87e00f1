"""What may happen while executions run: lost owners, joins, conflicts, many at once, large and long ones."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

import flowsm
from flowsm import FlowManager, FlowStatus, TaskResult, TaskStatus
from flowsm.clock import SystemClock, timestamp
from flowsm.errors import (
    ExecutionExists,
    ExecutionNotFound,
    FlowMismatch,
    IllegalCommand,
    LeaseLost,
    TaskTypeNotFound,
)
from flowsm.events.facts import Fact, Unknown
from flowsm.limits import PAYLOAD_INLINE_MAX_BYTES
from flowsm.log.port import Append
from flowsm.machine.evolve import fold
from flowsm.machine.state import FOLD_VERSION
from flowsm.tasks.factory import TaskFactory

ROOT = Path(flowsm.__file__).parents[1]
START = ["execution.created", "execution.started", "transition.taken", "task.started"]
TIMED_OUT = ["task.timed_out", "transition.taken", "execution.failed"]
DONE = ["task.completed", "transition.taken", "execution.completed"]


async def types(manager: FlowManager, execution_id: str) -> list[str]:
    return [event.type for event in await manager.events(execution_id)]


def one(task: str, flow: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    return {"id": task, "name": task, "start_task": task, "tasks": [{"name": task, **fields}]} | (flow or {})


# -- owners that are lost ------------------------------------------------------------------------------


async def test_an_execution_goes_on_where_its_owner_left_it(path, tasks) -> None:
    """Closing records that it interrupted what ran; executing again runs it again, and ends."""
    began, calls = asyncio.Event(), []

    async def once(context):
        calls.append((context.attempt, context.visit, context.idempotency_key))
        if len(calls) == 1:
            began.set()
            await asyncio.Event().wait()
        return "done"

    tasks.register_task("once", once)
    async with FlowManager(path, tasks=tasks) as first:
        handle = await first.start(one("once"))
        await began.wait()
        waiting = asyncio.ensure_future(handle.result())
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await waiting
    async with FlowManager(path, tasks=tasks) as second:
        assert await types(second, handle.execution_id) == [*START, "task.interrupted"]
        result = await second.execute_flow(handle.execution_id)
        assert result.status is FlowStatus.COMPLETED
        assert await types(second, handle.execution_id) == [*START, "task.interrupted", "task.started", *DONE]
        rows = await second.history(handle.execution_id)
        assert [(row.attempt, row.status) for row in rows] == [(1, "interrupted"), (1, "success")]
    assert calls == [(1, 1, f"{handle.execution_id}:once:1")] * 2


async def test_closing_does_not_wait_for_code_that_returns_in_spite_of_it(path, tasks) -> None:
    """What a task that swallows its cancellation returns is not recorded, and the next task is not started."""
    began, calls = asyncio.Event(), []

    async def swallow():
        began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "swallowed"

    tasks.register_task("swallow", swallow)
    tasks.register_task("after", lambda: calls.append(1))
    flow = one("swallow") | {"conditions": [{"source_task": "swallow", "target_task_success": "after"}]}
    flow["tasks"].append({"name": "after"})
    manager = FlowManager(path, tasks=tasks)
    handle = await manager.start(flow)
    await began.wait()
    await manager.close()
    async with FlowManager(path, tasks=tasks) as other:
        assert await types(other, handle.execution_id) == [*START, "task.interrupted"]
    assert calls == []


def test_a_second_asyncio_run_with_the_same_manager(path, tasks) -> None:
    """A manager serves one loop after another; what the first left behind, the second finishes."""
    manager = FlowManager(path, tasks=tasks)
    began: list[asyncio.Event] = []

    async def once():
        if not began[0].is_set():
            began[0].set()
            await asyncio.Event().wait()
        return "done"

    tasks.register_task("once", once)

    async def leave() -> str:
        began.append(asyncio.Event())
        handle = await manager.start(one("once"))
        await began[0].wait()
        return handle.execution_id

    async def resume(execution_id: str) -> Any:
        return await manager.execute_flow(execution_id)

    assert asyncio.run(manager.run(one("fetch"))).status is FlowStatus.COMPLETED
    left = asyncio.run(leave())
    result = asyncio.run(resume(left))
    assert result.task_results["once"].data == "done"
    asyncio.run(manager.close())


SCRIPT = """
import asyncio, sys
from flowsm import FlowManager, TaskFactory
tasks = TaskFactory()
async def hang():
    await asyncio.Event().wait()
tasks.register_task("hang", hang)
tasks.register_task("quick", lambda: 1)
def flow(task):
    return {"id": task, "name": task, "start_task": task, "tasks": [{"name": task}]}
manager = FlowManager(sys.argv[1], tasks=tasks)
async def main():
    print((await manager.run(flow("quick"))).status)
    await manager.start(flow("hang"), execution_id="left")
asyncio.run(main())
"""


def test_an_unclosed_manager_does_not_hang_the_interpreter(path) -> None:
    """A script that forgets to close, with work under way, exits at once and in silence."""
    command = [sys.executable, "-c", SCRIPT, str(path)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, env=environment, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("completed\n", "", 0)


# -- many at once, and several who want the same --------------------------------------------------------


async def test_many_executions_run_under_the_limit(path, tasks) -> None:
    """300 executions at once, never more than 20 tasks of them."""
    running, most = 0, 0

    async def busy(context):
        nonlocal running, most
        running += 1
        most = max(most, running)
        for _ in range(3):
            await asyncio.sleep(0)
        running -= 1
        return context.input

    tasks.register_task("busy", busy)
    async with FlowManager(path, tasks=tasks, concurrency=20, durability="normal") as manager:
        flow = manager.load_flow_config(one("busy"))
        results = await asyncio.gather(*(manager.run(flow, number) for number in range(300)))
        assert [result.task_results["busy"].data for result in results] == list(range(300))
        assert 1 < most <= 20
        assert (await manager.summary()).status_counts == {"completed": 300}


async def test_those_who_execute_the_same_get_the_same(manager, tasks) -> None:
    """A running execution is joined, an ended one gives its result; the task runs once."""
    began, release, calls = asyncio.Event(), asyncio.Event(), []

    async def gate():
        calls.append(1)
        began.set()
        await release.wait()
        return len(calls)

    tasks.register_task("gate", gate)
    flow = manager.load_flow_config(one("gate"))
    execution_id = manager.create_flow_execution(flow)
    both = [asyncio.ensure_future(manager.execute_flow(execution_id, flow)) for _ in range(2)]
    await began.wait()
    both.append(asyncio.ensure_future(manager.execute_flow(execution_id)))
    impatient = asyncio.ensure_future(manager.execute_flow(execution_id))
    for _ in range(200):
        await asyncio.sleep(0)
    impatient.cancel()
    release.set()
    first, second, third = await asyncio.gather(*both)
    assert first == second == third == await manager.execute_flow(execution_id)
    assert (first.task_results["gate"].data, calls) == (1, [1])


async def test_a_waiting_execution_can_be_joined(timed, tasks, clock, script) -> None:
    """Joining an execution in its backoff neither hurries nor doubles it."""
    script.failing["fetch"] = 1
    handle = await timed.start(one("fetch", retry={"initial_interval": 10, "jitter": 0}))
    first = asyncio.ensure_future(handle.result())
    await clock.sleepers()
    joined = asyncio.ensure_future(timed.execute_flow(handle.execution_id))
    for _ in range(200):
        await asyncio.sleep(0)
    assert script.calls == ["fetch"]
    clock.advance(10)
    assert await first == await joined
    assert script.calls == ["fetch", "fetch"]


async def test_what_is_refused(manager, tasks, sample) -> None:
    """Ids that are taken or unknown, another flow than the recorded one, tasks without code."""
    execution_id = manager.create_flow_execution(sample, execution_id="mine")
    for again in (lambda: manager.run(sample, execution_id="mine"), lambda: manager.start(sample, execution_id="mine")):
        with pytest.raises(ExecutionExists, match="'mine' exists already"):
            await again()
    with pytest.raises(ExecutionExists):
        manager.create_flow_execution(sample, execution_id="mine")
    with pytest.raises(FlowMismatch, match="runs the flow with digest"):
        await manager.execute_flow(execution_id, one("fetch"))
    for ask in (manager.events, manager.history, manager.get_flow_status, manager.execute_flow, manager.remove_flow):
        with pytest.raises(ExecutionNotFound):
            await ask("nobody")
    assert await manager.events(execution_id, after=1) == []
    async with FlowManager(manager._log.path, tasks=TaskFactory()) as other:
        with pytest.raises(TaskTypeNotFound):
            await other.execute_flow(execution_id)
        assert await types(other, execution_id) == ["execution.created"]
    assert (await manager.execute_flow(execution_id, sample)).status is FlowStatus.COMPLETED


async def test_a_removed_execution_leaves_the_lists_and_keeps_its_history(manager, sample) -> None:
    """`remove_flow` is an event: gone from the lists, there when asked for; not before the end, and once."""
    execution_id = manager.create_flow_execution(sample)
    with pytest.raises(IllegalCommand, match="cannot remove"):
        await manager.remove_flow(execution_id)
    await manager.execute_flow(execution_id)
    await manager.remove_flow(execution_id, reason="old", actor="me")
    assert (await manager.executions()).items == []
    assert (await types(manager, execution_id))[-1] == "execution.removed"
    assert (await manager.get_flow_status(execution_id)).status is FlowStatus.COMPLETED
    with pytest.raises(IllegalCommand, match="it is removed"):
        await manager.remove_flow(execution_id)


# -- other writers -------------------------------------------------------------------------------------


async def append_from_elsewhere(path: Path, execution_id: str, *facts: Fact, claim: bool = False) -> None:
    other = FlowManager(path)
    log = other._log
    head = await log.head(execution_id)
    assert head is not None
    at = timestamp(SystemClock().now())
    if claim:
        await log.stop_worker(head.worker)
    batch = Append(stream=execution_id, expected_seq=head.seq, at=at, facts=facts, claim=claim, worker="other")
    await log.append(batch)
    await other.close()


def gated(tasks: TaskFactory) -> tuple[asyncio.Event, asyncio.Event]:
    began, release = asyncio.Event(), asyncio.Event()

    async def gate():
        began.set()
        await release.wait()
        return "through"

    tasks.register_task("gate", gate)
    return began, release


async def test_a_driver_that_was_replaced_stops_and_records_nothing(manager, tasks, path) -> None:
    """When another owner claims the execution while an attempt runs, the result is not recorded: LeaseLost."""
    began, release = gated(tasks)
    handle = await manager.start(one("gate"))
    await began.wait()
    await append_from_elsewhere(path, handle.execution_id, claim=True)
    waiting = asyncio.ensure_future(handle.result())
    await asyncio.sleep(0)
    release.set()
    with pytest.raises(LeaseLost, match="was taken over by worker other"):
        await waiting
    assert await types(manager, handle.execution_id) == START


async def test_a_replaced_driver_that_nobody_waits_for_says_so(manager, tasks, path, monkeypatch) -> None:
    """Without anybody who waits, the reason why a driver stopped is logged."""
    errors: list[tuple[object, ...]] = []
    began, release = gated(tasks)
    handle = await manager.start(one("gate"))
    await began.wait()
    await append_from_elsewhere(path, handle.execution_id, claim=True)
    told = asyncio.Event()
    monkeypatch.setattr(logging.getLogger("flowsm.runtime"), "error", lambda *said: (errors.append(said), told.set()))
    release.set()
    await told.wait()
    assert "was taken over" in str(errors[0][2])


async def test_a_command_that_came_between_is_read_and_the_result_recorded_after_it(manager, tasks, path) -> None:
    """An append from elsewhere under the same owner is a conflict: read on, decide again, record."""
    began, release = gated(tasks)
    handle = await manager.start(one("gate"))
    await began.wait()
    note = Unknown(type="note.taken", version=1, data=msgspec.Raw(b'{"text":"hi"}'))
    await append_from_elsewhere(path, handle.execution_id, note)
    release.set()
    result = await handle
    assert result.status is FlowStatus.COMPLETED
    assert await types(manager, handle.execution_id) == [*START, "note.taken", *DONE]


# -- large and long ------------------------------------------------------------------------------------


async def test_large_values_come_back_whole(path, tasks) -> None:
    """Results, inputs and parameters above 64 KiB lie in payloads, and come back whole, also to another process."""
    large = ["ü" * 1_000] * (PAYLOAD_INLINE_MAX_BYTES // 1_000)
    tasks.register_task("echo", lambda value, context: [value, context.input])
    flow = one("echo", parameters={"value": large})
    async with FlowManager(path, tasks=tasks) as manager:
        result = await manager.run(flow, {"large": large})
        assert result.task_results["echo"].data == [large, {"large": large}]
        stored = [event.fact.stored for event in await manager.events(result.execution_id) if event.seq in {1, 4, 5}]
        assert [set(refs) for refs in stored] == [{"input"}, {"parameters"}, {"data"}]
        ((payloads,),) = await manager._log.query("SELECT count(*) FROM payloads")
        assert payloads == 3
    async with FlowManager(path, tasks=tasks) as other:
        assert await other.get_flow_status(result.execution_id) == result


async def test_a_long_execution_is_loaded_from_its_snapshot(path, tasks) -> None:
    """Past 1,000 events a snapshot is kept; a state loaded from it equals the full fold, and one that lies is ignored."""
    tasks.register_task("again", lambda: 1)

    async def again(context):
        return TaskResult(status=TaskStatus.SUCCESS, outcome="enough" if context.visit == 400 else None)

    tasks.register_task("again", again, replace=True)
    flow = one("again") | {
        "conditions": [
            {"source_task": "again", "target_task_success": "again"},
            {"source_task": "again", "outcome": "enough", "target_task_success": "end"},
        ]
    }
    async with FlowManager(path, tasks=tasks, durability="normal") as manager:
        result = await manager.run(flow)
        assert (result.status, len(result.path)) == (FlowStatus.COMPLETED, 400)
        snapshot = await manager._log.snapshot(result.execution_id, FOLD_VERSION)
        assert snapshot is not None
        assert snapshot.seq == 1000
    for spoilt in (None, {"digest": "f" * 64}, {"state": b"{"}, {"state": b'{"stream":"other"}'}):
        async with FlowManager(path, tasks=tasks, durability="normal") as other:
            if spoilt is not None:
                await other._log.save_snapshot(msgspec.structs.replace(snapshot, **spoilt))
            state, machine = await other._loader.load(result.execution_id)
            events = await other.events(result.execution_id)
            assert len(events) == 1 + 2 + 400 * 3 + 1
            assert state == fold(machine, result.execution_id, events)
            assert await other.get_flow_status(result.execution_id) == result


@pytest.mark.parametrize("ask", [FlowManager.get_flow_status, FlowManager.events])
async def test_who_asks_in_a_loop_holds_up_nobody(manager: FlowManager, ask: Any) -> None:
    """What is at hand is answered at once, and yet the others of the loop go on in between."""
    manager.tasks.register_task("quick", lambda: 1)
    flow = {"id": "q", "name": "Q", "start_task": "quick", "tasks": [{"name": "quick"}]}
    execution = await manager.run(flow)
    others = asyncio.ensure_future(asyncio.sleep(0))
    for _ in range(3):
        await ask(manager, execution.execution_id)
    assert others.done()
