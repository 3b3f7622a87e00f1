"""What an append costs, beside bare sqlite3 measured in interleaved rounds of the same run.

    python tests/benchmarks/log_append.py [--rounds N] [--batches N]

Each append records three events, moves the stream's head and writes two rows of projections. Printed are microseconds
per append (wall, and CPU of the whole process), and the ratio to bare sqlite3 that writes the same rows.
"""

from __future__ import annotations

import argparse
import asyncio
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from flowsm.events.facts import TaskCompleted, TaskStarted, TransitionTaken
from flowsm.log.port import Append, Increment, RowChange
from flowsm.log.sqlite import SqliteEventLog
from flowsm.storage.migrations import Migration
from flowsm.storage.open import Durability

AT = "2026-01-31T12:00:00.000000Z"
TABLES = """
CREATE TABLE executions_{g} (execution TEXT PRIMARY KEY, status TEXT, task TEXT, seq INTEGER, updated TEXT) STRICT;
CREATE TABLE attempts_{g} (execution TEXT, task TEXT, visit INTEGER, attempt INTEGER, status TEXT, at TEXT,
    PRIMARY KEY (execution, task, visit, attempt)) STRICT;
CREATE TABLE stats_{g} (flow TEXT, task TEXT, n INTEGER, us INTEGER, PRIMARY KEY (flow, task)) STRICT;
"""
ROWS = {
    "execution": "INSERT INTO executions_{g} VALUES (?, ?, ?, ?, ?) ON CONFLICT (execution) DO UPDATE SET "
    "status = excluded.status, task = excluded.task, seq = excluded.seq, updated = excluded.updated",
    "attempt": "INSERT INTO attempts_{g} VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET status = excluded.status",
    "stats": "INSERT INTO stats_{g} VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n, us = us + excluded.us",
}


def step(stream: str, seq: int) -> Append:
    task = f"task{seq // 3 % 10}"
    facts = (
        TaskCompleted(
            task=task, visit=1, attempt=1, status="success", outcome="success", duration_us=12, data={"ok": True}
        ),
        TransitionTaken(source=task, target="next", trigger="e12", outcome="success", condition="c"),
        TaskStarted(task="next", visit=1, attempt=1, worker="w-12345678"),
    )
    rows = (
        RowChange("execution", (stream, "running", task, seq, AT), key=stream),
        RowChange("attempt", (stream, task, seq // 30, 1, "success", AT)),
        Increment("stats", ("flow", task), (1, 12)),
    )
    return Append(stream=stream, expected_seq=seq, at=AT, facts=facts, rows=rows)


def flow(log: SqliteEventLog, width: int, batches: int, label: str) -> None:
    async def one(number: int) -> None:
        stream = f"{label}-{number:05}"
        for turn in range(batches // width):
            await log.append(step(stream, 3 * turn))

    async def all_of_them() -> None:
        await asyncio.gather(*[one(number) for number in range(width)])

    asyncio.run(all_of_them())


def bare(path: Path, full: bool, width: int, batches: int, label: str) -> None:
    """The same rows by hand: no checks, digests or encoding; one commit per turn of all."""
    raw = sqlite3.connect(path, isolation_level=None)
    raw.execute("PRAGMA journal_mode = WAL")
    raw.execute(f"PRAGMA synchronous = {'FULL' if full else 'NORMAL'}")
    raw.executescript(TABLES.replace("{g}", "1").replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS"))
    raw.executescript(
        "CREATE TABLE IF NOT EXISTS events (position INTEGER PRIMARY KEY, stream TEXT, seq INTEGER, type TEXT,"
        " version INTEGER, at TEXT, data TEXT, digest TEXT, UNIQUE (stream, seq)) STRICT;"
        "CREATE TABLE IF NOT EXISTS streams (stream TEXT PRIMARY KEY, seq INTEGER, digest TEXT, epoch INTEGER) STRICT"
    )
    rows = {name: sql.replace("{g}", "1") for name, sql in ROWS.items()}
    data = '{"task":"task1","visit":1,"attempt":1,"status":"success","outcome":"success","duration_us":12}'
    digest = "0" * 64
    for turn in range(batches // width):
        raw.execute("BEGIN IMMEDIATE")
        streams = [f"{label}-{number:05}" for number in range(width)]
        raw.executemany(
            "INSERT INTO events (stream, seq, type, version, at, data, digest) VALUES (?, ?, ?, 1, ?, ?, ?)",
            [(s, 3 * turn + k, "task.completed", AT, data, digest) for s in streams for k in (1, 2, 3)],
        )
        raw.executemany(
            "INSERT INTO streams VALUES (?, ?, ?, 1) ON CONFLICT DO UPDATE SET seq = excluded.seq, digest = excluded.digest",
            [(s, 3 * turn + 3, digest) for s in streams],
        )
        task = f"task{turn % 10}"
        raw.executemany(rows["execution"], [(s, "running", task, 3 * turn, AT) for s in streams])
        raw.executemany(rows["attempt"], [(s, task, turn // 10, 1, "success", AT) for s in streams])
        raw.execute(rows["stats"], ("flow", task, width, 12))
        raw.execute("COMMIT")
    raw.close()


def measured(work: Callable[[], None], batches: int) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return (time.perf_counter() - wall) / batches * 1e6, (time.process_time() - cpu) / batches * 1e6


def compare(durability: Durability, width: int, rounds: int, batches: int) -> str:
    """Rounds of ours and theirs in turn; the medians."""
    ours: list[tuple[float, float]] = []
    theirs: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        log = SqliteEventLog(
            Path(folder) / "flow.db",
            durability=durability,
            row_statements=ROWS,
            migrations=[Migration("bench", TABLES)],
        )
        by_hand = partial(bare, Path(folder) / "bare.db", durability == "full", width, batches)
        for turn in range(rounds):
            ours.append(measured(partial(flow, log, width, batches, f"r{turn}"), batches))
            theirs.append(measured(partial(by_hand, f"r{turn}"), batches))
        log.release()
    wall, cpu = (statistics.median(column) for column in zip(*ours, strict=True))
    bare_wall, bare_cpu = (statistics.median(column) for column in zip(*theirs, strict=True))
    return (
        f"{durability:7}{width:4} in flight: {wall:7.1f} us/append (CPU {cpu:6.1f}); "
        f"bare {bare_wall:7.1f} (CPU {bare_cpu:6.1f}); ratio {bare_wall / wall:.2f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batches", type=int, default=3000)
    options = parser.parse_args()
    durabilities: tuple[Durability, ...] = ("full", "normal")
    for durability in durabilities:
        for width in (100, 10, 1):
            batches = max(options.batches // (4 if width == 1 else 1), width)
            print(compare(durability, width, options.rounds, batches), flush=True)


if __name__ == "__main__":
    main()
