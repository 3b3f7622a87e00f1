"""Rows of projections commit with the events that they come from."""

from __future__ import annotations

import asyncio
import sqlite3

import pytest

from flowsm.errors import Conflict, LogUnavailable
from flowsm.log.port import Increment, RowChange
from flowsm.log.sqlite import SqliteEventLog
from flowsm.storage.migrations import Migration
from flowsm.testing.log_contract import created, started, to_append

TABLES = """
CREATE TABLE things_{g} (id TEXT PRIMARY KEY, value TEXT) STRICT;
CREATE TABLE sums_{g} (id TEXT PRIMARY KEY, a INTEGER, b INTEGER) STRICT;
CREATE TABLE trace_{g} (place INTEGER PRIMARY KEY, word TEXT) STRICT;
"""
ROWS = {
    "insert": "INSERT INTO things_{g} VALUES (?, ?)",
    "update": "UPDATE things_{g} SET value = ? WHERE id = ?",
    "trace": "INSERT INTO trace_{g} (word) VALUES (?)",
    "sum": "INSERT INTO sums_{g} VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET a = a + excluded.a, b = b + excluded.b",
}


@pytest.fixture
async def log(tmp_path):
    log = SqliteEventLog(
        tmp_path / "flow.db", durability="normal", row_statements=ROWS, migrations=[Migration("things", TABLES)]
    )
    await log.generation()
    yield log
    await log.close()


async def test_rows_are_written_with_the_events(log):
    """A batch's rows are there as soon as its events are."""
    await log.append(to_append("a", 0, created(), rows=[RowChange("insert", ("a", "new"))]))
    assert await log.query("SELECT * FROM things_{g}") == [("a", "new")]


async def test_refused_batches_write_no_rows(log):
    """The rows of a stale batch are not written, those of its neighbours are."""
    results = await asyncio.gather(
        log.append(to_append("a", 0, created(), rows=[RowChange("insert", ("a", "new"))])),
        log.append(to_append("b", 4, created(), rows=[RowChange("insert", ("b", "new"))])),
        return_exceptions=True,
    )
    assert isinstance(results[1], Conflict)
    assert await log.query("SELECT id FROM things_{g}") == [("a",)]


async def test_the_order_within_a_stream_is_kept(log):
    """A stream's changes are written in their order, also when that goes back in the order of statements."""
    rows = [
        RowChange("insert", ("a", "1")),
        RowChange("update", ("2", "a")),
        RowChange("insert", ("b", "1")),
        RowChange("update", ("2", "b")),
    ]
    others = [RowChange("update", ("nobody", "z")), RowChange("insert", ("c", "1")), RowChange("update", ("2", "c"))]
    await asyncio.gather(
        log.append(to_append("x", 0, created(), rows=others)), log.append(to_append("y", 0, created(), rows=rows))
    )
    assert await log.query("SELECT * FROM things_{g} ORDER BY id") == [("a", "2"), ("b", "2"), ("c", "2")]


async def test_of_changes_with_one_key_the_last_is_written(log):
    """Within one commit a change with a key replaces the one before it."""
    await asyncio.gather(
        log.append(to_append("a", 0, created(), rows=[RowChange("trace", ("first",), key="a")])),
        log.append(to_append("a", 1, started(), rows=[RowChange("trace", ("second",), key="a")])),
        log.append(to_append("b", 0, created(), rows=[RowChange("trace", ("other",))])),
    )
    assert await log.query("SELECT word FROM trace_{g} ORDER BY place") == [("second",), ("other",)]


async def test_increments_are_summed(log):
    """Amounts of one commit are added up per key, and added to what is there."""
    for _ in range(2):
        await asyncio.gather(
            *[
                log.append(
                    to_append(f"s{n}", 0, rows=[Increment("sum", ("k",), (1, n)), Increment("sum", ("l",), (1, 1))])
                )
                for n in range(10)
            ]
        )
    assert await log.query("SELECT * FROM sums_{g} ORDER BY id") == [("k", 20, 90), ("l", 20, 20)]


