"""Following across processes: killed and stopped consumers, repeats only, and never a miss."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from children import stop, until
from telling import FLOW, everything, taken

ROOT = Path(__file__).parents[3]
KILLS = int(os.environ.get("FLOWSM_FOLLOW_KILLS", "6"))
CONSUMER = """
import asyncio, os, sys, time
from flowsm import FlowManager
path, notes, lease = sys.argv[1], sys.argv[2], float(sys.argv[3])

async def main():
    async with FlowManager(path, lease_seconds=lease) as manager:
        print("ready", flush=True)
        with open(notes, "a") as file:
            async for event in manager.follow("n", after=0):
                file.write(f"{os.getpid()} {event.position}\\n")
                file.flush()

asyncio.run(main())
"""


class Consumers:
    """Processes that follow, and what they noted: (process, position) in the order of the notes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._notes = path.parent / "notes"
        self.made: list[subprocess.Popen[str]] = []

    def begin(self, lease: float = 10) -> subprocess.Popen[str]:
        child = subprocess.Popen(
            [sys.executable, "-c", CONSUMER, str(self.path), str(self._notes), str(lease)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        self.made.append(child)
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        return child

    def notes(self) -> list[tuple[int, int]]:
        lines = self._notes.read_text().splitlines() if self._notes.exists() else []
        return [(int(process), int(position)) for process, position in map(str.split, lines)]

    async def until_noted(self, position: int, process: int | None = None) -> None:
        async def is_noted() -> bool:
            return any(noted[1] >= position and process in (None, noted[0]) for noted in self.notes())

        await until(is_noted)


@pytest.fixture
def consumers(path):
    made = Consumers(path)
    yield made
    for child in made.made:
        child.kill()
        child.communicate()


async def test_killed_consumers_repeat_and_never_miss(opened, consumers) -> None:
    """Killed at any moment while others work: each one goes on at or before what its predecessor had not done."""
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    manager = opened()
    await manager.run(FLOW)
    for _ in range(KILLS):
        noted = max((position for _, position in consumers.notes()), default=0)
        child = consumers.begin()
        await asyncio.gather(*(manager.run(FLOW) for _ in range(chance.randrange(1, 40))))
        if chance.random() < 0.7:
            await consumers.until_noted(noted + 1)
        child.kill()
        child.wait()
    told = await everything(manager)
    consumers.begin()
    await consumers.until_noted(told[-1].position)
    positions = [position for _, position in consumers.notes()]
    highest = 0
    last_process = 0
    for process, position in consumers.notes():
        if process != last_process:
            assert position <= highest + 1
        last_process, highest = process, max(highest, position)
    assert sorted(set(positions)) == [event.position for event in told]


async def test_a_stopped_consumer_is_replaced_and_stores_nothing(opened, consumers) -> None:
    """SIGSTOP past its lease: the one that waits takes over; after SIGCONT the first notes no more than one event."""
    manager = opened()
    await manager.run(FLOW)
    first = consumers.begin(lease=0.5)
    end = (await everything(manager))[-1].position
    await consumers.until_noted(end, first.pid)
    second = consumers.begin(lease=0.5)
    await manager.run(FLOW)
    end = (await everything(manager))[-1].position
    await consumers.until_noted(end, first.pid)
    assert {process for process, _ in consumers.notes()} == {first.pid}
    stop(first, consumers.path)
    await manager.run(FLOW)
    end = (await everything(manager))[-1].position
    await consumers.until_noted(end, second.pid)
    first.send_signal(signal.SIGCONT)
    await manager.run(FLOW)
    end = (await everything(manager))[-1].position
    await consumers.until_noted(end, second.pid)
    (stored,) = await manager.subscriptions()
    second.kill()
    second.wait()
    await manager.run(FLOW)
    await consumers.until_noted((await everything(manager))[-1].position, first.pid)
    assert stored.epoch == 2
    assert {position for _, position in consumers.notes()} == {event.position for event in await everything(manager)}


async def test_a_dead_consumers_turn_ends_with_its_process(opened, consumers) -> None:
    """Whoever waits does not wait for the lease of a process that is no more."""
    manager = opened()
    await manager.run(FLOW)
    child = consumers.begin(lease=3600)
    await consumers.until_noted(1)
    waiting = asyncio.ensure_future(taken(manager.follow("n"), 1))
    child.kill()
    child.wait()
    await manager.run(FLOW)
    assert (await asyncio.wait_for(waiting, 30))[0].position >= 1
