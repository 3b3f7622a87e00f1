"""A connection that is lent: what the function may do with it, and what it may not."""

from __future__ import annotations

import re
import sqlite3
import threading

import pytest

from flowsm.errors import TransactionRefused, TransactionTimeout
from flowsm.storage.guard import Guard

OWN = re.compile(r"events|view_1|index_1|trigger_1|later_\d+", re.IGNORECASE)
ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) "
SCHEMA = """
CREATE TABLE events (a);
CREATE INDEX index_1 ON events (a);
CREATE VIEW view_1 AS SELECT a FROM events;
CREATE TRIGGER trigger_1 BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'no'); END;
INSERT INTO events VALUES (1);
CREATE TABLE mine (a UNIQUE, b);
INSERT INTO mine VALUES (1, 'one');
CREATE TABLE sly (a);
CREATE TRIGGER sly_1 AFTER INSERT ON sly BEGIN UPDATE events SET a = 2; END;
"""


@pytest.fixture
def connection():
    made = sqlite3.connect(":memory:", isolation_level=None)
    made.executescript(SCHEMA)
    made.execute("UPDATE events SET a = ?", (1,))  # prepared, and kept, before the guard stands
    made.execute("BEGIN IMMEDIATE")
    yield made
    made.close()


def lend(connection, function, seconds=5.0):
    return Guard(connection, lambda name: OWN.fullmatch(name) is not None, seconds).run(function)


def test_the_function_reads_everything_and_writes_what_is_not_protected(connection):
    """Its own tables are made, filled, changed and read; protected ones are read."""

    def work(lent):
        lent.execute("CREATE TABLE IF NOT EXISTS made (a INTEGER PRIMARY KEY, b)")
        lent.execute("CREATE INDEX made_b ON made (b)")
        lent.execute("ALTER TABLE made ADD COLUMN c")
        assert lent.executemany("INSERT INTO made (b) VALUES (?)", [("x",), ("y",), ("z",)]).rowcount == 3
        assert lent.execute("INSERT INTO made (b) VALUES (:b)", {"b": "w"}).lastrowid == 4
        rows = lent.execute("SELECT a, b FROM made ORDER BY a")
        assert [column[0] for column in rows.description] == ["a", "b"]
        assert rows.fetchone() == (1, "x")
        assert rows.fetchmany(1) == [(2, "y")]
        assert list(rows) == [(3, "z"), (4, "w")]
        assert lent.execute("SELECT name FROM pragma_table_info('made')").fetchall() == [("a",), ("b",), ("c",)]
        lent.execute("DROP TABLE made")
        return lent.execute("SELECT * FROM view_1").fetchall()

    assert lend(connection, work) == [(1,)]


@pytest.mark.parametrize(
    ("sql", "denied"),
    [
        ("INSERT INTO events VALUES (2)", "insert into flowsm's own 'events'"),
        ("UPDATE events SET a = ?", "update flowsm's own 'events'"),
        ("DELETE FROM EVENTS", "delete from flowsm's own 'events'"),
        ("REPLACE INTO events VALUES (2)", "insert into flowsm's own 'events'"),
        ("INSERT INTO sly VALUES (1)", "update flowsm's own 'events' (in 'sly_1')"),
        ("DROP TABLE events", "flowsm's own 'events'"),
        ("DROP VIEW view_1", "flowsm's own 'view_1'"),
        ("DROP INDEX index_1", "drop an index of flowsm's own 'events'"),
        ("DROP TRIGGER trigger_1", "drop a trigger of flowsm's own 'events'"),
        ("ALTER TABLE events ADD COLUMN b", "alter flowsm's own 'events'"),
        ("CREATE INDEX other ON events (a)", "create an index on flowsm's own 'events'"),
        ("CREATE TRIGGER t AFTER INSERT ON events BEGIN SELECT 1; END", "create a trigger on flowsm's own 'events'"),
        ("CREATE TEMP TRIGGER t AFTER INSERT ON main.events BEGIN SELECT 1; END", "temporary"),
        ("CREATE TABLE later_7 (a)", "create flowsm's own 'later_7'"),
        ("CREATE TABLE Later_7 AS SELECT 1", "create flowsm's own 'Later_7'"),
        ("CREATE VIEW later_7 AS SELECT 1", "create flowsm's own 'later_7'"),
        ("CREATE TEMP TABLE events (a)", "temporary"),
        ("CREATE TEMP TABLE harmless (a)", "temporary"),
        ("CREATE TEMP VIEW harmless AS SELECT 1", "temporary"),
        ("CREATE VIRTUAL TABLE temp.harmless USING fts5 (a)", "temporary"),
        ("BEGIN", "begin, commit or undo"),
        ("COMMIT", "begin, commit or undo"),
        ("ROLLBACK", "begin, commit or undo"),
        ("SAVEPOINT a", "begin, commit or undo"),
        ("RELEASE a", "begin, commit or undo"),
        ("ATTACH ':memory:' AS other", "attach a database"),
        ("DETACH main", "detach a database"),
        ("PRAGMA writable_schema = ON", "use PRAGMA writable_schema"),
        ("PRAGMA user_version", "use PRAGMA user_version"),
        ("SELECT load_extension('x')", "call load_extension()"),
        ("REINDEX index_1", "reindex flowsm's own 'index_1'"),
    ],
)
def test_what_is_denied_is_said(connection, sql, denied):
    """A statement that is not allowed is refused with what it would have done; the rest of the function goes on."""

    def work(lent):
        with pytest.raises(TransactionRefused) as caught:
            lent.execute(sql, (2,) if "?" in sql else ())
        lent.execute("INSERT INTO mine VALUES (2, 'two')")
        return str(caught.value)

    before = connection.execute("SELECT * FROM sqlite_schema").fetchall()
    assert denied in lend(connection, work)
    assert connection.in_transaction
    assert connection.execute("SELECT * FROM sqlite_schema").fetchall() == before
    assert connection.execute("SELECT a FROM events").fetchall() == [(1,)]
    connection.execute("UPDATE events SET a = ?", (3,))  # the guard has left nothing behind
    assert connection.execute("SELECT a FROM events").fetchall() == [(3,)]


