"""What may happen to an attempt: timeouts, and whatever its code raises."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

import flowsm
from flowsm import FlowManager, FlowStatus, TaskStatus
from flowsm.limits import ABANDON_AFTER_SECONDS
from flowsm.runtime.dispatcher import EmbeddedDispatcher

ROOT = Path(flowsm.__file__).parents[1]
START = ["execution.created", "execution.started", "transition.taken", "task.started"]
TIMED_OUT = ["task.timed_out", "transition.taken", "execution.failed"]
DONE = ["task.completed", "transition.taken", "execution.completed"]


async def types(manager: FlowManager, execution_id: str) -> list[str]:
    return [event.type for event in await manager.events(execution_id)]


def one(task: str, flow: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    return {"id": task, "name": task, "start_task": task, "tasks": [{"name": task, **fields}]} | (flow or {})


# -- timeouts -----------------------------------------------------------------------------------------


async def test_a_task_that_hangs_is_stopped_and_recorded(timed, tasks, clock) -> None:
    """An async task beyond its timeout is cancelled; the timeout is its failure."""
    cancelled = []

    async def hang():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    tasks.register_task("hang", hang)
    handle = await timed.start(one("hang", timeout=5))
    await clock.sleepers()
    clock.advance(5)
    result = await handle
    assert cancelled == [True]
    assert (result.status, result.task_results["hang"].status) == (FlowStatus.FAILED, TaskStatus.FAILURE)
    assert result.error == "task 'hang' failed: task 'hang' took longer than its timeout of 5 s"
    assert await types(timed, result.execution_id) == [*START, *TIMED_OUT]
    (row,) = await timed.history(result.execution_id)
    assert (row.status, row.error_type, row.duration_us) == ("timed_out", "TaskTimeout", 5_000_000)


async def test_a_task_that_does_not_stop_is_left_behind(timed, tasks, clock) -> None:
    """A task that keeps its cancellation to itself is left behind after a while, and its late result is dropped."""
    release = asyncio.Event()

    async def stubborn():
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue
        return "late"

    tasks.register_task("stubborn", stubborn)
    handle = await timed.start(one("stubborn", timeout=5))
    await clock.sleepers()
    clock.advance(5)
    await asyncio.sleep(0)
    await clock.sleepers()
    clock.advance(ABANDON_AFTER_SECONDS)
    result = await handle
    assert await types(timed, result.execution_id) == [*START, *TIMED_OUT]
    release.set()
    await asyncio.sleep(0)
    assert await types(timed, result.execution_id) == [*START, *TIMED_OUT]


async def test_a_function_that_blocks_is_left_to_its_thread(timed, tasks, clock) -> None:
    """A plain function beyond its timeout is recorded as timed out, while its thread goes on to its end."""
    release, ended = threading.Event(), threading.Event()
    loop, began = asyncio.get_running_loop(), asyncio.Event()

    def block():
        loop.call_soon_threadsafe(began.set)
        release.wait(30)
        ended.set()
        return "late"

    tasks.register_task("block", block)
    handle = await timed.start(one("block", timeout=5))
    await began.wait()
    clock.advance(5)
    result = await handle
    assert await types(timed, result.execution_id) == [*START, *TIMED_OUT]
    assert not ended.is_set()
    release.set()
    assert ended.wait(30)


async def test_a_task_in_time_is_not_stopped(timed, tasks, clock) -> None:
    """A timeout that is not reached changes nothing, an exception within it is the task's own."""
    tasks.register_task("quick", lambda: 1)

    async def broken(context):
        assert context.deadline is not None
        assert (context.deadline - clock.now()).total_seconds() == 5
        raise ValueError("no")

    tasks.register_task("broken", broken)
    assert (await timed.run(one("quick", timeout=5))).status is FlowStatus.COMPLETED
    assert (await timed.run(one("broken", timeout=5))).error == "task 'broken' failed: no"


