from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from flowsm.testing.clock import ManualClock


def test_time_stands_still_until_it_is_advanced() -> None:
    """Both times move by what is advanced, and by nothing else."""
    clock = ManualClock(datetime(2026, 2, 1, tzinfo=UTC))
    before = clock.monotonic()
    assert clock.now() == clock.now() == datetime(2026, 2, 1, tzinfo=UTC)
    clock.advance(1.5)
    assert clock.now() == datetime(2026, 2, 1, tzinfo=UTC) + timedelta(seconds=1.5)
    assert clock.monotonic() - before == 1.5


async def test_a_sleeper_wakes_when_its_time_has_come() -> None:
    """Sleepers are woken once their seconds have passed, the earliest first; others sleep on."""
    clock, woken = ManualClock(), []

    async def sleep(seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append(seconds)

    tasks = [asyncio.create_task(sleep(seconds)) for seconds in (3, 1, 2)]
    await clock.sleepers(3)
    assert clock.next_due() == clock.now() + timedelta(seconds=1)
    clock.advance(2)
    await asyncio.wait(tasks[1:])
    assert woken == [1, 2]
    clock.advance(1)
    await tasks[0]
    assert woken == [1, 2, 3]
    assert clock.next_due() is None


async def test_no_time_is_slept_at_once() -> None:
    """Zero seconds, and fewer, need no advance."""
    clock = ManualClock()
    await clock.sleep(0)
    await clock.sleep(-1)
    assert clock.next_due() is None


async def test_a_cancelled_sleeper_is_forgotten() -> None:
    """A sleep that is cancelled leaves nothing to be woken, also when it is cancelled and due at once."""
    clock = ManualClock()
    tasks = [asyncio.create_task(clock.sleep(1)), asyncio.create_task(clock.sleep(1))]
    await clock.sleepers(2)
    tasks[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await tasks[0]
    tasks[1].cancel()
    clock.advance(1)
    with pytest.raises(asyncio.CancelledError):
        await tasks[1]
    assert clock.next_due() is None


async def test_watchers_wait_for_as_many_sleepers_as_they_asked_for() -> None:
    """`sleepers(n)` returns at once when n sleep, and not before."""
    clock = ManualClock()
    first, second = asyncio.create_task(clock.sleepers(1)), asyncio.create_task(clock.sleepers(2))
    given_up = asyncio.create_task(clock.sleepers(1))
    await asyncio.sleep(0)
    given_up.cancel()
    one = asyncio.create_task(clock.sleep(1))
    await first
    assert not second.done()
    two = asyncio.create_task(clock.sleep(1))
    await second
    await clock.sleepers(2)
    clock.advance(1)
    await asyncio.gather(one, two)
    assert given_up.cancelled()


async def test_the_wall_clock_can_be_set_alone() -> None:
    """A jump moves the wall time only: nobody is woken, boot time and monotonic time stand still."""
    clock = ManualClock()
    sleeping = asyncio.create_task(clock.sleep(5))
    await clock.sleepers()
    wall, boot = clock.now(), clock.boot_ms()
    clock.jump(-86_400)
    assert (clock.now(), clock.boot_ms(), clock.monotonic()) == (wall - timedelta(days=1), boot, 0)
    assert clock.next_due() == clock.now() + timedelta(seconds=5)
    clock.jump(2 * 86_400)
    await asyncio.sleep(0)
    assert not sleeping.done()
    clock.advance(5)
    await sleeping


def test_the_machine_may_sleep_and_be_started_again() -> None:
    """Asleep, wall and boot time go on without the monotonic clock; after a start boot time has another id."""
    clock = ManualClock()
    wall, boot, boot_id = clock.now(), clock.boot_ms(), clock.boot_id()
    clock.suspend(60)
    assert (clock.now() - wall, clock.boot_ms() - boot, clock.monotonic()) == (timedelta(seconds=60), 60_000, 0)
    clock.reboot()
    assert (clock.boot_ms(), clock.boot_id() == boot_id) == (0, False)
