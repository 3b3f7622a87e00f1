"""A process with 50 executions at once is killed at random moments, again and again: no effect is lost, none unexplained.

`FLOWSM_KILLS` says how often (40 by default), `FLOWSM_KILLS_SEED` with which moments; the seed is printed.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from children import ROOT, until
from fast_folder import fast_folder

from flowsm import FlowManager
from flowsm.tasks.factory import TaskFactory

pytestmark = pytest.mark.no_cover  # it is about other processes
KILLS = int(os.environ.get("FLOWSM_KILLS", "40"))
ACCOUNTS = 5
AT_ONCE = 50
LINES_PER_LIFE = (1, 30)
TABLES = """
CREATE TABLE accounts (name INTEGER PRIMARY KEY, balance INTEGER NOT NULL) STRICT;
CREATE TABLE journal (number INTEGER PRIMARY KEY, key TEXT, payer INTEGER, payee INTEGER, amount INTEGER) STRICT;
"""
CHILD = """
import asyncio, os, sys
from flowsm import FlowManager
from flowsm.tasks.factory import TaskFactory

path, notes, durability = sys.argv[1:4]
accounts, at_once = map(int, sys.argv[4:])
parent = os.getppid()
file = os.open(notes, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
tasks = TaskFactory()

def note(context):
    words = context.execution_id, context.task_name, context.visit, context.idempotency_key, os.getpid()
    os.write(file, (" ".join(map(str, words)) + "\\n").encode())
    os.fsync(file)

@tasks.task("tell")
async def tell(context):
    await asyncio.sleep(0.002)
    note(context)
    await asyncio.sleep(0.002)

@tasks.task("tell_in_a_thread")
def tell_in_a_thread(context):
    note(context)

@tasks.task("move")
async def move(payer: int, payee: int, amount: int, context):
    def book(connection):
        connection.execute("UPDATE accounts SET balance = balance - ? WHERE name = ?", (amount, payer))
        values = (context.idempotency_key, payer, payee, amount)
        connection.execute("INSERT INTO journal (key, payer, payee, amount) VALUES (?, ?, ?, ?)", values)
        connection.execute("UPDATE accounts SET balance = balance + ? WHERE name = ?", (amount, payee))
        return amount
    return await context.transaction(book)

names = [("a", "tell"), ("b", "move"), ("c", "tell_in_a_thread"), ("d", "move"), ("e", "tell")]
given = {name: {"$from": f"/input/{name}"} for name in ("payer", "payee", "amount")}
flow = {
    "id": "f", "name": "F", "start_task": "a",
    "tasks": [{"name": n, "task_type": t, "parameters": given if t == "move" else {}} for n, t in names],
    "conditions": [{"source_task": n, "target_task_success": m} for (n, _), (m, _) in zip(names, names[1:])],
}

async def main():
    async with FlowManager(
        path, tasks=tasks, durability=durability, recover=True, concurrency=50, lease_seconds=0.5
    ) as manager:
        print("up", flush=True)
        counts = (await manager.summary()).status_counts
        first = sum(counts.values())
        for n in range(first, at_once + counts.get("completed", 0) + counts.get("waiting", 0)):
            value = {"payer": n % accounts, "payee": (n * 7 + 1) % accounts, "amount": n + 1}
            await manager.start(flow, value, idempotency_key=f"x{n}")
        while os.getppid() == parent:  # else the tests are over
            await asyncio.sleep(0.05)

asyncio.run(main())
"""


class Killed:
    """A file, the notes beside it, and one child after another that works on both."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.chance = random.Random(seed)
        self.path, self.notes = folder / "flow.db", folder / "notes"
        self.started = self.lives = 0
        self.notes.touch()

    def manager(self) -> FlowManager:
        """A manager without any task's code: it only asks and tells."""
        return FlowManager(self.path, tasks=TaskFactory(), durability="normal")

    def child(self, at_once: int) -> subprocess.Popen[str]:
        """Goes on with everything, and starts some more, until there are so many that have not ended."""
        self.lives += 1
        durability = "full" if self.lives % 10 == 0 else "normal"
        numbers = map(str, (ACCOUNTS, at_once))
        command = [sys.executable, "-c", CHILD, str(self.path), str(self.notes), durability, *numbers]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)})

    def lines(self) -> int:
        """How many effects there are."""
        return self.notes.read_bytes().count(b"\n")

    async def live_and_die(self) -> None:
        """A life that ends as soon as it is open, or after some effects."""
        child = self.child(AT_ONCE)
        assert child.stdout is not None
        assert child.stdout.readline() == "up\n"
        if self.chance.random() < 0.8:
            wanted = self.lines() + self.chance.randint(*LINES_PER_LIFE)

            async def enough() -> bool:
                return self.lines() >= wanted or child.poll() is not None

            await until(enough)
        child.kill()
        child.communicate()
        assert child.returncode == -signal.SIGKILL, "it ended of its own"

    async def live_to_the_end(self) -> int:
        """The last life; whatever asks for a person is run again. How many asked."""
        child = self.child(0)
        asked: set[tuple[str, str]] = set()
        try:
            async with self.manager() as manager:

                async def ended() -> bool:
                    counts = (await manager.summary()).status_counts
                    if counts.get("waiting"):
                        for row in (await manager.executions(status="waiting")).items:
                            await self._resolve(manager, row.execution_id, asked)
                    self.started = sum(counts.values())
                    return set(counts) == {"completed"}

                await until(ended)
        finally:
            child.kill()
            child.communicate()
        return len(asked)

    @staticmethod
    async def _resolve(manager: FlowManager, execution_id: str, asked: set[tuple[str, str]]) -> None:
        events = await manager.events(execution_id)
        if events[-1].type == "resolution.awaited":
            asked.add((execution_id, str(events[-1].seq)))
            await manager.resolve(execution_id, "retry", reason="let it be tried again", actor="somebody")


