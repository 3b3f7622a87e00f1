"""The consumer of a subscription, with a clock and pauses that the test turns."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from children import until

from flowsm.errors import LogUnavailable, SubscriptionHeld
from flowsm.limits import FOLLOW_SAVE_SECONDS
from flowsm.log.port import Followed, Subscription
from flowsm.log.sqlite import SqliteEventLog
from flowsm.runtime.consumer import Consumer
from flowsm.runtime.lease import Lease
from flowsm.testing.clock import ManualClock
from flowsm.testing.log_contract import created, started, to_append

LEASE_SECONDS = 9
DEADLINE_SECONDS = 20


@pytest.fixture
async def log(tmp_path: Path, clock: ManualClock) -> AsyncIterator[SqliteEventLog]:
    """A log of four events of as many streams."""
    made = SqliteEventLog(tmp_path / "flowsm.db", durability="normal", clock=clock)
    for name in "abcd":
        await made.append(to_append(name, 0, created()))
    yield made
    await made.close()


class Turns:
    """Makes consumers whose own tasks take a turn when the test says so."""

    def __init__(self, log: SqliteEventLog, clock: ManualClock) -> None:
        self._log = log
        self._clock = clock
        self._pausing: list[asyncio.Future[None]] = []
        self._came = asyncio.Event()
        self.made: list[Consumer] = []

    def consumer(self, worker: str) -> Consumer:
        lease = Lease(self._log, self._clock, worker, LEASE_SECONDS)
        made = Consumer(self._log, lease, self._clock, worker=worker, name="n", types=None, after=0, pause=self._pause)
        self.made.append(made)
        return made

    async def take(self) -> None:
        """Let each consumer's own task look once, to the end."""
        for pausing in await self._all_pause():
            pausing.set_result(None)
        await self._all_pause()

    async def _all_pause(self) -> list[asyncio.Future[None]]:
        """Those who pause, once there is one for each consumer that was asked for an event, and not closed."""
        while True:
            found = [pausing for pausing in self._pausing if not pausing.done()]
            if len(found) == sum(consumer._tender is not None for consumer in self.made):
                return found
            self._came.clear()
            await self._came.wait()

    async def _pause(self, _seconds: float) -> None:
        pausing: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pausing.append(pausing)
        self._came.set()
        await pausing


@pytest.fixture
async def turns(log: SqliteEventLog, clock: ManualClock) -> AsyncIterator[Turns]:
    made = Turns(log, clock)
    yield made
    for consumer in made.made:
        await consumer.close()


async def stored(log: SqliteEventLog) -> Subscription:
    (found,) = await log.subscriptions()
    return found


async def position(consumer: Consumer) -> int:
    async with asyncio.timeout(DEADLINE_SECONDS):
        event = await consumer.next()
    assert event is not None
    return event.position


async def test_what_its_own_process_commits_is_told_at_once(log, turns) -> None:
    """A commit on the same loop wakes it, with no look at the file in between."""
    one = turns.consumer("w-1")
    assert [await position(one) for _ in range(4)] == [1, 2, 3, 4]
    waiting = asyncio.ensure_future(position(one))
    await asyncio.wait({waiting}, timeout=0.05)
    assert not waiting.done()
    await log.append(to_append("a", 1, started()))
    assert await waiting == 5


async def test_its_place_is_stored_when_the_next_is_asked_for(log, turns, clock) -> None:
    """When nothing is left at once; in the midst of many after a while, by its own task; never what is not done."""
    one = turns.consumer("w-1")
    await position(one)
    await position(one)
    await turns.take()
    assert (await stored(log)).position == 1
    await position(one)
    await turns.take()
    assert (await stored(log)).position == 1
    clock.advance(FOLLOW_SAVE_SECONDS)
    await turns.take()
    assert (await stored(log)).position == 2
    await position(one)
    clock.advance(FOLLOW_SAVE_SECONDS)
    waiting = asyncio.ensure_future(one.next())

    async def is_stored() -> bool:
        return (await stored(log)).position == 4

    await until(is_stored)
    await one.close()
    assert await waiting is None


async def test_closing_stores_what_is_done_and_no_more(log, turns) -> None:
    """The event that was given last is not counted, unless that was said."""
    one = turns.consumer("w-1")
    await position(one)
    await position(one)
    await one.close()
    assert ((await stored(log)).position, (await stored(log)).worker) == (1, "")
    two = turns.consumer("w-2")
    assert await position(two) == 2
    await two.done()
    assert (await stored(log)).position == 2
    await two.close()
    assert (await stored(log)).position == 2


async def test_one_that_stood_still_past_its_lease_goes_on_if_nobody_came(log, turns, clock) -> None:
    """It renews its lease, finds that it still is the consumer, and misses nothing."""
    one = turns.consumer("w-1")
    assert await position(one) == 1
    clock.advance(2 * LEASE_SECONDS)
    assert await position(one) == 2
    clock.advance(2 * LEASE_SECONDS)
    await turns.take()
    assert await position(one) == 3
    assert (await stored(log)).epoch == 1


