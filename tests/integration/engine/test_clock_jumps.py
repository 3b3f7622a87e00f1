"""The wall clock jumps a day ahead or back: no timer is lost, no lease expires, nothing is out of order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from children import until

from flowsm import FlowManager, FlowStatus
from flowsm.clock import SystemClock, timestamp
from flowsm.events.commands import Create

DAY = 86_400.0
SECONDS = 60.0
PATIENCE_SECONDS = 20
"""Of real time: a test that fails does not hang."""


def one(task: str, parameters: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    return {
        "id": task,
        "name": task,
        "start_task": task,
        "tasks": [{"name": task, "parameters": parameters or {}, **fields}],
    }


FLOWS: dict[str, dict[str, Any]] = {
    "wait": one("wait", {"seconds": SECONDS}),
    "retry": one("flaky", retry={"max_attempts": 2, "initial_interval": SECONDS, "jitter": 0}),
    "start_at": one("fetch"),
    "signal timeout": one("wait_for_signal", {"timeout": SECONDS}),
    "execution timeout": one("wait_for_signal") | {"timeout": SECONDS},
    "task timeout": one("hang", timeout=SECONDS),
}
"""What is over after a minute."""
ENDS = {
    "wait": "",
    "retry": "",
    "start_at": "",
    "signal timeout": "task 'wait_for_signal' failed: no signal 'wait_for_signal' came in time",
    "execution timeout": "the execution took longer than its timeout of 60 s",
    "task timeout": "task 'hang' failed: task 'hang' took longer than its timeout of 60 s",
}


@pytest.fixture(params=[False, True], ids=["", "recovering"])
async def jumping(request, path, tasks, clock, monkeypatch) -> Any:
    """A manager with a clock that the test turns, which recovers, or does not."""
    monkeypatch.setattr("flowsm.runtime.watch.WATCH_SECONDS", 0.001)
    failing = iter([True])

    async def flaky() -> None:
        if next(failing, False):
            raise OSError("not now")

    tasks.register_task("flaky", flaky)
    tasks.register_task("hang", asyncio.Event().wait)
    async with FlowManager(path, tasks=tasks, clock=clock, durability="normal", recover=request.param) as manager:
        yield manager


async def began(manager: FlowManager, kind: str) -> asyncio.Future[Any]:
    """The end of an execution of that kind, once it stands at what has a time."""
    start_at = manager._clock.now() + timedelta(seconds=SECONDS) if kind == "start_at" else None
    handle = await manager.start(FLOWS[kind], execution_id="x", start_at=start_at)
    ending = asyncio.ensure_future(handle.result())
    if kind == "task timeout":
        await manager._clock.sleepers()
        return ending

    async def sleeps() -> bool:
        left = await manager.left()
        served = manager._bound()._serving
        return (left.due, left.later) == (0, 1) and not served

    await until(sleeps)
    return ending


async def is_right(manager: FlowManager, ending: asyncio.Future[Any], kind: str) -> None:
    """It comes to its end in the way of its kind, in order, and no duration is negative."""
    result = await asyncio.wait_for(ending, PATIENCE_SECONDS)
    assert result.error == (ENDS[kind] or None)
    events = await manager.events("x")
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    positions = [event.position for event in events]
    assert positions == sorted(set(positions))
    for attempt in await manager.history("x"):
        assert attempt.duration_us is not None
        assert attempt.duration_us >= 0
    assert (await manager.verify()).ok


@pytest.mark.parametrize("kind", FLOWS)
async def test_a_jump_ahead_loses_no_timer(jumping, clock, kind) -> None:
    """What is due by a clock that was set a day ahead comes within the minute in which the clock is looked at."""
    ending = await began(jumping, kind)
    clock.jump(DAY)
    clock.advance(SECONDS)
    await is_right(jumping, ending, kind)
    late = [event.fact.late_seconds for event in await jumping.events("x") if hasattr(event.fact, "late_seconds")]
    if kind in {"wait", "retry", "start_at", "signal timeout"}:
        assert max(late) == DAY, "how late it was is told"


@pytest.mark.parametrize("kind", FLOWS)
async def test_a_jump_back_loses_no_timer(jumping, clock, kind) -> None:
    """What was due in a minute is due a day later; a running task's own timeout is over in time all the same."""
    ending = await began(jumping, kind)
    clock.jump(-DAY)
    clock.advance(SECONDS)
    if kind != "task timeout":
        await asyncio.wait({ending}, timeout=0.05)
        assert not ending.done()
        clock.advance(DAY)
    await is_right(jumping, ending, kind)