@pytest.fixture
async def killed() -> Any:
    """A ledger with nothing booked yet, on a file system that no disk slows down."""
    seed = int(os.environ.get("FLOWSM_KILLS_SEED") or random.randrange(10**9))
    print(f"FLOWSM_KILLS_SEED={seed}")
    with fast_folder() as folder:
        killed = Killed(folder, seed)
        async with killed.manager() as manager:
            await manager.summary()  # makes the file
        with closing(sqlite3.connect(killed.path)) as connection:
            connection.executescript(TABLES)
            connection.executemany("INSERT INTO accounts VALUES (?, 0)", [(n,) for n in range(ACCOUNTS)])
            connection.commit()
        yield killed


@pytest.mark.many
async def test_nothing_is_lost_however_often_the_process_is_killed(killed: Killed) -> None:
    """Each recorded effect is there, one that is there twice was interrupted, the ledger balances, each ends once."""
    for _ in range(KILLS):
        await killed.live_and_die()
    asked = await killed.live_to_the_end()
    lines = [line.split() for line in killed.notes.read_text().splitlines()]
    effects = Counter((execution, task, int(visit)) for execution, task, visit, _, _ in lines)
    for execution, task, visit, key, _ in lines:
        assert key == f"{execution}:{task}:{visit}"
    booked = check_ledger(killed)
    interrupted = 0
    async with killed.manager() as manager:
        for execution in await all_of(manager):
            events = await manager.events(execution)
            kinds = Counter(event.type for event in events)
            assert (kinds["execution.completed"], events[-1].type) == (1, "execution.completed")
            assert kinds["task.completed"] == 5
            interrupted += kinds["task.interrupted"]
            done, cut = visits(events, "task.completed"), visits(events, "task.interrupted")
            for place in done:
                assert done[place] == 1
                if place[1] in "bd":
                    assert booked.pop(":".join(map(str, place))) == 1
                else:
                    assert 1 <= effects.pop(place) <= 1 + cut[place]
        assert (await manager.verify()).ok
    assert not effects, "an effect of no recorded result"
    assert not booked, "a transfer of no recorded result"
    assert interrupted
    print(
        f"{KILLS} kills, {killed.started} executions, {len(lines)} effects in {len({line[4] for line in lines})} lives"
    )
    print(f"{interrupted} interrupted attempts, {asked} times a person was asked")


def visits(events: Any, kind: str) -> Counter[tuple[str, str, int]]:
    """How many events of a type each visit has."""
    return Counter((event.stream, event.fact.task, event.fact.visit) for event in events if event.type == kind)


async def all_of(manager: FlowManager) -> list[str]:
    """The ids of all executions."""
    return [row[0] for row in await manager._log.query("SELECT execution_id FROM executions_{g}")]


def check_ledger(killed: Killed) -> Counter[str]:
    """The journal's keys, and how often each is there; the balances are its sums, and those of what was asked for."""
    with closing(sqlite3.connect(killed.path)) as connection:
        journal = connection.execute("SELECT key, payer, payee, amount FROM journal").fetchall()
        balances = [balance for (balance,) in connection.execute("SELECT balance FROM accounts ORDER BY name")]
    wanted = [(n % ACCOUNTS, (n * 7 + 1) % ACCOUNTS, n + 1) for n in range(killed.started) for _ in range(2)]
    assert sorted(row[1:] for row in journal) == sorted(wanted)
    expected = [0] * ACCOUNTS
    for payer, payee, amount in wanted:
        expected[payer] -= amount
        expected[payee] += amount
    assert balances == expected
    return Counter(row[0] for row in journal)
