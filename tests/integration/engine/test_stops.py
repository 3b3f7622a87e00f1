"""What is stopped stops: code that ignores its cancellation is left behind, and asking from inside is like asking."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from flowsm import FlowManager, FlowStatus
from flowsm.runtime import attempt, dispatcher, supervisor
from flowsm.runtime.settings import Limits
from flowsm.tasks.factory import TaskFactory

DEADLINE_SECONDS = 20


def flow(*tasks, **fields):
    return {"id": "f", "name": "F", "start_task": tasks[0]["name"], "tasks": list(tasks)} | fields


@pytest.fixture(autouse=True)
def _short_grace(monkeypatch):
    for module in (attempt, dispatcher, supervisor):
        monkeypatch.setattr(module, "ABANDON_AFTER_SECONDS", 0.05)


class World:
    """What the tasks did, and when a stubborn one may leave."""

    def __init__(self):
        self.calls = []
        self.began = asyncio.Event()
        self.may_leave = asyncio.Event()
        self.left = asyncio.Event()
        self.manager = None
        self.verb, self.waits = "", False


@pytest.fixture
async def world():
    made = World()
    yield made
    made.may_leave.set()
    for _ in range(20):
        await asyncio.sleep(0)


async def asks(world, context):
    world.calls.append("asks")
    if len(world.calls) == 1:
        if world.verb == "cancel":
            await world.manager.cancel(context.execution_id, reason="mine")
        else:
            await world.manager.pause(context.execution_id, now=True)
        if world.waits:
            await asyncio.get_running_loop().create_future()
    return "went on"


@pytest.fixture
def registry(world):
    tasks = TaskFactory()

    @tasks.task("stubborn")
    async def stubborn(context):
        world.calls.append("stubborn")
        world.began.set()
        if len(world.calls) > 1:
            return "second"
        try:
            while not world.may_leave.is_set():
                try:
                    await world.may_leave.wait()
                except asyncio.CancelledError:
                    asyncio.current_task().uncancel()
        finally:
            world.left.set()
        return "late"

    @tasks.task("clean")
    async def clean(context):
        world.calls.append("clean")

    @tasks.task("quick")
    async def quick(context):
        return 1

    tasks.task("asks")(partial(asks, world))
    return tasks


@pytest.fixture(params=["plain", "limited"])
async def manager(request, tmp_path, registry, world):
    limits = Limits(task_types={"stubborn": 1}) if request.param == "limited" else None
    async with FlowManager(tmp_path / "log.db", tasks=registry, concurrency=1, limits=limits) as made:
        world.manager = made
        yield made


async def events_of(manager, execution_id):
    return [event.type for event in await manager.events(execution_id)]


async def until(manager, handle, status):
    async with asyncio.timeout(DEADLINE_SECONDS):
        reached = None
        while reached is not status:
            reached = (await manager.get_flow_status(handle.execution_id)).status


async def ended(handle):
    return await asyncio.wait_for(handle.result(), DEADLINE_SECONDS)


async def test_a_task_that_ignores_a_cancel_is_left_behind_and_its_late_result_dropped(manager, world) -> None:
    """The execution goes on to its on_cancel and its end; the place is free; what the code gives later is nothing."""
    document = flow({"name": "stubborn"}, {"name": "clean"}, on_cancel="clean")
    handle = await manager.start(document)
    await asyncio.wait_for(world.began.wait(), DEADLINE_SECONDS)
    await manager.cancel(handle.execution_id, reason="enough")
    execution = await ended(handle)
    assert execution.status is FlowStatus.CANCELLED
    assert world.calls == ["stubborn", "clean"]
    recorded = await events_of(manager, handle.execution_id)
    assert (await asyncio.wait_for(manager.run(flow({"name": "quick"})), DEADLINE_SECONDS)).status == "completed"
    world.may_leave.set()
    await asyncio.wait_for(world.left.wait(), DEADLINE_SECONDS)
    for _ in range(20):
        await asyncio.sleep(0)
    assert await events_of(manager, handle.execution_id) == recorded
    assert world.calls == ["stubborn", "clean"]
    assert (await asyncio.wait_for(manager.run(flow({"name": "quick"})), DEADLINE_SECONDS)).status == "completed"


async def test_a_task_that_ignores_a_pause_is_left_behind_and_run_again(manager, world) -> None:
    """It is paused after the grace; resumed, the attempt is made again, and the old code's result is dropped."""
    handle = await manager.start(flow({"name": "stubborn"}))
    await asyncio.wait_for(world.began.wait(), DEADLINE_SECONDS)
    await manager.pause(handle.execution_id, now=True)
    await until(manager, handle, FlowStatus.PAUSED)
    await manager.resume(handle.execution_id)
    world.may_leave.set()
    execution = await ended(handle)
    assert execution.status is FlowStatus.COMPLETED
    assert execution.task_results["stubborn"].data == "second"