@pytest.mark.parametrize("by_itself", [False, True])
async def test_one_that_was_replaced_tells_and_stores_nothing(log, turns, clock, caplog, by_itself) -> None:
    """It is told so when it asks for the next event, and waits; what it says was done is an error."""
    one, two = turns.consumer("w-1"), turns.consumer("w-2")
    assert [await position(one) for _ in range(3)] == [1, 2, 3]
    await one.done()
    assert await position(one) == 4
    clock.advance(LEASE_SECONDS)
    assert await position(two) == 4
    if by_itself:
        await turns.take()
    with pytest.raises(SubscriptionHeld, match="was taken for dead"):
        await one.done()
    waiting = asyncio.ensure_future(position(one))
    await asyncio.wait({waiting}, timeout=0.05)
    assert not waiting.done()
    assert "was taken over by another consumer" in caplog.text
    assert (await stored(log)).position == 3
    assert (await stored(log)).worker == "w-2"
    await two.close()
    assert await waiting == 4


async def test_a_replaced_one_that_asks_waits(log, turns, clock) -> None:
    """No event that it had read before is given out after another one took over."""
    one, two = turns.consumer("w-1"), turns.consumer("w-2")
    assert await position(one) == 1
    clock.advance(LEASE_SECONDS)
    assert [await position(two) for _ in range(2)] == [1, 2]
    waiting = asyncio.ensure_future(position(one))
    await asyncio.wait({waiting}, timeout=0.05)
    assert not waiting.done()
    await two.close()
    assert await waiting == 2


async def test_the_lease_is_renewed_while_the_body_runs(log, turns, clock) -> None:
    """However long an event takes, nobody takes over from one whose loop goes on."""
    one, two = turns.consumer("w-1"), turns.consumer("w-2")
    assert await position(one) == 1
    waiting = asyncio.ensure_future(two.next())
    for _ in range(10):
        clock.advance(LEASE_SECONDS / 3)
        await turns.take()
    assert not waiting.done()
    await two.close()
    assert await waiting is None


async def test_a_full_disk_costs_repeats_only(log, turns, clock, monkeypatch, caplog) -> None:
    """What hinders the storing of its place is said once; events are told all the same, and stored when it is over."""
    one = turns.consumer("w-1")
    assert await position(one) == 1
    save = log.save_subscription

    async def fails(*_args: object, **_options: object) -> bool:
        raise LogUnavailable("flowsm.db", "the disk is full")

    monkeypatch.setattr(log, "save_subscription", fails)
    for expected in (2, 3, 4):
        assert await position(one) == expected
        clock.advance(FOLLOW_SAVE_SECONDS)
        await turns.take()
    with pytest.raises(LogUnavailable):
        await one.done()
    assert caplog.text.count("the disk is full") == 1
    assert (await stored(log)).position == 0
    monkeypatch.setattr(log, "save_subscription", save)
    clock.advance(FOLLOW_SAVE_SECONDS)
    await turns.take()
    assert (await stored(log)).position == 4


async def test_trouble_with_looking_is_said_and_gone_by(log, turns, clock, monkeypatch, caplog) -> None:
    """Its own task lives on, whatever a look meets."""
    one = turns.consumer("w-1")
    assert await position(one) == 1
    version = log.version

    def unavailable() -> int:
        raise LogUnavailable("flowsm.db", "it is locked")

    for fails in (unavailable, lambda: 1 / 0):
        monkeypatch.setattr(log, "version", fails)
        await turns.take()
        await turns.take()
    assert caplog.text.count("it is locked") == 1
    assert "could not be looked after" in caplog.text
    monkeypatch.setattr(log, "version", version)
    assert await position(one) == 2
    clock.advance(FOLLOW_SAVE_SECONDS)
    await turns.take()
    assert (await stored(log)).position == 1


async def test_closed_before_it_was_asked(turns) -> None:
    """It gives nothing, and closing it again does nothing."""
    one = turns.consumer("w-1")
    await one.close()
    await one.close()
    assert await one.next() is None


async def test_what_was_read_while_another_took_over_is_not_told(log, turns, clock, monkeypatch) -> None:
    """It is the other one's, which tells it first."""
    one, two = turns.consumer("w-1"), turns.consumer("w-2")
    assert [await position(one) for _ in range(4)] == [1, 2, 3, 4]
    read = log.read_followed
    told: list[int] = []

    async def slowly(*arguments: object) -> Followed:
        found: Followed = await read(*arguments)
        monkeypatch.setattr(log, "read_followed", read)
        clock.advance(LEASE_SECONDS)
        told.append(await position(two))
        await turns.take()
        return found

    await log.append(to_append("a", 1, started()))
    monkeypatch.setattr(log, "read_followed", slowly)
    waiting = asyncio.ensure_future(position(one))
    await asyncio.wait({waiting}, timeout=0.2)
    assert not waiting.done()
    assert told[0] <= 5
    await two.close()
    assert await asyncio.wait_for(waiting, 20) == told[0]


async def test_one_that_is_closed_while_it_looks_does_not_wait(log, turns, monkeypatch) -> None:
    """What wakes it comes between its look and its wait."""
    one, two = turns.consumer("w-1"), turns.consumer("w-2")
    assert await position(one) == 1
    look = log.subscriptions
    closing: list[asyncio.Future[None]] = []

    async def slowly() -> list[Subscription]:
        closing.append(asyncio.ensure_future(two.close()))
        await asyncio.sleep(0)
        return await look()

    monkeypatch.setattr(log, "subscriptions", slowly)
    assert await asyncio.wait_for(two.next(), 20) is None
    await closing[0]
