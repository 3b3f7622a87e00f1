from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from flowsm.runtime import dispatcher as module
from flowsm.runtime.dispatcher import EmbeddedDispatcher
from flowsm.testing.clock import ManualClock


class Served:
    """An `advance` that notes what it is called with, and waits for its gate."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.gate = asyncio.Event()
        self.began: asyncio.Queue[str] = asyncio.Queue()

    async def __call__(self, execution_id: str) -> None:
        self.calls.append(execution_id)
        self.began.put_nowait(execution_id)
        await self.gate.wait()


@pytest.fixture
async def served() -> Served:
    return Served()


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_no_more_than_its_concurrency_at_once(clock: ManualClock, served: Served) -> None:
    """What is kicked is advanced in order, as many at once as there is room for."""
    dispatcher = EmbeddedDispatcher(clock, 2)
    dispatcher.kick("a")
    dispatcher.serve(served)
    for execution_id in ("b", "c"):
        dispatcher.kick(execution_id)
    await settle()
    assert (served.calls, dispatcher.has_room()) == (["a", "b"], False)
    served.gate.set()
    await settle()
    assert (served.calls, dispatcher.has_room()) == (["a", "b", "c"], True)
    await dispatcher.close()


async def test_a_doubled_kick_does_no_harm(clock: ManualClock, served: Served) -> None:
    """A kick of what is queued is one kick; a kick of what is being advanced advances it once more."""
    dispatcher = EmbeddedDispatcher(clock, 1)
    dispatcher.serve(served)
    dispatcher.kick("a")
    dispatcher.kick("a")
    await settle()
    dispatcher.kick("a")
    dispatcher.kick("a")
    dispatcher.kick("b")
    served.gate.set()
    await settle()
    assert served.calls == ["a", "b", "a"]
    await dispatcher.close()


async def test_a_kick_for_later_waits_for_its_moment(clock: ManualClock, served: Served) -> None:
    """An alarm rings when it is due; a second one for the same execution takes its place."""
    dispatcher = EmbeddedDispatcher(clock, 1)
    dispatcher.serve(served)
    dispatcher.kick("a", not_before=clock.now() + timedelta(seconds=5))
    await clock.sleepers()
    dispatcher.kick("a", not_before=clock.now() + timedelta(seconds=9))
    await settle()
    clock.advance(5)
    await settle()
    assert served.calls == []
    clock.advance(4)
    await settle()
    assert served.calls == ["a"]
    served.gate.set()
    await dispatcher.close()


async def test_closing_stops_what_runs_and_refuses_what_comes(clock: ManualClock, served: Served) -> None:
    """After close nothing runs, nothing is queued, no alarm rings, and kicks are passed over."""
    dispatcher = EmbeddedDispatcher(clock, 1)
    dispatcher.serve(served)
    dispatcher.kick("a")
    dispatcher.kick("b")
    dispatcher.kick("c", not_before=clock.now() + timedelta(seconds=5))
    await settle()
    await dispatcher.close()
    dispatcher.kick("d")
    dispatcher.kick("e", not_before=clock.now())
    clock.advance(9)
    await settle()
    assert served.calls == ["a"]
    await EmbeddedDispatcher(clock, 1).close()


async def test_closing_leaves_behind_what_does_not_stop(
    clock: ManualClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Code that keeps its cancellation to itself does not hold up the close: it is named in a warning."""
    monkeypatch.setattr(module, "ABANDON_AFTER_SECONDS", 0.005)
    release = asyncio.Event()

    async def stubborn(execution_id: str) -> None:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    dispatcher = EmbeddedDispatcher(clock, 1)
    dispatcher.serve(stubborn)
    dispatcher.kick("x")
    await settle()
    await dispatcher.close()
    assert "left behind, for their code does not stop: x" in caplog.text
    release.set()
    await settle()


async def test_one_timer_for_all_that_wait(clock: ManualClock, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand alarms are one sleeper; they ring in order, outdated ones never, and those leave the heap in time."""
    monkeypatch.setattr(module, "ALARMS_OUTDATED_MAX", 10)
    served.gate.set()
    dispatcher = EmbeddedDispatcher(clock, 1)
    dispatcher.serve(served)
    for seconds in range(1_000, 0, -1):
        dispatcher.kick(f"e{seconds}", not_before=clock.now() + timedelta(seconds=seconds))
    await settle()
    assert len(clock._sleepers) == 1
    assert (dispatcher.carried(), dispatcher.carries("e7"), dispatcher.is_idle()) == (1_000, True, True)
    for _ in range(5):
        for seconds in range(4, 1_001):
            dispatcher.kick(f"e{seconds}", not_before=clock.now() + timedelta(hours=seconds))
    assert len(dispatcher._heap) <= 2 * 1_000 + 11
    await settle()
    clock.advance(1)
    await settle()
    clock.advance(2)
    await settle()
    assert served.calls == ["e1", "e2", "e3"]
    await dispatcher.close()
    await settle()
    assert clock.next_due() is None


async def test_alarms_are_wall_time(clock: ManualClock, served: Served) -> None:
    """A wall clock set back while the timer sleeps makes it sleep on; it rings when the moment has come."""
    served.gate.set()
    dispatcher = EmbeddedDispatcher(clock, 1)
    dispatcher.serve(served)
    dispatcher.kick("a", not_before=clock.now() + timedelta(seconds=5))
    await clock.sleepers()
    clock.jump(-10)
    clock.advance(5)
    await settle()
    assert served.calls == []
    clock.advance(10)
    await settle()
    assert served.calls == ["a"]
    dispatcher.kick("b", not_before=clock.now() + timedelta(seconds=1))
    await settle()
    clock.advance(1)
    await settle()
    assert served.calls == ["a", "b"]


async def test_draining_begins_nothing(clock: ManualClock, served: Served) -> None:
    """What waits is dropped, what runs is waited for as long as it may take."""
    dispatcher = EmbeddedDispatcher(clock, 1)
    dispatcher.serve(served)
    dispatcher.kick("a")
    dispatcher.kick("b")
    await settle()
    await dispatcher.drain(0)
    served.gate.set()
    await dispatcher.drain(10)
    await settle()
    assert served.calls == ["a"]
    await dispatcher.close()
