"""A ledger that never double-books: its process is killed again and again, and each transfer is booked exactly once."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing
from pathlib import Path

import pytest

import flowsm
from flowsm import FlowManager
from flowsm.tasks.factory import TaskFactory

ROOT = Path(flowsm.__file__).parents[1]
ACCOUNTS = 5
KILLS = int(os.environ.get("FLOWSM_LEDGER_KILLS", "10"))
PER_LIFE = (20, 35)
"""So many transfers a child makes before it dies: those that the one before it left are done then, for an execution that
is interrupted again and again in one visit waits for a person."""
TRANSFERS = 40 * KILLS
START_BALANCE = 1_000
POINTS = ("outside", "in the function", "before the record", "before the commit", "after the commit")
"""Where a child dies: whenever its parent kills it, or by its own hand at a place of a transaction."""
TABLES = """
CREATE TABLE accounts (name INTEGER PRIMARY KEY, balance INTEGER NOT NULL) STRICT;
CREATE TABLE journal (number INTEGER PRIMARY KEY, execution_id TEXT, payer INTEGER, payee INTEGER, amount INTEGER) STRICT;
"""
CHILD = """
import asyncio, os, signal, sys
from flowsm import FlowManager
from flowsm.log import transact
from flowsm.log.append import Appender
from flowsm.storage.transaction import Transactions
from flowsm.tasks.factory import TaskFactory

path, transfers, accounts = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
point, countdown = sys.argv[4], int(sys.argv[5])
tasks = TaskFactory()

def pass_by(here):
    global countdown
    if here == point:
        countdown -= 1
        if countdown == 0:
            os.kill(os.getpid(), signal.SIGKILL)

def marking(function, before="", after=""):
    def marked(*args):
        pass_by(before)
        result = function(*args)
        pass_by(after)
        return result
    return marked

transact.prepare = marking(transact.prepare, before="before the record")
Appender.apply = marking(Appender.apply, after="before the commit")
Transactions.run_function = marking(Transactions.run_function, after="after the commit")

@tasks.task("move")
async def move(payer: int, payee: int, amount: int, context):
    def book(connection):
        connection.execute("UPDATE accounts SET balance = balance - ? WHERE name = ?", (amount, payer))
        values = (context.execution_id, payer, payee, amount)
        connection.execute(
            "INSERT INTO journal (execution_id, payer, payee, amount) VALUES (?, ?, ?, ?)", values
        )
        pass_by("in the function")
        connection.execute("UPDATE accounts SET balance = balance + ? WHERE name = ?", (amount, payee))
        return connection.execute("SELECT balance FROM accounts WHERE name = ?", (payer,)).fetchone()[0]
    return await context.transaction(book)

@tasks.task("tell")
def tell():
    return "told"

FLOW = {
    "id": "transfer", "name": "Transfer", "start_task": "move",
    "tasks": [
        {"name": "move", "parameters": {name: {"$from": f"/input/{name}"} for name in ("payer", "payee", "amount")}},
        {"name": "tell"},
    ],
    "conditions": [{"source_task": "move", "target_task_success": "tell"}],
}

async def main():
    async with FlowManager(path, tasks=tasks, durability="normal", concurrency=8) as manager:
        async def transfer(n):
            value = {"payer": n % accounts, "payee": (n * 7 + 1) % accounts, "amount": n + 1}
            handle = await manager.start(FLOW, value, idempotency_key=f"transfer-{n}")
            assert (await handle).status == "completed"
            print(n, flush=True)
        await asyncio.gather(*[transfer(n) for n in range(transfers)])

asyncio.run(main())
"""


def child(path, point="", countdown=0):
    numbers = map(str, (TRANSFERS, ACCOUNTS, point, countdown))
    command = [sys.executable, "-c", textwrap.dedent(CHILD), str(path), *numbers]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


@pytest.fixture
async def ledger(path):
    async with FlowManager(path, tasks=TaskFactory(), durability="normal") as manager:
        await manager.summary()  # makes the file
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(TABLES)
        connection.executemany("INSERT INTO accounts VALUES (?, ?)", [(n, START_BALANCE) for n in range(ACCOUNTS)])
        connection.commit()
    return path


@pytest.mark.many
def test_a_ledger_whose_process_is_killed_balances_to_the_unit(ledger):
    """However often the process is killed and begun again, each transfer is in the books once, and the sums are right."""
    seed = int(os.environ.get("FLOWSM_LEDGER_SEED", random.SystemRandom().getrandbits(32)))
    print(f"FLOWSM_LEDGER_SEED={seed}")
    chance = random.Random(seed)
    deaths = 0
    for number in range(KILLS):
        point, countdown = POINTS[number % len(POINTS)], chance.randint(*PER_LIFE)
        process = child(ledger, point, countdown)
        if point == "outside":
            for _ in range(countdown):
                process.stdout.readline()
            process.kill()
        _, errors = process.communicate(timeout=60)
        assert process.returncode in {0, -signal.SIGKILL}, errors
        deaths += process.returncode != 0
    assert deaths >= min(KILLS, len(POINTS)), "hardly any child was killed at work"
    last = child(ledger)
    output, errors = last.communicate(timeout=60)
    assert last.returncode == 0, errors
    assert sorted(map(int, output.split())) == list(range(TRANSFERS))
    asyncio.run(check(ledger))


async def check(path):
    with closing(sqlite3.connect(path)) as connection:
        booked = connection.execute("SELECT payer, payee, amount FROM journal ORDER BY amount").fetchall()
        balances = [balance for (balance,) in connection.execute("SELECT balance FROM accounts ORDER BY name")]
        (interrupted,) = connection.execute("SELECT count(*) FROM events WHERE type = 'task.interrupted'").fetchone()
        executions = {name for (name,) in connection.execute("SELECT execution_id FROM journal")}
    wanted = [(n % ACCOUNTS, (n * 7 + 1) % ACCOUNTS, n + 1) for n in range(TRANSFERS)]
    assert booked == wanted
    expected = [START_BALANCE] * ACCOUNTS
    for payer, payee, amount in wanted:
        expected[payer] -= amount
        expected[payee] += amount
    assert balances == expected
    print(f"{KILLS} children, {interrupted} interrupted attempts")
    async with FlowManager(path, tasks=TaskFactory()) as manager:
        assert (await manager.verify()).ok
        counts = (await manager.summary()).status_counts
        assert (counts["completed"], len(executions)) == (TRANSFERS, TRANSFERS)