@pytest.mark.parametrize(
    "row",
    [
        RowChange("insert", ("taken", "x")),
        RowChange("insert", ("too few",)),
        RowChange("insert", ("of a wrong type", object())),
        RowChange("no such statement", ()),
        Increment("sum", ("k",), (2**70, 1)),
        Increment("sum", ("k",), ("no", "numbers")),
    ],
)
async def test_a_row_that_fails_fails_only_its_batch(log, row):
    """A statement that cannot be run takes back its own batch; the neighbours in the group are recorded."""
    await log.append(to_append("first", 0, created(), rows=[RowChange("insert", ("taken", "x"))]))
    good = [RowChange("insert", ("good", "x")), Increment("sum", ("k",), (1, 1))]
    results = await asyncio.gather(
        log.append(to_append("a", 0, created(), started(), rows=good)),
        log.append(to_append("bad", 0, created(), rows=[row])),
        log.append(to_append("c", 0, created())),
        log.append(to_append("c", 1, started())),
        return_exceptions=True,
    )
    assert [result.seq for result in (results[0], *results[2:])] == [2, 1, 2]
    assert isinstance(results[1], LogUnavailable)
    assert "nothing of this append was recorded" in str(results[1])
    assert await log.head("bad") is None
    assert await log.query("SELECT * FROM sums_{g}") == [("k", 1, 1)]
    assert (await log.append(to_append("bad", 0, created()))).position == 6
    assert len([pair async for pair in log.read_all()]) == 6


async def test_a_stream_name_that_sqlite_cannot_store_fails_alone(log):
    """A batch that cannot be encoded leaves its neighbours whole."""
    results = await asyncio.gather(
        log.append(to_append("\ud800", 0, created())), log.append(to_append("b", 0, created())), return_exceptions=True
    )
    assert isinstance(results[0], LogUnavailable)
    assert results[1].seq == 1


async def test_a_switch_of_generation_is_noticed(log, tmp_path):
    """Rows go to the tables of the generation that is in use, also when another process switched it."""
    await log.append(to_append("a", 0, created(), rows=[RowChange("insert", ("a", "1"))]))
    foreign = sqlite3.connect(tmp_path / "flow.db")
    with foreign:
        foreign.executescript(TABLES.replace("{g}", "2"))
        foreign.execute("UPDATE meta SET value = '2' WHERE key = 'projection_generation'")
    foreign.close()
    await log.append(to_append("b", 0, created(), rows=[RowChange("insert", ("b", "1"))]))
    assert await log.generation() == 2
    assert await log.query("SELECT id FROM things_{g}") == [("b",)]
    assert await log.query("SELECT id FROM things_1") == [("a",)]


async def test_a_switch_of_generation_by_write(log):
    """What `write` changes is seen by the appends after it, and is taken back if its function fails."""

    def switch(connection):
        for statement in filter(str.strip, TABLES.replace("{g}", "2").split(";")):
            connection.execute(statement)
        connection.execute("UPDATE meta SET value = '2' WHERE key = 'projection_generation'")
        return "switched"

    def fail(connection):
        connection.execute("DROP TABLE things_2")
        raise RuntimeError("on purpose")

    first, word, second = await asyncio.gather(
        log.append(to_append("a", 0, created(), rows=[RowChange("insert", ("a", "1"))])),
        log.write(switch),
        log.append(to_append("b", 0, created(), rows=[RowChange("insert", ("b", "1"))])),
    )
    assert (first.position, word, second.position) == (1, "switched", 2)
    with pytest.raises(RuntimeError, match="on purpose"):
        await log.write(fail)
    assert await log.query("SELECT id FROM things_{g}") == [("b",)]


async def test_queries_by_name(log):
    """A query may be named like the row statements are, with parameters by place or name."""
    log._statements = type(log._statements)({"things_by_id": "SELECT value FROM things_{g} WHERE id = :id"})
    await log.write(lambda connection: connection.execute("INSERT INTO things_1 VALUES ('a', 'x')"))
    assert await log.query("things_by_id", {"id": "a"}) == [("x",)]
    assert await log.query("SELECT value FROM things_{g} WHERE id = ?", ("a",)) == [("x",)]


async def test_a_query_cannot_write(log):
    """A reader's connection refuses to change anything, in the log's own words."""
    with pytest.raises(LogUnavailable, match="cannot be written"):
        await log.query("DELETE FROM things_{g}")
