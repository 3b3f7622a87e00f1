"""Recovery over a file: what is due and nobody's is taken up, and nothing else."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest
from children import until

from flowsm import FlowManager, FlowStatus, Limits
from flowsm.clock import timestamp
from flowsm.errors import LogBroken, UsageError
from flowsm.events.commands import Create
from flowsm.log.port import Append, Appended
from flowsm.projections import agenda
from flowsm.tasks.factory import TaskFactory
from flowsm.testing.clock import ManualClock


def one(task: str, **fields) -> dict:
    return {"id": task, "name": task, "start_task": task, "tasks": [{"name": task, **fields}]}


async def create_due(manager: FlowManager, flow: dict, execution_id: str, seconds: float = 0) -> None:
    """Create an execution that is to be started at a moment by whoever finds it."""
    prepared = manager._loader.prepare(manager.load_flow_config(flow))
    start_at = timestamp(manager._clock.now() + timedelta(seconds=seconds))
    await manager._advancer.create(
        prepared, Create(digest=prepared.digest, start_at=start_at), execution_id, start=False
    )


async def ended(manager: FlowManager, count: int) -> None:
    async def have_ended() -> bool:
        return (await manager.summary()).status_counts.get("completed", 0) == count

    await until(have_ended)


def recovering(path: Path, tasks: TaskFactory, **options) -> FlowManager:
    return FlowManager(path, tasks=tasks, durability="normal", recover=True, **options)


async def test_due_ones_are_taken_up_as_they_come(path, tasks, script) -> None:
    """A recovering manager takes up what was due before it came and what becomes due later; the rest it leaves."""
    async with FlowManager(path, tasks=tasks) as creating:
        await create_due(creating, one("fetch"), "before")
        creating.create_flow_execution(one("fetch"), execution_id="not-asked-for")
        async with recovering(path, tasks) as manager:
            await ended(manager, 1)
            await create_due(creating, one("fetch"), "after")
            await ended(manager, 2)
            assert (await manager.get_flow_status("not-asked-for")).status is FlowStatus.CREATED
    assert script.calls == ["fetch", "fetch"]


@pytest.mark.parametrize("limits", [Limits(), Limits(flows={"fetch": 1})])
async def test_what_is_being_started_is_not_taken_up(path, tasks, script, monkeypatch, limits) -> None:
    """What is recorded of a start already, and looked at before its caller knows, is driven once, by whoever starts it."""
    clock = ManualClock()
    async with recovering(path, tasks, clock=clock, limits=limits) as manager:
        supervisor, append = manager._bound(), manager._log.append

        async def slow(batch: Append) -> Appended:
            monkeypatch.setattr(manager._log, "append", append)
            appended = await append(batch)
            assert not await supervisor._watch.recovery.look()
            assert supervisor._dispatcher.carries("x"), "it was found"
            for _ in range(1000):
                await asyncio.sleep(0)
            return appended

        monkeypatch.setattr(manager._log, "append", slow)
        execution = await manager.run(one("fetch"), execution_id="x")
        assert execution.status is FlowStatus.COMPLETED
        events = [recorded.fact.TYPE for recorded in await manager.events("x")]
    assert script.calls == ["fetch"]
    assert "task.interrupted" not in events


async def test_one_that_is_started_while_it_is_looked_for(path, tasks, monkeypatch) -> None:
    """Whoever asked for an execution just before it was there does not spoil the answer of who starts it."""
    async with FlowManager(path, tasks=tasks) as manager:
        load, looked, started = manager._loader.load, asyncio.Event(), asyncio.Event()

        async def slow(stream: str) -> object:
            monkeypatch.setattr(manager._loader, "load", load)
            try:
                return await load(stream)
            finally:
                looked.set()
                await started.wait()

        monkeypatch.setattr(manager._loader, "load", slow)
        asking = asyncio.ensure_future(manager.finish("x"))
        await looked.wait()
        handle = await manager.start(one("fetch"), execution_id="x")
        running = asyncio.ensure_future(handle.result())
        await asyncio.sleep(0)
        started.set()
        assert [found.status for found in await asyncio.gather(running, asking)] == [FlowStatus.COMPLETED] * 2


async def test_waiting_ones_wake_in_time(path, tasks, script) -> None:
    """An execution that waits for its retry is gone on with when it is due, without anybody who waits for it."""
    script.failing["fetch"] = 1
    clock = ManualClock()
    async with recovering(path, tasks, clock=clock) as manager:
        flow = one("fetch", retry={"initial_interval": 3600, "jitter": 0})
        await manager.start(flow, execution_id="x")

        async def waits() -> bool:
            left = await manager.left()
            return (left.due, left.later) == (0, 1)

        async def rests() -> bool:
            return await waits() and manager._bound()._dispatcher.carried() == 0

        await until(rests)
        clock.jump(-86_400)
        clock.jump(86_400)
        clock.advance(3600)
        await ended(manager, 1)
    assert script.calls == ["fetch", "fetch"]


async def test_many_due_ones_are_taken_up_in_parts(path, tasks) -> None:
    """Far more due executions than run at once all come to their end, a bounded number in memory at a time."""
    most = 0
    async with recovering(path, tasks, concurrency=20) as manager:
        dispatcher = manager._bound()._dispatcher

        async def work(context) -> None:
            nonlocal most
            most = max(most, dispatcher.carried())

        tasks.register_task("work", work)
        await asyncio.gather(*(create_due(manager, one("work"), f"x{number}") for number in range(400)))
        await ended(manager, 400)
    assert 1 <= most <= 40


async def test_a_broken_stream_is_set_aside(path, tasks, caplog) -> None:
    """A log that is not what was recorded is named once, not driven and not tried again; its neighbours go on."""
    async with FlowManager(path, tasks=tasks) as creating:
        await create_due(creating, one("fetch"), "broken")
    damaged = sqlite3.connect(path)
    damaged.execute("DROP TRIGGER events_are_not_updated")
    damaged.execute("UPDATE events SET at = '2020' WHERE stream = 'broken'")
    damaged.commit()
    damaged.close()
    async with recovering(path, tasks) as manager:
        for number in range(3):
            await create_due(manager, one("fetch"), f"x{number}")
            await ended(manager, number + 1)
        with pytest.raises(LogBroken):
            await manager.execute_flow("broken")
    lines = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(lines) == 1
    assert "execution broken stopped: stream 'broken' is broken at seq 1" in lines[0].getMessage()


async def test_what_has_no_code_here_waits_for_those_who_have_it(path, tasks, caplog) -> None:
    """A worker without a task type leaves its executions alone; one that has it takes them up."""
    tasks.register_task("special", lambda: 1)
    async with FlowManager(path, tasks=tasks) as creating:
        await create_due(creating, one("special"), "x")
    async with recovering(path, TaskFactory()) as without:

        async def told() -> bool:
            return "no code is registered here for special" in caplog.text

        await until(told)
        assert (await without.left()).due == 1
        async with recovering(path, tasks) as manager:
            await ended(manager, 1)


async def test_owners_are_told(path, tasks) -> None:
    """Whose an execution is, and whether they live, is told for each that exists."""
    began, release = asyncio.Event(), asyncio.Event()

    async def gate() -> None:
        began.set()
        await release.wait()

    tasks.register_task("gate", gate)
    clock = ManualClock()
    async with FlowManager(path, tasks=tasks, clock=clock) as manager:
        handle = await manager.start(one("gate"), execution_id="x")
        await began.wait()
        (owner,) = await manager.owners(["x", "nobody"])
        assert (owner.worker, owner.alive, owner.seen_at) == (manager.worker, True, clock.now())
        async with FlowManager(path, tasks=tasks, clock=clock) as other:
            clock.jump(3 * 86_400)
            assert (await other.owners(["x"]))[0].alive
            assert (await other.left()).due == 0
        release.set()
        await handle
        assert (await manager.owners(["x"]))[0].worker == ""


async def test_a_parent_whose_child_has_ended_is_due_at_once(path, tasks) -> None:
    """Whatever moment it waits for, a parent is due when its child has ended; while the child runs it is not."""
    async with FlowManager(path, tasks=tasks) as manager:
        for name in ("parent", "child"):
            manager.create_flow_execution(one("fetch"), execution_id=name)
        later = "2099-01-01T00:00:00.000000Z"
        change = "UPDATE executions_{g} SET status = 'waiting', wake_at = :at, child_id = 'child' WHERE execution_id = 'parent'"
        await manager._log.change(lambda view: view.execute(change, {"at": later}))
        assert await manager._agenda.parents(10) == []
        await manager.execute_flow("child")
        (due,) = await manager._agenda.parents(10)
        assert (due.execution_id, due.wake_at) == ("parent", None)


async def test_a_look_for_work_stops_at_its_limit(path, tasks) -> None:
    """However many are due, they are read along the index and never sorted: a round costs what it takes up."""
    async with FlowManager(path, tasks=tasks) as manager:
        values = dict.fromkeys(["now", "horizon", "now_ms", "boot_id", "me"], "") | {
            "flows": "[]",
            "aside": "[]",
            "queues": "[]",
        }
        plan = await manager._log.query(f"EXPLAIN QUERY PLAN {agenda._STATEMENTS['due']}", values | {"limit": 10})
        steps = [step for _, _, _, step in plan]
        assert any("executions_1_wake" in step for step in steps)
        assert not any("ORDER BY" in step or step.startswith("SCAN e") for step in steps), steps


@pytest.mark.parametrize("seconds", [0, 0.01, 3601])
def test_leases_have_bounds(path, seconds) -> None:
    """A lease that is too short or too long is refused."""
    with pytest.raises(UsageError, match="lease_seconds is"):
        FlowManager(path, lease_seconds=seconds)


@pytest.mark.parametrize("limits", [None, Limits(task_types={"fetch": 9})])
async def test_a_result_is_kept_when_what_follows_cannot_be_decided(path, tasks, script, monkeypatch, limits) -> None:
    """A fault in deciding the way on stops the execution with that error, and does not undo what a task has done."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError("a fault in the engine")

    async with FlowManager(path, tasks=tasks, limits=limits) as manager:
        with monkeypatch.context() as patch:
            patch.setattr("flowsm.machine.decisions.progress.route_of", broken)
            with pytest.raises(ZeroDivisionError, match="a fault in the engine"):
                await manager.run(one("fetch"), execution_id="x")
            assert [event.type for event in await manager.events("x")][-1] == "task.completed"
        assert (await manager.execute_flow("x")).status == "completed"
        assert script.calls == ["fetch"]
        assert (await manager.verify()).ok
