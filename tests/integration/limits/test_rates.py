"""How often tasks of a type are started."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from children import until
from limited_world import World, flow, held

from flowsm import Limits, Rate


async def test_a_rate_spreads_starts(world: World) -> None:
    """Of 6 in a minute one starts each ten seconds: on the clock of the log, with no sleep."""
    manager = await world.manager(Limits(rates={"gated": Rate(6, 60)}))
    names = [f"x{n}" for n in range(4)]
    handles = [await manager.start(flow("gated"), execution_id=name) for name in names]
    await world.are_inside("x0")
    assert await held(manager, *names) == ["held by the rate of task type 'gated': 6 in 60 s"] * 3
    for number in range(1, 4):
        await until(alarm_at(world, 10))
        world.clock.advance(9.9)
        assert world.order == names[:number]
        await until(alarm_at(world, 0.1))
        world.clock.advance(0.1)
        await world.are_inside(*names[: number + 1])
    for name in names:
        world.let_go(name)
    for handle in handles:
        await handle


def alarm_at(world: World, seconds: float) -> Callable[[], Any]:
    """Whether somebody sleeps for so long."""

    async def so() -> bool:
        due = world.clock.next_due()
        return due is not None and abs((due - world.clock.now()).total_seconds() - seconds) < 0.001

    return so


async def test_a_burst_may_come_at_once(world: World) -> None:
    """With a burst of 3, three start at once, then one each interval."""
    manager = await world.manager(Limits(rates={"gated": Rate(6, 60, burst=3)}))
    for n in range(5):
        await manager.start(flow("gated"), execution_id=f"x{n}")
    await world.are_inside("x0", "x1", "x2")
    await until(alarm_at(world, 10))
    world.clock.advance(10)
    await world.are_inside("x0", "x1", "x2", "x3")


async def test_a_rate_holds_over_a_restart(world: World) -> None:
    """What was started before a restart counts after it."""
    limits = Limits(rates={"gated": Rate(6, 60)})
    manager = await world.manager(limits)
    await manager.start(flow("gated"), execution_id="a")
    await world.are_inside("a")
    await manager.close()
    other = await world.manager(limits)
    await other.start(flow("gated"), execution_id="b")
    assert await held(other, "b") == ["held by the rate of task type 'gated': 6 in 60 s"]
    assert world.order == ["a"]


async def test_a_clock_that_jumps_back_does_not_block_a_rate(world: World) -> None:
    """After a jump back of a day the next start comes no later than one interval and its burst from then."""
    manager = await world.manager(Limits(rates={"gated": Rate(6, 60)}))
    await manager.start(flow("gated"), execution_id="a")
    await world.are_inside("a")
    world.clock.jump(-86_400)
    await manager.start(flow("gated"), execution_id="b")
    await until(alarm_at(world, 10))
    world.clock.advance(10)
    await world.are_inside("a", "b")


async def test_a_rate_counts_attempts(world: World) -> None:
    """A retry is a start like any other."""
    manager = await world.manager(Limits(rates={"gated": Rate(1, 60)}))
    retried = flow("gated")
    retried["tasks"][0]["retry"] = {"max_attempts": 2, "initial_interval": 0, "jitter": 0}
    await manager.start(retried, execution_id="a")
    await world.are_inside("a")
    world.inside["a"].set_exception(ValueError("once"))

    async def is_held() -> bool:
        return await held(manager, "a") == ["held by the rate of task type 'gated': 1 in 60 s"]

    await until(is_held)
    await until(alarm_at(world, 60))
    world.clock.advance(60)
    await world.are_inside("a")