async def test_a_flow_that_takes_too_long_during_an_attempt(timed, tasks, clock) -> None:
    """The flow's timeout stops the attempt that runs into it, and fails the execution without another attempt."""

    async def hang():
        await asyncio.Event().wait()

    tasks.register_task("hang", hang)
    handle = await timed.start(one("hang", {"timeout": 3}, timeout=5, retry={"initial_interval": 0}))
    await clock.sleepers()
    clock.advance(3)
    result = await handle
    assert result.error == "the execution took longer than its timeout of 3 s"
    assert await types(timed, result.execution_id) == [*START, *TIMED_OUT]
    assert (await timed.history(result.execution_id))[0].error_type == "FlowTimeout"


async def test_a_flow_that_takes_too_long_between_attempts(timed, tasks, clock, script, monkeypatch) -> None:
    """The flow's timeout ends a backoff: the alarm is set to it, and the next attempt is not made."""
    script.failing["fetch"] = 9
    backoff, set_alarm = asyncio.Event(), EmbeddedDispatcher._set_alarm

    def set_alarm_and_tell(*alarm):
        set_alarm(*alarm)
        backoff.set()

    monkeypatch.setattr(EmbeddedDispatcher, "_set_alarm", set_alarm_and_tell)
    handle = await timed.start(one("fetch", {"timeout": 8}, retry={"initial_interval": 100, "max_interval": 100}))
    await backoff.wait()
    await clock.sleepers()
    clock.advance(8)
    result = await handle
    assert (result.status, result.error) == (FlowStatus.FAILED, "the execution took longer than its timeout of 8 s")
    ended = ["task.completed", "retry.scheduled", "transition.taken", "execution.failed"]
    assert await types(timed, result.execution_id) == [*START, *ended]


async def test_an_alarm_that_rings_early_is_set_again(timed, tasks, clock) -> None:
    """A deadline is wall time: an alarm whose clock runs ahead of it does not end the attempt."""
    release = asyncio.Event()
    tasks.register_task("held", release.wait)
    handle = await timed.start(one("held", timeout=5))
    await clock.sleepers()
    clock.advance(5 - 1e-6)
    (_due, woken) = clock._sleepers[0]
    woken.set_result(None)
    await asyncio.sleep(0)
    await clock.sleepers()
    release.set()
    assert (await handle).status is FlowStatus.COMPLETED


# -- whatever a task raises ----------------------------------------------------------------------------


class Odd(BaseException):
    """No `Exception` at all."""


@pytest.mark.parametrize("seconds", [None, 30])
@pytest.mark.parametrize("raised", [ValueError("no"), asyncio.CancelledError("no"), SystemExit("no"), Odd("no")])
async def test_whatever_a_task_raises_is_its_failure(manager, tasks, raised, seconds) -> None:
    """Exceptions of every kind are recorded as the task's failure, with or without a timeout; the engine goes on."""

    async def raising():
        raise raised

    tasks.register_task("raising", raising)
    result = await manager.run(one("raising", timeout=seconds))
    assert (result.status, result.error) == (FlowStatus.FAILED, "task 'raising' failed: no")
    (row,) = await manager.history(result.execution_id)
    assert (row.status, row.error_type) == ("failure", type(raised).__name__)
    ended = (await manager.events(result.execution_id))[4].fact
    assert f"{type(raised).__name__}" in ended.error.traceback
    assert (await manager.run(one("fetch"))).status is FlowStatus.COMPLETED


@pytest.mark.parametrize("function", [lambda: {1: object()}, lambda: float("nan")])
async def test_a_result_that_is_no_json_is_a_failure(manager, tasks, function) -> None:
    """What cannot be recorded is a failure of the task, in words."""
    tasks.register_task("odd", function)
    result = await manager.run(one("odd"))
    assert result.status is FlowStatus.FAILED
    assert "cannot be recorded" in (result.error or "")
