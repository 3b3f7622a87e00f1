"""Limits within one process: who is held back, what it costs the others, and what may be done to him."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from children import until
from limited_world import World, flow, held

from flowsm import ExecutionHandle, FlowManager, Limits
from flowsm.log.limiting import LimitingEventLog

ONE = Limits(task_types={"gated": 1})
HELD = ["held by the limit of task type 'gated': 1 of 1"]


async def begun(world: World, manager: FlowManager, *names: str) -> list[ExecutionHandle]:
    """Executions of which the first has the place, and the others are held back."""
    handles = [await manager.start(flow("gated"), execution_id=name) for name in names]
    await world.are_inside(names[0])

    async def are_held() -> bool:
        return await held(manager, *names) == HELD * (len(names) - 1)

    await until(are_held)
    return handles


@pytest.mark.parametrize("recover", [False, True])
async def test_they_get_their_turn_in_the_order_in_which_they_came(world: World, recover: bool) -> None:
    """Who is held back is woken when the place is given back, first come first served, and leaves no trace behind."""
    manager = await world.manager(ONE, recover=recover)
    names = ["a", "b", "c", "d"]
    handles = await begun(world, manager, *names)
    for name in names:
        await world.are_inside(name)
        world.let_go(name)
    assert [(await handle).status for handle in handles] == ["completed"] * 4
    assert world.order == names
    assert await manager._log.query("SELECT (SELECT count(*) FROM slots), (SELECT count(*) FROM held)") == [(0, 0)]
    assert (await manager.verify()).ok


async def test_a_new_one_does_not_pass_by_those_who_wait(world: World) -> None:
    """An execution that comes when a place was just given back goes behind those who are in the queue."""
    manager = await world.manager(ONE)
    await begun(world, manager, "a", "b")
    world.let_go("a")
    late = await manager.start(flow("gated"), execution_id="c")
    await world.are_inside("b")
    world.let_go("b")
    await world.are_inside("c")
    world.let_go("c")
    await late
    assert world.order == ["a", "b", "c"]


async def test_one_that_runs_several_lets_others_in_between(world: World) -> None:
    """A flow of several limited tasks asks for its place anew for each: nobody starves behind a loop."""
    manager = await world.manager(ONE)
    first = await manager.start(flow("gated", "gated"), execution_id="a")
    await world.are_inside("a")
    second = await manager.start(flow("gated", "gated"), execution_id="b")
    for name in ("a", "b", "a", "b"):
        await world.are_inside(name)
        world.let_go(name)
    await first
    await second
    assert world.order == ["a", "b", "a", "b"]
    assert [event.type for event in await manager.events("a")].count("task.started") == 2


async def test_those_whose_process_does_not_come_are_passed_by(world: World) -> None:
    """A place is kept for the first in the queue for a moment only, and for none of those behind him of his process."""
    manager = await world.manager(ONE)
    await begun(world, manager, "a", "b", "c", "d")
    manager._bound()._watch.openings.close()  # it lives, and wakes nobody
    other = await world.manager(ONE)
    world.let_go("a")
    await world.are_inside()
    handle = await other.start(flow("gated"), execution_id="e")
    assert await held(other, "e") == ["held by the limit of task type 'gated': 0 of 1"]
    world.clock.advance(1.1)
    await world.are_inside("e")
    world.let_go("e")
    assert (await handle).status == "completed"


async def test_those_whom_nobody_can_take_up_are_passed_by_at_once(world: World) -> None:
    """What a manager that was closed has left in the queue delays nobody; once somebody recovers, it has its turn."""
    manager = await world.manager(ONE)
    names = [f"b{number}" for number in range(12)]
    await begun(world, manager, "a", *names)
    await manager.close()
    other = await world.manager(ONE)
    await other.start(flow("gated"), execution_id="c")
    await world.are_inside("c")
    await other.start(flow("gated"), execution_id="d")
    await world.manager(ONE, recover=True)

    async def is_seen() -> bool:
        return bool(await other._log.query("SELECT 1 FROM workers WHERE recovers = 1"))

    await until(is_seen)
    world.let_go("c")

    async def is_next_inside() -> bool:
        return len(world.order) == 3

    await until(is_next_inside)
    assert world.order[2] in {"a", *names}, "d came after them"


async def test_it_costs_others_nothing(world: World) -> None:
    """With the only place taken, and more held back than may run at once, executions without such tasks run."""
    manager = await world.manager(ONE, concurrency=3)
    await begun(world, manager, "a", *(f"b{n}" for n in range(6)))
    assert (await manager.run(flow("free", flow_id="g"))).status == "completed"


@pytest.mark.parametrize("recover", [False, True])
async def test_one_held_amid_its_flow_can_be_cancelled(world: World, recover: bool) -> None:
    """Its results up to there are recorded; a cancellation ends it at once, and it leaves the queue."""
    manager = await world.manager(ONE, recover=recover)
    await begun(world, manager, "a")
    handle = await manager.start(flow("free", "gated"), execution_id="b")

    async def is_held() -> bool:
        return await held(manager, "b") == HELD

    await until(is_held)
    seen = await manager.get_flow_status("b")
    assert (seen.status, seen.current_task, seen.completed_tasks) == ("running", "gated 2", ["free 1"])
    await manager.cancel("b")
    assert (await handle).status == "cancelled"
    assert await held(manager, "b") == []
    world.let_go("a")
    await manager.finish("a")


async def test_one_held_at_its_start_can_be_cancelled(world: World) -> None:
    """So does one that has not begun."""
    manager = await world.manager(ONE)
    handles = await begun(world, manager, "a", "b")
    await manager.cancel("b")
    assert (await handles[1]).status == "cancelled"


@pytest.mark.parametrize("recover", [False, True])
@pytest.mark.parametrize("moment", [None, 10], ids=["at once", "at a moment"])
async def test_while_it_is_held_nobody_tries(world: World, monkeypatch: Any, recover: bool, moment: int | None) -> None:
    """An execution asks once, is then left to those who see that there is room, and no timer wakes it."""
    asked: list[str] = []
    append = LimitingEventLog.append

    async def counted(self: LimitingEventLog, batch: Any) -> Any:
        asked.extend([batch.stream] if batch.claim else [])
        return await append(self, batch)

    monkeypatch.setattr(LimitingEventLog, "append", counted)
    manager = await world.manager(ONE, recover=recover)
    await begun(world, manager, "a")
    start_at = None if moment is None else world.clock.now() + timedelta(seconds=moment)
    await manager.start(flow("gated"), execution_id="b", start_at=start_at)
    world.clock.advance(moment or 0)

    async def is_left() -> bool:
        return await held(manager, "b") == HELD and not manager._bound()._dispatcher.carries("b")

    await until(is_left)
    before = list(asked)
    for _ in range(20):
        await held(manager, "b")
    assert asked == before
    assert asked.count("b") <= 2, "once, and once more if a look had just seen the place free"
    world.let_go("a")
    await world.are_inside("b")


@pytest.mark.parametrize("recover", [False, True])
async def test_one_held_at_its_start_waits_for_no_clock(world: World, recover: bool) -> None:
    """Nobody asked for a moment: with the clock set back a day while it is held, it begins when the place is free."""
    manager = await world.manager(ONE, recover=recover)
    handles = await begun(world, manager, "a", "b")
    world.clock.jump(-86_400)
    world.let_go("a")
    await world.are_inside("b")
    world.let_go("b")
    assert [(await handle).status for handle in handles] == ["completed"] * 2


async def test_one_that_is_paused_is_not_woken(world: World) -> None:
    """A pause takes it out of the queue; resumed, it takes its turn again."""
    manager = await world.manager(ONE)
    handles = await begun(world, manager, "a", "b")
    await manager.pause("b")
    assert await held(manager, "b") == []
    world.let_go("a")
    await handles[0]
    assert world.order == ["a"]
    await manager.resume("b")
    await world.are_inside("b")
    world.let_go("b")
    await handles[1]


async def test_one_that_is_told_something_elsewhere_keeps_its_turn(world: World) -> None:
    """A signal from another manager moves its log on: it still goes on when the place is free, awaited or not."""
    manager = await world.manager(ONE)
    await begun(world, manager, "a", "b")
    other = await world.manager(None)
    await other.signal("b", "hello")

    async def is_held_again() -> bool:
        return await held(other, "b") == HELD

    await until(is_held_again)
    world.let_go("a")
    await world.are_inside("b")


async def test_after_a_restart_they_go_on(world: World) -> None:
    """A manager that was closed gives its places back; whoever recovers takes all up, one at a time."""
    manager = await world.manager(ONE)
    await begun(world, manager, "a", "b", "c")
    await manager.close()
    other = await world.manager(ONE, recover=True)

    async def one_is_inside() -> bool:
        return [gate.done() for gate in world.inside.values()] == [False]

    for _ in range(3):
        await until(one_is_inside)
        world.let_go(*world.inside)
    assert [(await other.finish(name)).status for name in "abc"] == ["completed"] * 3
    assert sorted(world.order) == ["a", "a", "b", "c"]


async def test_a_manager_without_limits_takes_up_what_others_held_back(world: World) -> None:
    """Limits are of the managers that have them: what is held back is never stranded by them."""
    manager = await world.manager(ONE)
    await begun(world, manager, "a", "b", "c")
    await manager.close()
    await world.manager(None, recover=True)
    await world.are_inside("a", "b", "c")


async def test_a_flow_has_so_many_at_once(world: World) -> None:
    """Of a flow with two places two executions are advanced; one that waits has none, and others go on meanwhile."""
    manager = await world.manager(Limits(flows={"f": 2}))
    waiting = flow("free", "wait_for_signal", "gated")
    handles = [await manager.start(waiting, execution_id=name) for name in "abc"]

    async def all_wait() -> bool:
        return [(await manager.get_flow_status(name)).status for name in "abc"] == ["waiting"] * 3

    await until(all_wait)
    for name in "abc":
        await manager.signal(name, "wait_for_signal 2")
    await world.are_inside("a", "b")
    assert await held(manager, "a", "b", "c") == ["held by the limit of flow 'f': 2 of 2"]
    world.let_go("a")
    await world.are_inside("b", "c")
    world.let_go("b")
    world.let_go("c")
    for handle in handles:
        await handle


async def test_a_retry_that_waits_holds_no_place(world: World) -> None:
    """Between two attempts the place is another's."""
    manager = await world.manager(ONE)
    retried = flow("gated")
    retried["tasks"][0]["retry"] = {"max_attempts": 2, "initial_interval": 60, "jitter": 0}
    first = await manager.start(retried, execution_id="a")
    await world.are_inside("a")
    second = await manager.start(flow("gated"), execution_id="b")
    world.inside["a"].set_exception(ValueError("once"))
    await world.are_inside("b")
    world.clock.advance(61)

    async def is_held() -> bool:
        return await held(manager, "a") == HELD

    await until(is_held)
    world.let_go("b")
    await world.are_inside("a")
    world.let_go("a")
    assert (await first).status == (await second).status == "completed"


