"""Several processes on one file: they share the work, and go on with what a dead one left.

`FLOWSM_OWNERS` says how many executions four processes share (300 by default), `FLOWSM_OWNER_KILLS` how many of the
processes are killed meanwhile (eight: before each a part of the executions is created, and begun), `FLOWSM_SEED` which
and when; the seed is printed.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from children import TASKS, spawn, stop, until

from flowsm import FlowManager, FlowStatus
from flowsm.clock import SystemClock, timestamp
from flowsm.errors import LeaseLost
from flowsm.events.commands import Create
from flowsm.tasks.factory import TaskFactory

OWNERS = int(os.environ.get("FLOWSM_OWNERS", "300"))
FIRST = 40
"""So many executions are begun before the first kill: enough for all four."""
OWNER_KILLS = int(os.environ.get("FLOWSM_OWNER_KILLS", "8"))
RUN = """
async def main():
    async with FlowManager(path, tasks=tasks, durability="normal", lease_seconds=float(sys.argv[3])) as manager:
        handles = [await manager.start(flow(*sys.argv[5:]), execution_id=f"x{n}") for n in range(int(sys.argv[4]))]
        print("started", flush=True)
        for handle in handles:
            try:
                await handle
            except Exception as error:
                print(type(error).__name__, error, flush=True)
asyncio.run(main())
"""
WORK = """
async def main():
    async with FlowManager(path, tasks=tasks, durability="normal", lease_seconds=0.5, concurrency=int(sys.argv[3])) as manager:
        print("working", flush=True)
        await manager.work()