def test_a_table_cannot_take_a_protected_name_later(connection):
    """What the authorizer is not told, such as a new name, is found out after the function."""
    with pytest.raises(TransactionRefused, match="choose another name"):
        lend(connection, lambda lent: lent.execute("ALTER TABLE mine RENAME TO later_9"))


@pytest.mark.parametrize(
    "sql", [ENDLESS + "SELECT count(*) FROM n", ENDLESS + "INSERT INTO mine SELECT x, x FROM n WHERE x > 1"]
)
def test_a_statement_is_interrupted(connection, sql):
    """A statement that takes too long ends with the limit in its error, also if the function swallows that."""
    with pytest.raises(TransactionTimeout, match=r"0\.05 s"):
        lend(connection, lambda lent: lent.execute(sql).fetchall(), 0.05)

    def swallow(lent):
        for _ in range(3):
            with pytest.raises(TransactionTimeout):
                lent.execute(sql).fetchall()

    if not connection.in_transaction:
        connection.execute("BEGIN IMMEDIATE")
    with pytest.raises(TransactionTimeout):
        lend(connection, swallow, 0.05)


def test_rows_that_come_too_late_are_not_read(connection):
    """The limit holds between statements, and while rows are read."""

    def work(lent):
        rows = lent.execute(ENDLESS + "SELECT x FROM n")
        for _ in rows:
            pass

    with pytest.raises(TransactionTimeout):
        lend(connection, work, 0.05)


@pytest.mark.parametrize("swallows", [False, True])
def test_undoing_the_whole_transaction_is_found_out(connection, swallows):
    """After a conflict that SQLite resolves by a rollback, the function writes nothing more."""

    def work(lent):
        with pytest.raises(sqlite3.IntegrityError):
            lent.execute("INSERT OR ROLLBACK INTO mine VALUES (1, 'again')")
        if not swallows:
            lent.execute("INSERT INTO mine VALUES (5, 'outside of any transaction')")

    guard = Guard(connection, lambda name: False, 5.0)
    with pytest.raises(TransactionRefused, match="undid the whole transaction"):
        guard.run(work)
    assert guard.is_lost
    assert connection.execute("SELECT count(*) FROM mine").fetchone() == (1,)


def test_the_connection_cannot_be_kept(connection):
    """After the function has returned, what it was lent is of no use; nor is it on another thread."""
    kept = []

    def work(lent):
        kept.extend([lent, lent.execute("SELECT a FROM mine")])
        errors = []

        def elsewhere():
            try:
                lent.execute("SELECT 1")
            except TransactionRefused as error:
                errors.append(error)

        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        return errors

    assert len(lend(connection, work)) == 1
    with pytest.raises(TransactionRefused, match="of no use outside"):
        kept[0].execute("SELECT 1")
    with pytest.raises(TransactionRefused, match="of no use outside"):
        kept[1].fetchone()


@pytest.mark.parametrize("name", ["commit", "rollback", "cursor", "executescript", "close", "set_authorizer"])
def test_the_connection_has_nothing_else(connection, name):
    """Committing, closing and the like are not there, and it is said why."""
    with pytest.raises(AttributeError, match="flowsm begins and commits"):
        lend(connection, lambda lent: getattr(lent, name))


def test_what_sqlite_refuses_is_the_functions_own_error(connection):
    """A constraint that fails, or SQL that is wrong, is raised as sqlite3 raises it."""
    with pytest.raises(sqlite3.IntegrityError):
        lend(connection, lambda lent: lent.execute("INSERT INTO mine VALUES (1, 2)"))
    with pytest.raises(sqlite3.OperationalError, match="syntax"):
        lend(connection, lambda lent: lent.execute("SELEKT"))
    with pytest.raises(sqlite3.OperationalError, match="overflow"):
        lend(connection, lambda lent: lent.execute("SELECT 1 UNION ALL SELECT abs(-9223372036854775808)").fetchall())


def test_something_to_await_is_refused(connection):
    """A function that gives a coroutine, or anything else to await, is refused, and nothing is left unawaited."""

    async def later():
        raise AssertionError

    class Awaitable:
        def __await__(self):
            yield

    for value in (later(), Awaitable()):
        with pytest.raises(TransactionRefused, match="give a plain function"):
            lend(connection, lambda _, value=value: value)