async def test_a_flows_timeout_goes_on_while_it_is_held(world: World) -> None:
    """An execution whose own time is over fails, whether its turn has come or not."""
    manager = await world.manager(ONE, recover=True)
    await begun(world, manager, "a")
    handle = await manager.start(flow("free", "gated", timeout=30), execution_id="b")

    async def is_held() -> bool:
        return await held(manager, "b") == HELD

    await until(is_held)
    world.clock.advance(31)
    ended = await handle
    assert (ended.status, ended.error) == ("failed", "the execution took longer than its timeout of 30 s")


async def test_a_flows_timeout_rings_while_it_is_held(world: World) -> None:
    """It is noticed when it comes, not at the next look: an alarm is set for it."""
    manager = await world.manager(ONE, lease_seconds=120)
    await begun(world, manager, "a")
    await manager.start(flow("free", "gated", timeout=50), execution_id="b")
    handle = await manager.start(flow("free", "gated", timeout=30), execution_id="c")

    async def is_set(seconds: float) -> bool:
        due = world.clock.next_due()
        return due is not None and (due - world.clock.now()).total_seconds() == seconds

    await until(partial(is_set, 30))
    world.clock.advance(30)
    assert (await handle).status == "failed"
    await until(partial(is_set, 20))

    async def is_held() -> bool:
        return await held(manager, "b") == HELD

    await until(is_held)


