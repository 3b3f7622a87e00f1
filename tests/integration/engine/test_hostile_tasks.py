"""Tasks whose code turns against the engine that runs it."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys

import pytest

from flowsm import FlowManager, FlowStatus
from flowsm.testing.clock import ManualClock


def one(task: str, **policy):
    """A flow of one task."""
    return {"id": "f", "name": "F", "start_task": task, "tasks": [{"name": task, **policy}]}


async def cancels_itself():
    asyncio.current_task().cancel()
    await asyncio.sleep(0)


async def cancels_itself_and_returns():
    asyncio.current_task().cancel()
    return 1


async def cancels_itself_twice_and_swallows():
    for _ in range(2):
        asyncio.current_task().cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(0)
    return 1


async def raises_generator_exit():
    raise GeneratorExit


HOSTILE = [cancels_itself, cancels_itself_and_returns, cancels_itself_twice_and_swallows, raises_generator_exit]


@pytest.mark.parametrize("seconds", [None, 30])
@pytest.mark.parametrize("code", HOSTILE, ids=lambda code: code.__name__)
async def test_code_that_ends_its_own_asyncio_task_fails_alone(path, tasks, code, seconds) -> None:
    """It is that task's failure: the driver goes on, whoever waits gets a result, and who comes next is served."""
    tasks.register_task("hostile", code)
    tasks.register_task("fine", lambda: "fine")
    async with FlowManager(path, tasks=tasks, concurrency=1) as manager:
        first = await manager.start(one("hostile", timeout=seconds))
        second = await manager.start(one("fine"))
        result = await first
        assert result.status is FlowStatus.FAILED or seconds
        assert result.ended_at is not None
        assert (await second).status is FlowStatus.COMPLETED
        assert (await manager.verify()).ok


async def groups_and_fails():
    async with asyncio.TaskGroup() as group:
        group.create_task(asyncio.Event().wait())
        group.create_task(_fails_soon())


async def groups_and_survives():
    for _ in range(2):
        with contextlib.suppress(ExceptionGroup):
            await groups_and_fails()
    async with asyncio.timeout(30):
        await asyncio.sleep(0)
    return "survived"


async def _fails_soon():
    for _ in range(3):
        await asyncio.sleep(0)
    raise ValueError("not today")


@pytest.mark.parametrize("seconds", [None, 30])
@pytest.mark.parametrize("code", [groups_and_fails, groups_and_survives], ids=lambda code: code.__name__)
async def test_a_group_that_fails_is_a_failure_like_any_other(path, tasks, code, seconds) -> None:
    """An `asyncio.TaskGroup` cancels the task that it is in: that is no crash, and the attempt has its own result."""
    tasks.register_task("group", code)
    async with FlowManager(path, tasks=tasks, concurrency=1) as manager:
        ended = await manager.run(one("group", timeout=seconds, retry={"max_attempts": 2, "initial_interval": 0}))
        kinds = [event.type for event in await manager.events(ended.execution_id)]
        assert "task.interrupted" not in kinds
        if code is groups_and_fails:
            assert (ended.status, kinds.count("task.started")) == (FlowStatus.FAILED, 2)
            assert "unhandled errors in a TaskGroup" in ended.error
        else:
            assert ended.task_results["group"].data == "survived"


async def test_an_error_without_a_message_is_named_by_its_type(manager, tasks) -> None:
    """What an execution says of its failure is never an empty sentence."""

    async def silent():
        raise AssertionError

    tasks.register_task("silent", silent)
    assert (await manager.run(one("silent"))).error == "task 'silent' failed: AssertionError"


STUBBORN = """
import asyncio, sys
from flowsm import FlowManager, TaskFactory
from flowsm.runtime import attempt, dispatcher

attempt.ABANDON_AFTER_SECONDS = dispatcher.ABANDON_AFTER_SECONDS = 0.05
seconds = float(sys.argv[1]) or None
tasks = TaskFactory()

async def stubborn():
    while True:
        try:
            await asyncio.sleep(100)
        except asyncio.CancelledError:
            pass

tasks.register_task("stubborn", stubborn)
flow = {"id": "f", "name": "F", "start_task": "stubborn", "tasks": [{"name": "stubborn", "timeout": seconds}]}
if seconds is None:
    del flow["tasks"][0]["timeout"]

async def main():
    async with FlowManager(":memory:", tasks=tasks) as manager:
        handle = await manager.start(flow)
        await asyncio.sleep(0)
        if seconds:
            print((await handle).error)

asyncio.run(main())
print("ended")
"""


@pytest.mark.parametrize("seconds", [0, 0.01])
def test_code_that_never_stops_does_not_hold_up_the_end_of_the_loop(seconds) -> None:
    """`asyncio.run` ends, although a task swallows every cancellation: beyond its timeout, or when the manager closes."""
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", STUBBORN, str(seconds)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ran.stdout.splitlines()[-1:] == ["ended"], ran.stderr
    assert "Traceback" not in ran.stderr


async def test_a_timeout_is_kept_although_the_clock_is_set_back(path, tasks) -> None:
    """A task that hangs is stopped after its timeout, in seconds that passed: not a day later."""
    clock = ManualClock()
    tasks.register_task("hangs", asyncio.Event().wait)
    async with FlowManager(path, tasks=tasks, clock=clock) as manager:
        handle = await manager.start(one("hangs", timeout=10))
        await clock.sleepers()
        clock.jump(-24 * 3600)
        clock.advance(10)
        result = await asyncio.wait_for(handle.result(), 10)
    assert result.error == "task 'hangs' failed: task 'hangs' took longer than its timeout of 10 s"