asyncio.run(main())
"""


class Other:
    """A manager in this process with the children's tasks."""

    def __init__(self, path: Path, notes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path, self.notes = path, notes
        monkeypatch.setattr("sys.argv", ["test", str(path), str(notes)])
        self.names: dict[str, object] = {}
        self._counted, self._offset = 0, 0
        exec(TASKS, self.names)

    def manager(self, **options) -> FlowManager:
        registry = self.names["tasks"]
        assert isinstance(registry, TaskFactory)
        return FlowManager(self.path, tasks=registry, durability="normal", lease_seconds=0.5, **options)

    def noted(self) -> list[list[str]]:
        file = self.notes / "notes"
        return [line.split() for line in file.read_text().splitlines()] if file.exists() else []

    def count(self) -> int:
        """How many notes there are; only what came since the last call is read."""
        file = self.notes / "notes"
        if file.exists():
            with file.open("rb") as opened:
                opened.seek(self._offset)
                new = opened.read()
            self._counted, self._offset = self._counted + new.count(b"\n"), self._offset + len(new)
        return self._counted

    async def has_noted(self, count: int) -> None:
        async def enough() -> bool:
            return self.count() >= count

        await until(enough)

    async def sees_at_work(self, pids: set[int]) -> None:
        async def all_of_them() -> bool:
            return {int(pid) for _, _, pid in self.noted()} == pids

        await until(all_of_them)

    def let_through(self) -> None:
        (self.notes / "open").touch()


@pytest.fixture
def other(tmp_path, monkeypatch) -> Other:
    notes = tmp_path / "notes"
    notes.mkdir()
    return Other(tmp_path / "flow.db", notes, monkeypatch)


async def all_ended(manager: FlowManager, count: int) -> None:
    async def ended() -> bool:
        return (await manager.summary()).status_counts == {"completed": count}

    await until(ended)


async def test_what_a_killed_process_left_is_finished(other) -> None:
    """After SIGKILL amid 20 executions a manager with recover=True finishes each; the attempts cut off are interrupted."""
    child = spawn(RUN, other.path, other.notes, "10", "20", "gate", "quick")
    await other.has_noted(20)
    child.send_signal(signal.SIGKILL)
    child.communicate()
    other.let_through()
    async with other.manager(recover=True) as manager:
        await all_ended(manager, 20)
        for n in range(20):
            kinds = [event.type for event in await manager.events(f"x{n}")]
            assert kinds.count("task.interrupted") == 1
            assert kinds.count("task.completed") == 2
        assert (await manager.verify()).ok


async def test_a_process_that_stood_still_is_replaced_and_records_nothing(other) -> None:
    """SIGSTOP past its lease: another one finishes. SIGCONT: its task is stopped, LeaseLost, nothing it did is recorded."""
    child = spawn(RUN, other.path, other.notes, "0.5", "1", "gate")
    await other.has_noted(1)
    stop(child, other.path)
    other.let_through()
    async with other.manager(recover=True) as manager:
        await all_ended(manager, 1)
        before = await manager.events("x0")
        child.send_signal(signal.SIGCONT)
        said, _ = await asyncio.to_thread(child.communicate)
        assert said.splitlines()[1].startswith("LeaseLost execution 'x0' was taken over")
        assert await manager.events("x0") == before
        assert (await manager.get_flow_status("x0")).task_results["gate-0"].data == os.getpid()


async def test_a_stale_append_fails(other) -> None:
    """A process that stood still within its task, and ends it as soon as it runs again, finds its result refused."""
    child = spawn(RUN, other.path, other.notes, "0.5", "1", "blocked")
    await other.has_noted(1)
    stop(child, other.path)
    other.let_through()
    async with other.manager() as manager:
        assert (await manager.execute_flow("x0")).task_results["blocked-0"].data == os.getpid()
        before = await manager.events("x0")
        child.send_signal(signal.SIGCONT)
        said, _ = await asyncio.to_thread(child.communicate)
        assert "LeaseLost" in said
        assert await manager.events("x0") == before


async def test_what_another_process_runs_is_joined(other) -> None:
    """Executing what a living process runs waits for its end there; the task runs once."""
    child = spawn(RUN, other.path, other.notes, "10", "1", "gate", "quick", "gate")
    await other.has_noted(1)
    async with other.manager() as manager:
        joined = asyncio.ensure_future(manager.execute_flow("x0"))
        again = asyncio.ensure_future(manager.finish("x0"))
        done, _ = await asyncio.wait({joined, again}, timeout=0.5)
        assert not done
        assert len(other.noted()) == 1
        child.send_signal(signal.SIGKILL)
        await asyncio.to_thread(child.communicate)
        other.let_through()
        result = await joined
        assert result == await again
        assert result.status is FlowStatus.COMPLETED
        assert [word for word, _, pid in other.noted() if int(pid) == os.getpid()] == ["gate", "quick", "gate"]


@pytest.mark.many
async def test_four_processes_share_and_each_execution_ends_once(other) -> None:
    """Four workers and random kills: each execution ends exactly once, and what ran twice was interrupted between."""
    seed = int(os.environ.get("FLOWSM_SEED") or random.randrange(10**9))
    print("seed", seed)
    chance = random.Random(seed)
    tasks = ("held", "slower", "quick", "slower", "quick", "slower")
    flow = other.names["flow"](*tasks)
    async with other.manager(concurrency=1) as manager:
        workers = [spawn(WORK, other.path, other.notes, "5") for _ in range(4)]
        prepared = manager._loader.prepare(manager.load_flow_config(flow))

        async def begin(part: range) -> None:
            now = Create(digest=prepared.digest, start_at=timestamp(SystemClock().now()))
            for n in part:
                await manager._advancer.create(prepared, now, f"x{n}", start=False)

        await begin(range(FIRST))
        await other.sees_at_work({worker.pid for worker in workers})
        other.let_through()
        bounds = [FIRST + (OWNERS - FIRST) * killed // OWNER_KILLS for killed in range(OWNER_KILLS + 1)]
        for first, last in pairwise(bounds):
            await begin(range(first, last))
            await other.has_noted(len(tasks) * first + chance.randrange(len(tasks) * (last - first) * 3 // 4))
            victim = chance.randrange(4)
            workers[victim].kill()
            workers[victim].communicate()
            workers[victim] = spawn(WORK, other.path, other.notes, "5")
            await asyncio.to_thread(workers[victim].stdout.readline)
        asked = await all_completed(manager, OWNERS)
        for child in workers:
            child.kill()
            child.communicate()
        runs = Counter(key for _, key, _ in other.noted())
        cuts = 0
        for n in range(OWNERS):
            events = await manager.events(f"x{n}")
            kinds = Counter(event.type for event in events)
            assert (kinds["execution.completed"], kinds["task.completed"]) == (1, len(tasks))
            for event in events:
                if event.type == "task.completed":
                    cut = sum(e.type == "task.interrupted" and e.fact.task == event.fact.task for e in events)
                    assert 1 <= runs[f"x{n}:{event.fact.task}:1"] <= 1 + cut
                    cuts += cut
        assert cuts, "no kill cut anything off"
        print(f"{OWNERS} executions, {OWNER_KILLS} kills, {cuts} interrupted attempts, a person asked {asked} times")
        assert (await manager.verify()).ok
        assert len({pid for _, _, pid in other.noted()}) > 4


async def all_completed(manager: FlowManager, count: int) -> int:
    """Wait until so many have; those that three kills hit in one visit ask for a person. How often that was."""
    asked: set[tuple[str, int]] = set()

    async def completed() -> bool:
        counts = (await manager.summary()).status_counts
        if "waiting" in counts:
            for row in (await manager.executions(status="waiting")).items:
                event = (await manager.events(row.execution_id))[-1]
                if event.type == "resolution.awaited":
                    asked.add((row.execution_id, event.seq))
                    await manager.resolve(row.execution_id, "retry", actor="somebody")
        return counts == {"completed": count}

    await until(completed)
    return len(asked)


async def test_a_worker_that_stops_lets_others_go_on_at_once(other) -> None:
    """`work` that is cancelled lets the running task go on; cancelled again it stops, and others go on at once."""
    async with other.manager() as manager, other.manager() as second:
        await manager.start(other.names["flow"]("gate", "quick"), execution_id="x")
        working = asyncio.ensure_future(manager.work(grace_seconds=30))
        await asyncio.sleep(0)
        await other.has_noted(1)
        working.cancel()  # told to stop, it lets the task go on, which hangs …
        await asyncio.wait({working}, timeout=0.1)
        assert not working.done()
        working.cancel()  # … told again, it does not
        with pytest.raises(asyncio.CancelledError):
            await working
        other.let_through()
        result = await asyncio.wait_for(second.execute_flow("x"), 5)
        assert result.status is FlowStatus.COMPLETED


async def test_a_worker_that_stops_leaves_nothing_interrupted(other) -> None:
    """Within its grace the running task's result is recorded, the next task is not started, and others start it."""
    async with other.manager() as manager, other.manager() as second:
        await manager.start(other.names["flow"]("gate", "quick"), execution_id="x")
        await manager.start(other.names["flow"]("quick", "quick"), execution_id="y")
        working = asyncio.ensure_future(manager.work(grace_seconds=0.3))
        await asyncio.sleep(0)
        await other.has_noted(2)
        working.cancel()
        with pytest.raises(asyncio.CancelledError):
            await working
        left = await second.left()
        assert (left.due, left.later) == (2, 0)
        assert [word for word, _, _ in other.noted()] == ["gate", "quick"]
        other.let_through()
        for name, interruptions in (("x", 1), ("y", 0)):
            assert (await asyncio.wait_for(second.execute_flow(name), 5)).status is FlowStatus.COMPLETED
            kinds = [event.type for event in await second.events(name)]
            assert kinds.count("task.interrupted") == interruptions


def test_lease_lost_is_a_fenced() -> None:
    """Whoever handles Fenced handles LeaseLost."""
    error = LeaseLost("x", "w-1", 1, 2, "w-2")
    assert (error.stream, error.actual_epoch, error.owner) == ("x", 2, "w-2")
    assert "another worker" in str(LeaseLost("x", "w-1", 1, 2, ""))
