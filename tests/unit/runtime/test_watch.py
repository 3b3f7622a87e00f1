from __future__ import annotations

import asyncio

import pytest

from flowsm.errors import LogUnavailable
from flowsm.limits import RECONCILE_REST_SECONDS, RECONCILE_SECONDS
from flowsm.log.memory import MemoryEventLog
from flowsm.projections.agenda import Owner
from flowsm.runtime.lease import Lease
from flowsm.runtime.watch import Watch
from flowsm.testing.clock import ManualClock


class Store(MemoryEventLog):
    """Its version is what the test says; an exception is raised."""

    number: int | Exception = 0

    def version(self) -> int:
        if isinstance(self.number, Exception):
            raise self.number
        return self.number


class Interests:
    """Someone who is watched for."""

    def __init__(self) -> None:
        self.idle, self.wanted, self.heard = False, ["x"], 0

    def is_idle(self) -> bool:
        return self.idle

    def of_interest(self) -> list[str]:
        return self.wanted

    def told(self, owners: list[Owner]) -> None:
        self.heard += 1


class Asked:
    """An agenda that counts what it is asked."""

    async def owners(self, ids: list[str]) -> list[Owner]:
        return []


class Rounds:
    """A recovery that says whether there is more."""

    def __init__(self) -> None:
        self.rounds, self.parents, self.more = 0, 0, False

    async def look(self) -> bool:
        self.rounds += 1
        return self.more

    async def look_at_parents(self) -> bool:
        self.parents += 1
        return False


class Pause:
    """Waits until the test lets it go on."""

    def __init__(self) -> None:
        self.gate: asyncio.Queue[None] = asyncio.Queue()
        self.waiting = 0

    async def __call__(self, seconds: float) -> None:
        self.waiting += 1
        await self.gate.get()


@pytest.fixture
def store(clock: ManualClock) -> Store:
    return Store(clock)


@pytest.fixture
def pause() -> Pause:
    return Pause()


@pytest.fixture
def watch(store: Store, clock: ManualClock, pause: Pause) -> Watch:
    return Watch(store, Asked(), Lease(store, clock, "w-1", 9), clock, pause)  # type: ignore[arg-type]


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_commit_is_told_and_silence_is_not(watch, store, clock) -> None:
    """It is told at the first look, after each commit, and once a while; in between nothing is asked."""
    interests = Interests()
    for heard in (1, 1):
        await watch.look(interests)
        assert interests.heard == heard
    store.number = 1
    await watch.look(interests)
    assert interests.heard == 2
    clock.advance(RECONCILE_SECONDS)
    await watch.look(interests)
    assert interests.heard == 3
    interests.wanted = []
    store.number = 2
    await watch.look(interests)
    assert interests.heard == 3


async def test_recovery_looks_after_commits_and_once_a_while(watch, store, clock) -> None:
    """A round follows a commit, or some time; when there is more to do the next one follows at once."""
    rounds = watch.recovery = Rounds()
    interests = Interests()
    await watch.look(interests)
    await watch.look(interests)
    assert rounds.rounds == 1
    store.number = 1
    await watch.look(interests)
    assert rounds.rounds == 2
    rounds.more = True
    clock.advance(RECONCILE_SECONDS)
    await watch.look(interests)
    await watch.look(interests)
    assert (rounds.rounds, rounds.parents) == (4, 3)


async def test_parents_have_a_pace_of_their_own(watch, clock) -> None:
    """However long it takes to look through all that wait for children, timers are not looked after later for it."""
    rounds = watch.recovery = Rounds()

    async def look() -> bool:
        rounds.parents += 1
        clock.advance(RECONCILE_SECONDS)
        return False

    rounds.look_at_parents = look
    for _ in range(5):
        await watch.look(Interests())
        clock.advance(RECONCILE_SECONDS)
    assert (rounds.rounds, rounds.parents) == (5, 1)


async def test_recovery_rests_after_a_long_round_but_not_for_ever(watch, store, clock) -> None:
    """A round that took an hour, for the process stood still, is followed by another one soon."""
    rounds = watch.recovery = Rounds()

    async def look() -> bool:
        rounds.rounds += 1
        clock.advance(3600 if rounds.rounds == 1 else 0)
        return False

    rounds.look = look
    interests = Interests()
    await watch.look(interests)
    clock.advance(RECONCILE_REST_SECONDS / 2)
    await watch.look(interests)
    assert rounds.rounds == 1
    clock.advance(RECONCILE_REST_SECONDS / 2)
    await watch.look(interests)
    assert rounds.rounds == 2


async def test_it_lives_as_long_as_there_is_something_to_watch(watch, pause, store) -> None:
    """One task, begun once, that keeps the lease; it leaves when all is idle, and can begin again."""
    interests = Interests()
    watch.begin(interests)
    watch.begin(interests)
    await settle()
    assert pause.waiting == 1
    assert [row.worker for row in await store.workers()] == ["w-1"]
    interests.idle = True
    pause.gate.put_nowait(None)
    await settle()
    assert watch._task is None
    interests.idle = False
    watch.begin(interests)
    await settle()
    assert pause.waiting == 2
    await watch.close()
    await watch.close()
    assert watch._task is None


async def test_trouble_is_told_once_and_watched_on(watch, pause, store, caplog) -> None:
    """A file that cannot be read is a line in the log, not one for each look; a bug does not end the watch either."""
    interests = Interests()
    store.number = LogUnavailable("f", "locked")
    watch.begin(interests)
    await settle()
    pause.gate.put_nowait(None)
    await settle()
    assert caplog.text.count("what other processes do is not known for now: f: locked") == 1
    store.number = RuntimeError("a bug")
    pause.gate.put_nowait(None)
    await settle()
    assert "a look at what other processes do failed" in caplog.text
    store.number = 5
    pause.gate.put_nowait(None)
    await settle()
    assert interests.heard == 1
    await watch.close()