@pytest.mark.parametrize("kind", FLOWS)
async def test_a_jump_back_and_ahead_again_changes_nothing(jumping, clock, kind) -> None:
    """A clock that is put right again in time leaves no trace: it comes when it was due."""
    ending = await began(jumping, kind)
    due = clock.now() + timedelta(seconds=SECONDS)
    clock.jump(-DAY)
    clock.advance(SECONDS / 2)
    clock.jump(DAY)
    clock.advance(SECONDS / 2)
    await is_right(jumping, ending, kind)
    assert (await jumping.get_flow_status("x")).ended_at == due


@pytest.mark.parametrize("seconds", [-DAY, DAY])
async def test_a_jump_amid_tasks_breaks_no_order(jumping, clock, seconds) -> None:
    """The times of events may go back, their places may not; an attempt that ends before it began took no time."""
    jumping.tasks.register_task("jump", lambda: clock.jump(seconds))
    names = ["a", "b", "c"]
    flow = {
        "id": "f",
        "name": "F",
        "start_task": "a",
        "tasks": [{"name": name, "task_type": "jump"} for name in names],
        "conditions": [
            {"source_task": "a", "target_task_success": "b"},
            {"source_task": "b", "target_task_success": "c"},
        ],
    }
    handle = await jumping.start(flow, execution_id="x")
    await is_right(jumping, asyncio.ensure_future(handle.result()), "wait")
    at = [datetime.fromisoformat(event.at) for event in await jumping.events("x")]
    assert at[-1] - at[0] == timedelta(seconds=3 * seconds)
    (row,) = (await jumping.executions()).items
    assert row.status is FlowStatus.COMPLETED
    assert (await jumping.rebuild()).ok


class Held:
    """A task that goes on when the test says so."""

    def __init__(self) -> None:
        self.calls = 0
        self.began, self.release = asyncio.Event(), asyncio.Event()

    async def __call__(self) -> None:
        """Count, and wait."""
        self.calls += 1
        self.began.set()
        await self.release.wait()


async def is_left_alone(owner: FlowManager, other: FlowManager, held: Held, jump: Callable[[], None]) -> None:
    """What the owner runs stays its own, while the other one looks for work and finds some, after a jump."""
    handle = await owner.start(one("held"), execution_id="x")
    await held.began.wait()
    (before,) = await other.owners(["x"])
    for number in range(3):
        jump()
        name = f"y{number}"
        prepared = owner._loader.prepare(owner.load_flow_config(one("fetch")))
        due = timestamp(min(owner._clock.now(), other._clock.now()))
        await owner._advancer.create(prepared, Create(digest=prepared.digest, start_at=due), name, start=False)

        async def taken_up(name: str = name) -> bool:
            return (await other.get_flow_status(name)).status is FlowStatus.COMPLETED

        await until(taken_up)
        (owned,) = await other.owners(["x"])
        assert (owned.worker, owned.epoch, owned.alive) == (before.worker, before.epoch, True)
    held.release.set()
    assert (await asyncio.wait_for(handle.result(), PATIENCE_SECONDS)).status is FlowStatus.COMPLETED
    assert held.calls == 1
    assert [event.type for event in await owner.events("x")].count("task.interrupted") == 0


@pytest.mark.parametrize("seconds", [-DAY, DAY, 400 * DAY])
async def test_a_jump_expires_no_lease(path, tasks, clock, monkeypatch, seconds) -> None:
    """However the wall clock is set, who is alive is known by the time since the machine's start."""
    monkeypatch.setattr("flowsm.runtime.watch.WATCH_SECONDS", 0.001)
    held = Held()
    tasks.register_task("held", held)
    options: dict[str, Any] = {"tasks": tasks, "clock": clock, "durability": "normal"}
    async with FlowManager(path, **options) as owner, FlowManager(path, recover=True, **options) as other:
        await is_left_alone(owner, other, held, lambda: clock.jump(seconds))


class Wrong(SystemClock):
    """The machine's clock, read by somebody whose calendar is wrong."""

    def __init__(self, seconds: float) -> None:
        self.by = timedelta(seconds=seconds)

    def now(self) -> datetime:
        """The wall time, and some."""
        return datetime.now(UTC) + self.by


@pytest.mark.parametrize("seconds", [-DAY, DAY])
async def test_clocks_that_differ_expire_no_lease(path, tasks, seconds) -> None:
    """Two processes whose wall clocks are a day apart leave each other's executions alone."""
    held = Held()
    tasks.register_task("held", held)
    options: dict[str, Any] = {"tasks": tasks, "durability": "normal"}
    async with (
        FlowManager(path, clock=Wrong(seconds), **options) as owner,
        FlowManager(path, recover=True, **options) as other,
    ):
        await is_left_alone(owner, other, held, lambda: None)
