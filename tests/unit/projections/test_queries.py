"""Questions to the projections: which index answers them, and what is refused."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from flowsm.clock import timestamp
from flowsm.errors import AmbiguousId, ExecutionNotFound, UsageError
from flowsm.projections.queries import Queries
from flowsm.projections.tables import ROW_STATEMENTS, SCHEMA

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


class Table:
    """The projections in memory, with one row a second; it keeps the plan of every query."""

    def __init__(self) -> None:
        self.connection = sqlite3.connect(":memory:")
        self.connection.executescript(SCHEMA.replace("{g}", "1"))
        self.connection.execute("CREATE TABLE definitions (digest TEXT, flow_id TEXT, name TEXT, document TEXT)")
        self.plans: list[str] = []
        self.seconds = 0

    async def query(self, statement, parameters):
        sql = statement.replace("{g}", "1")
        plan = self.connection.execute(f"EXPLAIN QUERY PLAN {sql}", parameters).fetchall()
        self.plans.append("\n".join(row[3] for row in plan))
        return self.connection.execute(sql, parameters).fetchall()

    def add(self, execution_id: str, status: str = "completed", flow: str = "f", at: int | None = None, removed=0):
        if at is None:
            self.seconds = at = self.seconds + 1
        moment = timestamp(BEGIN + timedelta(seconds=at))
        name = f"The {flow[0]}"
        row = (execution_id, flow, name, "d", status, None, '["a"]', "[]", "[]", 1, 1, 0, 0, None, None, "w", None)
        self.connection.execute(
            ROW_STATEMENTS["put_execution"].replace("{g}", "1"),
            (*row, moment, moment, None, moment, 5, removed, None, None, None, None),
        )
        known = "SELECT 1 FROM definitions WHERE flow_id = ?"
        if not self.connection.execute(known, (flow,)).fetchall():
            self.connection.execute("INSERT INTO definitions VALUES (?, ?, ?, '')", (flow, flow, name))


@pytest.fixture
def table() -> Iterator[Table]:
    made = Table()
    yield made
    made.connection.close()


@pytest.fixture
def queries(table) -> Queries:
    return Queries(table)


async def ids(queries: Queries, **filters) -> list[str]:
    return [item.execution_id for item in (await queries.executions(**filters)).items]


async def test_the_newest_come_first(table, queries):
    """Executions are listed by when they were created, ties by id."""
    for execution_id, at in [("b", 1), ("a", 3), ("c", 2), ("d", 2)]:
        table.add(execution_id, at=at)
    assert await ids(queries) == ["a", "d", "c", "b"]
    (item, *_) = (await queries.executions()).items
    assert (item.created_at, item.path, item.removed) == (BEGIN + timedelta(seconds=3), ["a"], False)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"status": "failed"}, ["e4", "e2"]),
        ({"status": "cancelled"}, []),
        ({"flow": "g"}, ["e4", "e3"]),
        ({"flow": "The g"}, ["e4", "e3"]),
        ({"flow": "nothing"}, []),
        ({"since": BEGIN + timedelta(seconds=4)}, ["e5", "e4"]),
        ({"since": (BEGIN + timedelta(seconds=4)).astimezone()}, ["e5", "e4"]),
        ({"status": "failed", "flow": "f"}, ["e2"]),
        ({"status": "failed", "flow": "g", "since": BEGIN}, ["e4"]),
        ({"limit": 2}, ["e5", "e4"]),
    ],
)
async def test_filters_hold_together(table, queries, filters, expected):
    """Each filter leaves out what it should, alone and with others; a flow goes by its id or its name."""
    for number, (status, flow) in enumerate(
        [("completed", "f"), ("failed", "f"), ("completed", "g"), ("failed", "g"), ("running", "f")], 1
    ):
        table.add(f"e{number}", status, flow)
    assert await ids(queries, **filters) == expected


@pytest.mark.parametrize(
    ("filters", "index"),
    [
        ({}, "executions_1_created"),
        ({"since": BEGIN + timedelta(seconds=9_990)}, "executions_1_created (created_at>?)"),
        ({"status": "failed"}, "executions_1_status (status=? AND removed=?)"),
        ({"status": "cancelled"}, "executions_1_status (status=? AND removed=?)"),
        ({"status": "failed", "since": BEGIN}, "executions_1_status (status=? AND removed=? AND created_at>?)"),
        ({"flow": "f7"}, "executions_1_flow (flow_id=?)"),
        ({"flow": "The f"}, "executions_1_flow (flow_id=?)"),
        ({"flow": "f7", "since": BEGIN}, "executions_1_flow (flow_id=? AND created_at>?)"),
    ],
)
async def test_lists_are_walks_along_an_index(table, queries, filters, index):
    """Among ten thousand executions no list is a scan or a sort, on its first page and on its second."""
    for number in range(10_000):
        table.add(f"e{number}", "failed" if number % 50 == 0 else "completed", f"f{number % 10}")
    page = await queries.executions(limit=5, **filters)
    assert index in table.plans[-1]
    assert "TEMP B-TREE" not in table.plans[-1]
    if page.cursor:
        await queries.executions(limit=5, cursor=page.cursor, **filters)
        assert "SEARCH" in table.plans[-1]
        assert "TEMP B-TREE" not in table.plans[-1]


async def test_many_flows_of_one_name_are_found(table, queries):
    """A name may be that of more flows than are looked up one by one."""
    for number in range(60):
        table.add(f"e{number}", flow=f"f{number}")
    assert len(await ids(queries, flow="The f")) == 60
    table.connection.execute("DELETE FROM definitions WHERE rowid > 3")
    assert await ids(queries, flow="The f") == ["e2", "e1", "e0"]


@pytest.mark.parametrize("filters", [{}, {"status": "failed"}, {"flow": "The f"}])
async def test_pages_have_no_gap_and_no_double(table, queries, filters):
    """While new executions arrive, what was there at the beginning is seen once; many share one moment."""
    for number in range(50):
        table.add(f"e{number:02d}", "failed", f"f{number % 2}", at=number // 5)
    seen: list[str] = []
    cursor = None
    while True:
        page = await queries.executions(limit=7, cursor=cursor, **filters)
        seen += [item.execution_id for item in page.items]
        cursor = page.cursor
        if cursor is None:
            break
        assert len(page.items) == 7
        table.add(f"new{len(seen)}", "failed", "f1", at=100 + len(seen))
    assert sorted(seen) == [f"e{number:02d}" for number in range(50)]
    assert seen == sorted(seen, reverse=True)


async def test_a_page_that_ends_the_list_has_no_cursor(table, queries):
    """Also when it is full."""
    for number in range(4):
        table.add(f"e{number}")
    assert (await queries.executions(limit=4)).cursor is None
    assert (await queries.executions(limit=3)).cursor is not None


@pytest.mark.parametrize(
    ("filters", "sentence"),
    [
        ({"status": "done"}, "status 'done' is not one of created, running, waiting, paused, completed"),
        ({"limit": 0}, "limit is 0, expected 1 to 1000"),
        ({"limit": 1_001}, "limit is 1001"),
        ({"since": datetime(2026, 1, 1)}, "has no time zone"),  # noqa: DTZ001 - that is the point
        ({"cursor": "%%%"}, "'%%%' is not a cursor"),
        ({"cursor": "YWJj"}, "is not a cursor"),
        ({"cursor": "YSBi"}, "is not a cursor"),
        ({"cursor": "/w=="}, "is not a cursor"),
    ],
)
async def test_what_cannot_be_asked_is_refused(queries, filters, sentence):
    """The sentence says what was found, and what to give."""
    with pytest.raises(UsageError, match=sentence):
        await queries.executions(**filters)


async def test_a_removed_execution_leaves_the_lists_and_keeps_its_row(table, queries):
    """It is in no list and no count, and is found by its id."""
    table.add("kept", "failed")
    table.add("gone", "failed", removed=1)
    assert await ids(queries) == await ids(queries, status="failed") == await ids(queries, flow="f") == ["kept"]
    assert (await queries.summary([])).status_counts == {"failed": 1}
    assert await queries.resolve("@last") == await queries.resolve("@last-failed") == "kept"
    assert (await queries.execution("gone")).removed is True
    assert await queries.resolve("go") == "gone"


async def test_ids_by_their_beginning(table, queries):
    """A unique beginning is enough, an exact id wins, and several are named."""
    for execution_id in ("abc", "abcd", "xyz"):
        table.add(execution_id)
    assert await queries.resolve("x") == "xyz"
    assert await queries.resolve("abc") == "abc"
    assert await queries.resolve("abcd") == "abcd"
    with pytest.raises(AmbiguousId) as caught:
        await queries.resolve("ab")
    assert caught.value.matches == ("abc", "abcd")
    for unknown in ("q", ""):
        with pytest.raises(ExecutionNotFound):
            await queries.resolve(unknown)
    assert "PRIMARY KEY" in table.plans[-1]


async def test_the_last_and_the_last_that_failed(table, queries):
    """Without any there is nothing to be found."""
    for word in ("@last", "@last-failed"):
        with pytest.raises(ExecutionNotFound, match=word):
            await queries.resolve(word)
    table.add("a", "failed")
    table.add("b", "completed")
    assert await queries.resolve("@last") == "b"
    assert await queries.resolve("@last-failed") == "a"


async def test_an_unknown_execution_has_no_row(queries):
    """It is not there, and that is said."""
    with pytest.raises(ExecutionNotFound, match="nobody"):
        await queries.execution("nobody")


async def test_the_summary_adds_up(table, queries):
    """Counts by status come from the rows, ends and attempts from the sums; a mean is their quotient."""
    table.add("a", "failed")
    table.add("b", "completed")
    table.connection.executemany(
        "INSERT INTO statistics_1 VALUES (?, ?, ?, ?, ?)",
        [("f", "", "completed", 1, 5_000_000), ("f", "t", "success", 4, 2_000_000), ("f", "u", "skipped", 0, 0)],
    )
    summary = await queries.summary(["t"])
    assert (summary.total_flows, summary.status_counts) == (2, {"completed": 1, "failed": 1})
    assert summary.registered_task_types == ["t"]
    assert [(entry.outcome, entry.count, entry.mean_seconds) for entry in summary.flows] == [("completed", 1, 5.0)]
    tasks = [(entry.task, entry.total_seconds, entry.mean_seconds) for entry in summary.tasks]
    assert tasks == [("t", 2.0, 0.5), ("u", 0.0, 0.0)]
    assert "COVERING INDEX executions_1_status" in table.plans[-1]
