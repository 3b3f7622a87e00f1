"""The process dies at every append of random flows, on either side of the commit: the end is as if it had not.

What it left is gone on with by whoever executes it, or, every other time, by a manager that recovers.

`FLOWSM_CRASH_POINTS` says how many points are tried (2,000 by default), `FLOWSM_CRASH_SEED` from which seed on; a seed
that ever failed is kept in `KEPT`.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from datetime import timedelta
from itertools import zip_longest
from pathlib import Path
from typing import Any

import msgspec
import pytest
from crash_points import CrashPoint, Lives, Mortal, check_calls, family, outline, points, results_in, tables
from fast_folder import fast_folder
from outside import PACE_SECONDS, World
from random_flows import ALL_TASKS, HurriedClock, Key, Script, plain_id, random_flow

from flowsm import FlowManager
from flowsm.definition.model import FlowConfig
from flowsm.errors import ExecutionExists, ExecutionNotFound
from flowsm.events.envelope import Recorded

pytestmark = pytest.mark.no_cover  # it would take three times as long
POINTS = int(os.environ.get("FLOWSM_CRASH_POINTS", "2000"))
SEED = int(os.environ.get("FLOWSM_CRASH_SEED", "1"))
SHARDS = 4
KEPT = [20352]
"""Seeds that failed once."""


class Trial:
    """One random flow, with one to three executions of it at once, and all its crash points."""

    def __init__(self, seed: int, folder: Path) -> None:
        rng = random.Random(f"trial {seed}")
        folder.mkdir(parents=True)
        self.seed = seed
        document = random_flow(seed, ALL_TASKS)
        self.flow = msgspec.convert(document, FlowConfig)
        self.lanes = [f"lane{number}" for number in range(rng.choice([1, 1, 1, 2, 3]))]
        self.input = rng.choice([None, 1, {"x": 2.5}])
        self.clock = HurriedClock()
        self.script = Script(seed, document, self.clock)
        self.way = rng.choice(["", "synchronous", "paused", "paused", "soon", "later"])
        self.rng = rng
        self.lives = Lives(folder, self.script, self.clock, downtime=rng.choice([0, 3600]))
        self.expected: dict[str, dict[str, list[dict[str, Any]]]] = {}
        self.points = points()
        self.name = ""
        self.recovers = False

    async def start(self, manager: FlowManager, chosen: str) -> None:
        """Create an execution, in this trial's way."""
        if self.way == "synchronous":
            manager.create_flow_execution(self.flow, self.input, execution_id=chosen)
            return
        seconds = {"soon": 1, "later": 3600}.get(self.way)
        moment = None if seconds is None else self.clock.now() + timedelta(seconds=seconds)
        paused = self.way == "paused"
        await manager.start(self.flow, self.input, execution_id=chosen, start_at=moment, paused=paused)

    async def begin(self, manager: FlowManager, mortal: Mortal, world: World, name: str) -> None:
        """Start one execution per lane, and wait for their ends."""
        chosen = [f"{lane}.{name}" for lane in self.lanes]
        for root in chosen:
            await self.start(manager, root)
        await world.ends(chosen)
        await mortal.alive()

    async def recover(self, manager: FlowManager, mortal: Mortal, name: str) -> World:
        """Find the executions as the last life left them, and have all that are unfinished come to their ends."""
        recorded: set[Key] = set()
        missing = []
        for lane in self.lanes:
            chosen = f"{lane}.{name}"
            try:
                await manager.events(chosen)
            except ExecutionNotFound:
                missing.append(chosen)
                continue
            for member in await family(manager, chosen):
                recorded |= set(results_in(await manager.events(member)))
                assert (await manager.verify(member)).ok, "no step is recorded by halves"
        calls = len(self.script.calls)
        world = World(manager, self.script, self.clock, recovers=self.recovers)
        for lane in self.lanes:
            chosen = f"{lane}.{name}"
            if chosen in missing:
                await self.start(manager, chosen)
            else:
                with pytest.raises(ExecutionExists):
                    await manager.start(self.flow, self.input, execution_id=chosen)
        manager._bound()
        await world.ends([f"{lane}.{name}" for lane in self.lanes])
        await mortal.alive()
        assert not recorded & set(self.script.calls[calls:]), "a recorded result is run again"
        return world

    async def told(self, manager: FlowManager, root: str) -> dict[str, list[Recorded]]:
        """What the streams of an execution and of all below it tell."""
        return {name: list(await manager.events(name)) for name in await family(manager, root)}

    async def compare(self, manager: FlowManager, name: str) -> None:
        """What is recorded now is what the life without a crash recorded; the code ran as often as it says."""
        for lane in self.lanes:
            streams = await self.told(manager, f"{lane}.{name}")
            found = {plain_id(stream): outline(events) for stream, events in streams.items()}
            expected = self.expected.setdefault(lane, found)
            assert found == expected, unlike(found, expected)
            events = [event for events in streams.values() for event in events]
            check_calls([key for key in self.script.calls if key[0] in streams], events)
        self.script.calls.clear()

    async def rebuilt_is_live(self, manager: FlowManager) -> None:
        """The rows of all lives are those that a rebuild makes, and the whole log verifies."""
        live = await tables(manager)
        assert (await manager.verify()).ok
        assert (await manager.rebuild()).ok
        assert await tables(manager) == live

    async def without_a_crash(self, manager: FlowManager, mortal: Mortal) -> None:
        """The life that the others are compared with."""
        world = World(manager, self.script, self.clock, recovers=False)
        await self.begin(manager, mortal, world, "whole")
        await self.compare(manager, "whole")
        await self.go_on(manager, mortal, world)

    async def with_a_crash(self, manager: FlowManager, mortal: Mortal) -> None:
        """Recover from the last life's crash, perhaps not without others; then run into the next."""
        again = self.rng.random() < 0.3
        if again:
            mortal.dies_at(CrashPoint(self.rng.randint(1, 3), self.rng.choice(["before", "after"])))
        world = await self.recover(manager, mortal, self.name)
        mortal.dies_at(None)
        await self.compare(manager, self.name)
        await self.go_on(manager, mortal, world)

    async def go_on(self, manager: FlowManager, mortal: Mortal, world: World) -> None:
        """Run new executions into the next crash point; where they end before it, all points were tried."""
        point = next(self.points)
        self.name = f"{point.append}-{point.side}"
        mortal.dies_at(point)
        await self.begin(manager, mortal, world, self.name)
        mortal.dies_at(None)
        await self.compare(manager, self.name)
        await self.rebuilt_is_live(manager)

    def run(self) -> int:
        """Die at each append, on each side, and sometimes again while recovering; gives the number of crashes."""
        alive = self.lives.live(self.without_a_crash)
        while not alive:
            self.recovers = not self.recovers
            alive = self.lives.live(self.with_a_crash, recover=self.recovers)
        return self.lives.count