async def test_closing_a_manager_leaves_what_does_not_stop_behind(tmp_path, registry, world) -> None:
    """It takes the grace and no more, with and without a deadline; cut short, the loop's end has nothing to wait for."""
    for number, timeout in enumerate((None, 3600)):
        world.calls.clear()
        world.began.clear()
        manager = FlowManager(tmp_path / f"{number}.db", tasks=registry)
        await manager.start(flow({"name": "stubborn"} | ({"timeout": timeout} if timeout else {})))
        await asyncio.wait_for(world.began.wait(), DEADLINE_SECONDS)
        mine = asyncio.current_task()
        closing = asyncio.ensure_future(manager.close())
        await asyncio.sleep(0)
        closing.cancel()
        await asyncio.wait({closing}, timeout=DEADLINE_SECONDS)
        others = asyncio.all_tasks() - {mine}
        for other in others:
            other.cancel()
        assert not others or not (await asyncio.wait(others, timeout=DEADLINE_SECONDS))[1]
        await manager.close()


@pytest.mark.parametrize("waits", [True, False])
async def test_a_task_may_cancel_its_own_execution(manager, world, waits) -> None:
    """It ends cancelled as from outside, whether the code waits for that or returns; the driver goes on with others."""
    world.verb, world.waits = "cancel", waits
    handle = await manager.start(flow({"name": "asks"}, {"name": "clean"}, on_cancel="clean"))
    execution = await ended(handle)
    assert (execution.status, execution.error) == (FlowStatus.CANCELLED, "mine")
    assert world.calls == ["asks", "clean"]
    recorded = await events_of(manager, handle.execution_id)
    assert "task.interrupted" in recorded
    assert (await asyncio.wait_for(manager.run(flow({"name": "quick"})), DEADLINE_SECONDS)).status == "completed"


@pytest.mark.parametrize("waits", [True, False])
async def test_a_task_may_pause_its_own_execution_now(manager, world, waits) -> None:
    """The attempt is interrupted by the pause, and made again when the execution is resumed."""
    world.verb, world.waits = "pause", waits
    handle = await manager.start(flow({"name": "asks"}))
    await until(manager, handle, FlowStatus.PAUSED)
    await manager.resume(handle.execution_id)
    execution = await ended(handle)
    assert execution.status is FlowStatus.COMPLETED
    assert world.calls == ["asks", "asks"]


@pytest.mark.parametrize("cleaner", ["stubborn", "wait_for_signal"])
async def test_a_second_cancel_ends_an_execution_whose_cleaning_hangs(manager, world, cleaner) -> None:
    """Whatever on_cancel waits for, or ignores, the execution ends cancelled; a cancel for many leaves it alone."""
    handle = await manager.start(
        flow({"name": "waits", "task_type": "wait_for_signal"}, {"name": cleaner}, on_cancel=cleaner)
    )
    await until(manager, handle, FlowStatus.WAITING)
    await manager.cancel(handle.execution_id, reason="enough")
    reached = None
    while reached != cleaner:
        reached = (await manager.get_flow_status(handle.execution_id)).current_task
    if cleaner == "stubborn":
        await asyncio.wait_for(world.began.wait(), DEADLINE_SECONDS)
    report = await manager.in_bulk("cancel", everything=True)
    assert (report.done, report.refused) == (0, 1)
    await manager.cancel(handle.execution_id, actor="me")
    assert (await ended(handle)).status is FlowStatus.CANCELLED
    said = [event.fact.actor for event in await manager.events(handle.execution_id) if "cancell" in event.type]
    assert said == ["", "me", "me"]
    assert (await manager.verify()).problems == ()


@pytest.mark.parametrize("limits", [None, Limits(task_types={"stubborn": 1})])
async def test_clean_stops_are_no_crashes(tmp_path, registry, world, limits) -> None:
    """However often its worker is stopped, an attempt is made again, and nobody is asked; the log says what happened."""
    execution_id = "x"
    for number in range(4):
        world.calls.clear()
        world.began.clear()
        async with FlowManager(tmp_path / "log.db", tasks=registry, limits=limits) as manager:
            if number == 0:
                await manager.start(flow({"name": "stubborn"}), execution_id=execution_id)
            else:
                going_on = asyncio.ensure_future(manager.execute_flow(execution_id))
            await asyncio.wait_for(world.began.wait(), DEADLINE_SECONDS)
            async with FlowManager(tmp_path / "log.db", tasks=registry) as other:
                assert (await other.get_flow_status(execution_id)).status is FlowStatus.RUNNING
        if number:
            await asyncio.wait({going_on})
    async with FlowManager(tmp_path / "log.db", tasks=registry, limits=limits) as manager:
        said = [event.fact for event in await manager.events(execution_id) if event.type == "task.interrupted"]
        assert [fact.by for fact in said] == ["shutdown"] * 4
        assert all(fact.reason.endswith(" was stopped") for fact in said)
        world.may_leave.set()
        assert (await manager.execute_flow(execution_id)).status is FlowStatus.COMPLETED
        assert (await manager.verify()).problems == ()


async def test_a_clean_stop_is_for_the_policy_to_decide_on(tmp_path, registry, world) -> None:
    """What runs at most once has failed, whoever stopped it."""
    async with FlowManager(tmp_path / "log.db", tasks=registry) as manager:
        await manager.start(flow({"name": "stubborn", "on_interrupt": "fail"}), execution_id="x")
        await asyncio.wait_for(world.began.wait(), DEADLINE_SECONDS)
    async with FlowManager(tmp_path / "log.db", tasks=registry) as manager:
        assert (await manager.execute_flow("x")).status is FlowStatus.FAILED
    assert world.calls == ["stubborn"]