async def test_a_transaction_gives_its_place_back(world: World) -> None:
    """An attempt that ends with a transaction holds its place no longer, and the next task takes its turn."""
    manager = await world.manager(Limits(task_types={"booked": 1, "gated": 1}))
    await begun(world, manager, "a")
    handle = await manager.start(flow("booked", "gated"), execution_id="b")
    assert (await manager.run(flow("booked"))).status == "completed"

    async def is_held() -> bool:
        return await held(manager, "b") == HELD

    await until(is_held)
    assert (await manager.get_flow_status("b")).completed_tasks == ["booked 1"]
    world.let_go("a")
    await world.are_inside("b")
    world.let_go("b")
    assert (await handle).status == "completed"


async def test_a_key_starts_once_although_it_is_held(world: World) -> None:
    """The same start with its idempotency key gives the execution that is held back."""
    manager = await world.manager(ONE)
    await begun(world, manager, "a")
    one = await manager.start(flow("gated"), idempotency_key="k")
    two = await manager.start(flow("gated"), idempotency_key="k")
    assert one.execution_id == two.execution_id
    assert await held(manager, one.execution_id) == HELD


async def test_doctor_tells_what_is_held_for_long(world: World) -> None:
    """After a minute an execution that a limit holds back is listed, with the limit; before that it is not."""
    manager = await world.manager(ONE, lease_seconds=120)
    await begun(world, manager, "a", "b")
    assert (await manager.doctor()).ok
    world.clock.advance(61)
    (found,) = [trouble for trouble in (await manager.doctor()).troubles if trouble.place == "execution b"]
    assert (found.kind, found.value) == ("stuck", "created")
    assert found.message == f"{HELD[0]}, since 2026-01-31T12:00:00.000000Z"
    assert found.way_out.startswith("it goes on in its turn; if that takes too long, raise the limit")


async def test_a_purge_takes_its_traces_along(world: World, tmp_path: Path) -> None:
    """Whatever was noted of an execution's place and turn leaves the file with it."""
    manager = await world.manager(Limits(flows={"f": 1}))
    await manager.run(flow("free"), execution_id="a")
    write = manager._log.write
    await write(lambda connection: connection.execute("INSERT INTO slots VALUES ('flow', 'f', 'a', 1)").close())
    world.clock.advance(60)
    report = await manager.archive(tmp_path / "a.ndjson.gz", older_than=timedelta(seconds=1))
    assert report.executions == 1
    assert await manager._log.query("SELECT count(*) FROM slots") == [(0,)]