def unlike(found: dict[str, list[dict[str, Any]]], expected: dict[str, list[dict[str, Any]]]) -> str:
    """Where two sets of streams part."""
    if set(found) != set(expected):
        return f"there are {sorted(found)}, expected {sorted(expected)}"
    stream = next(name for name in found if found[name] != expected[name])
    pairs = zip_longest(found[stream], expected[stream])
    number, (one, other) = next((number, pair) for number, pair in enumerate(pairs) if pair[0] != pair[1])
    return f"{stream}, fact {number}: {one}, expected {other}"


@pytest.fixture(autouse=True)
def hurried_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever recovers looks for work without much delay: its pace is real time."""
    monkeypatch.setattr("flowsm.runtime.watch.WATCH_SECONDS", PACE_SECONDS)


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where no disk slows the files down: their process dies, but not the machine."""
    with fast_folder() as folder:
        yield folder


def attempt(seed: int, folder: Path) -> int:
    """Try all crash points of a seed; a failure names it."""
    try:
        return Trial(seed, folder / str(seed)).run()
    except BaseException as error:
        error.add_note(f"seed {seed}: FLOWSM_CRASH_SEED={seed} FLOWSM_CRASH_POINTS=1 tries it first")
        raise


@pytest.mark.many
@pytest.mark.parametrize("shard", range(SHARDS))
def test_the_end_is_the_same_after_a_crash_at_any_append(shard: int, folder: Path) -> None:
    """Whichever append the process dies at: same route, same results, nothing run again, nothing missing."""
    begun = time.perf_counter()
    tried = sum(attempt(seed, folder / "kept") for seed in KEPT[shard::SHARDS])
    seed = SEED + shard
    while tried < POINTS / SHARDS:
        tried += attempt(seed, folder)
        seed += SHARDS
    print(f"{tried} crash points of {(seed - SEED) // SHARDS} flows in {time.perf_counter() - begun:.1f} s")
    assert tried >= POINTS / SHARDS


def test_a_lost_commit_is_noticed(folder: Path) -> None:
    """Were commits lost that were acknowledged, the same trial would fail."""
    trial = Trial(1, folder / "lossy")  # in which code runs
    trial.lives.kept = ("",)
    with pytest.raises(AssertionError):
        trial.run()
