"""Tasks per second of ten-task executions, beside bare sqlite3 doing the least that could be called the same.

Every figure is the median of interleaved rounds of one run. The references:

- `three rows`: three event rows per task (those that flowsm wrote) into its table of events, without its triggers;
- `same rows`: all that flowsm wrote for a task (events, head, status, attempt's start and end, statistics), the same
  tables and indexes, no triggers, nothing computed.

Both commit every 100 tasks beside 100 executions in flight, and every task beside one at a time; `row by row` they
execute a statement for each row, as whoever handles one task after the other would, `in bulk` they know all rows of a
commit beforehand (`executemany`).

Run: python tests/benchmarks/engine.py [--rounds 5] [--executions 300]
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from flowsm import FlowManager, TaskFactory, TaskResult, TaskStatus
from flowsm.tasks.base import BaseTask

TASKS = 10
IN_FLIGHT = 100
NAMES = [f"step {number}" for number in range(TASKS)]
DOCUMENT = {
    "id": "bench",
    "name": "Bench",
    "start_task": NAMES[0],
    "tasks": [{"name": name, "task_type": "trivial"} for name in NAMES],
    "conditions": [
        {"name": f"to {target}", "source_task": source, "outcome": "success", "target_task_success": target}
        for source, target in itertools.pairwise(NAMES)
    ],
}
PRAGMAS = {"full": "FULL", "normal": "NORMAL"}


class Trivial(BaseTask):
    async def execute(self, context):
        return TaskResult(task_name=self.name, status=TaskStatus.SUCCESS, data={"n": context.attempt})


def flowsm_rate(path: Path, durability: str, executions: int, in_flight: int) -> float:
    """Tasks per second through the public API."""
    registry = TaskFactory()
    registry.register_task("trivial", Trivial)

    async def work() -> float:
        async with FlowManager(path, tasks=registry, durability=durability, concurrency=in_flight) as manager:
            flow = manager.load_flow_config(DOCUMENT)
            await manager.run(flow)

            async def one_after_the_other() -> None:
                for _ in range(executions // in_flight):
                    await manager.run(flow)

            started = time.perf_counter()
            await asyncio.gather(*(one_after_the_other() for _ in range(in_flight)))
            return executions * TASKS / (time.perf_counter() - started)

    return asyncio.run(work())


def connect(path: Path, durability: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {PRAGMAS[durability]}")
    return connection


Write = Callable[[sqlite3.Connection, str, list[tuple]], object]


def row_by_row(connection: sqlite3.Connection, sql: str, rows: list[tuple]) -> None:
    for row in rows:
        connection.execute(sql, row)


def in_bulk(connection: sqlite3.Connection, sql: str, rows: list[tuple]) -> None:
    connection.executemany(sql, rows)


def three_rows_rate(path: Path, written: Path, durability: str, per_commit: int, write: Write) -> float:
    """Tasks per second of bare sqlite3: three event rows per task, a commit for every so many tasks."""
    events = rows_of(written, "events")
    insert = insert_into("events", events)
    tasks = len(events) // 3
    with closing(connect(path, durability)) as connection:
        connection.execute(table_of(written, "events"))
        started = time.perf_counter()
        for first in range(0, tasks, per_commit):
            connection.execute("BEGIN IMMEDIATE")
            write(connection, insert, events[3 * first : 3 * (first + per_commit)])
            connection.execute("COMMIT")
        return tasks / (time.perf_counter() - started)


def same_rows_rate(path: Path, written: Path, durability: str, per_commit: int, write: Write) -> float:
    """Tasks per second of bare sqlite3 that writes what flowsm wrote into `written`, with as many writes to each row."""
    tables = {table: rows_of(written, table) for table in TABLES}
    events = tables["events"]
    places = {(row[1], row[2]): row[0] for row in events}
    attempts = sorted(tables["attempts_1"], key=lambda row: places[row[0], row[1]])
    status_of = {row[0]: (*row[4:18], *row[18:], row[0]) for row in tables["executions_1"]}
    row_of = {row[0]: row for row in tables["executions_1"]}
    head_of = {row[1]: (row[2], row[3], row[4], row[5], row[0]) for row in tables["streams"]}
    sum_of = {(row[0], row[1]): (row[3], row[4], *row[:3]) for row in tables["statistics_1"]}
    flow_id = tables["executions_1"][0][1]
    per_task = len(events) / len(attempts)
    starts = [(*row[:5], "running", None, row[7], None, None, row[10], None, None, None) for row in attempts]
    created: set[str] = set()
    with closing(connect(path, durability)) as connection:
        prepare_same_rows(connection, written, tables)
        started = time.perf_counter()
        for first in range(0, len(attempts), per_commit):
            last = min(first + per_commit, len(attempts))
            some = attempts[first:last]
            connection.execute("BEGIN IMMEDIATE")
            write(connection, insert_into("events", events), events[round(first * per_task) : round(last * per_task)])
            new = dict.fromkeys(row[0] for row in some if row[0] not in created)
            created.update(new)
            write(
                connection,
                insert_into("streams", tables["streams"]),
                [(head_of[name][4], name, *head_of[name][:4]) for name in new],
            )
            write(connection, insert_into("executions_1", tables["executions_1"]), [row_of[name] for name in new])
            write(connection, UPDATE_HEAD, [head_of[row[0]] for row in some if row[0] not in new])
            write(connection, UPDATE_STATUS, [status_of[row[0]] for row in some if row[0] not in new])
            write(connection, "UPDATE log_head SET position = ?", [(last,)])
            write(connection, insert_into("attempts_1", starts), starts[first:last])
            write(connection, UPDATE_ATTEMPT, [(row[5], row[6], row[8], row[9], row[11], *row[:2]) for row in some])
            write(connection, UPDATE_SUM, list({sum_of[flow_id, row[2]]: None for row in some}))
            connection.execute("COMMIT")
        return len(attempts) / (time.perf_counter() - started)


def prepare_same_rows(connection: sqlite3.Connection, written: Path, tables: dict[str, list[tuple]]) -> None:
    for table in TABLES:
        connection.execute(table_of(written, table))
    for sql in indexes_of(written):
        connection.execute(sql)
    connection.execute("BEGIN")
    for table in ("log_head", "statistics_1"):
        connection.executemany(insert_into(table, tables[table]), tables[table])
    connection.execute("COMMIT")


TABLES = ("log_head", "events", "streams", "executions_1", "attempts_1", "statistics_1")
UPDATE_HEAD = "UPDATE streams SET seq = ?, digest = ?, epoch = ?, worker = ? WHERE number = ?"
UPDATE_STATUS = """UPDATE executions_1 SET status = ?, current_task = ?, path = ?, completed_tasks = ?,
    skipped_tasks = ?, transitions = ?, attempts = ?, failures = ?, interruptions = ?, last_error_type = ?,
    last_error = ?, worker = ?, due_at = ?, created_at = ?, started_at = ?, ended_at = ?, updated_at = ?, seq = ?,
    removed = ?, wake_at = ?, waiting_for = ?, child_id = ?, parent_id = ? WHERE execution_id = ?"""
UPDATE_ATTEMPT = """UPDATE attempts_1 SET status = ?, outcome = ?, ended_at = ?, duration_us = ?, message = ?
    WHERE execution_id = ? AND started_seq = ?"""
UPDATE_SUM = """UPDATE statistics_1 SET count = ?, duration_us = ? WHERE flow_id = ? AND task = ? AND outcome = ?"""


def rows_of(written: Path, table: str) -> list[tuple]:
    with closing(sqlite3.connect(written)) as source:
        return source.execute(f"SELECT * FROM {table}").fetchall()


def table_of(written: Path, table: str) -> str:
    with closing(sqlite3.connect(written)) as source:
        return source.execute("SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?", (table,)).fetchone()[0]


def indexes_of(written: Path) -> list[str]:
    with closing(sqlite3.connect(written)) as source:
        found = source.execute("SELECT sql, tbl_name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL")
        return [sql for sql, table in found if table in TABLES]


def insert_into(table: str, rows: list[tuple]) -> str:
    return f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})"


def measure(durability: str, in_flight: int, executions: int, rounds: int) -> None:
    per_commit = 100 if in_flight > 1 else 1
    rates: dict[str, list[float]] = {}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            written = Path(folder) / "flowsm.db"
            rates.setdefault("flowsm", []).append(flowsm_rate(written, durability, executions, in_flight))
            for write in (row_by_row, in_bulk):
                for reference in (three_rows_rate, same_rows_rate):
                    name = f"{reference.__name__.removesuffix('_rate')} {write.__name__}".replace("_", " ")
                    path = Path(folder) / f"{name}.db"
                    rates.setdefault(name, []).append(reference(path, written, durability, per_commit, write))
    medians = {name: statistics.median(found) for name, found in rates.items()}
    own = medians.pop("flowsm")
    print(f"{in_flight} in flight, {durability}: {own:,.0f} tasks/s")
    for name, rate in medians.items():
        print(f"    {own / rate:.2f} of {name} ({rate:,.0f} tasks/s)")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--executions", type=int, default=300)
    options = parser.parse_args()
    for durability in ("full", "normal"):
        measure(durability, IN_FLIGHT, options.executions, options.rounds)
        measure(durability, 1, max(1, options.executions // 10), options.rounds)


if __name__ == "__main__":
    main()
