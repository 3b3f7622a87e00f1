"""One group, one transaction; every request gets its answer."""

from __future__ import annotations

import sqlite3

import pytest

from flowsm.errors import LogUnavailable
from flowsm.storage.errors import CommitFailed
from flowsm.storage.transaction import Transactions


class Work:
    """Inserts what is requested; an exception is raised, or given as result if it is in a list."""

    def __init__(self):
        self.history = []

    def __call__(self, connection, requests):
        results = []
        for request in requests:
            if isinstance(request, Exception):
                raise request
            if isinstance(request, list):
                results += request
                continue
            connection.execute("INSERT INTO t VALUES (?)", (request,))
            results.append(request)
        return results

    def settled(self, committed):
        self.history.append(committed)


@pytest.fixture
def connection(tmp_path):
    connection = sqlite3.connect(tmp_path / "x.db", isolation_level=None, timeout=0)
    connection.execute("CREATE TABLE t (x INTEGER REFERENCES u (x) DEFERRABLE INITIALLY DEFERRED)")
    connection.execute("CREATE TABLE u (x INTEGER PRIMARY KEY)")
    yield connection
    connection.close()


@pytest.fixture
def work():
    return Work()


def rows(connection):
    return [x for (x,) in connection.execute("SELECT x FROM t")]


def test_a_group_commits(connection, work):
    """Results come in order, refusals among them, after one commit."""
    refused = ValueError("refused")
    transactions = Transactions("p", work)
    assert transactions.run(connection, [1, [refused], 2]) == [1, refused, 2]
    assert rows(connection) == [1, 2]
    assert not connection.in_transaction
    assert work.history == [True]
    assert 0 < transactions.commit_seconds < 1


@pytest.mark.parametrize("error", [sqlite3.OperationalError("on purpose"), RuntimeError("on purpose")])
def test_work_that_fails_is_undone(connection, work, error):
    """If the work raises nothing is written, and everybody is told."""
    results = Transactions("p", work).run(connection, [1, error])
    assert [type(result) for result in results] == [
        LogUnavailable if isinstance(error, sqlite3.Error) else RuntimeError
    ] * 2
    assert rows(connection) == []
    assert work.history == [False]


def test_a_transaction_that_sqlite_ended(connection, work):
    """Where SQLite has rolled back by itself nothing more is undone."""

    def end(raw, requests):
        raw.execute("ROLLBACK")
        raise sqlite3.OperationalError("gone")

    end.settled = work.settled
    (result,) = Transactions("p", end).run(connection, [1])
    assert isinstance(result, LogUnavailable)


def test_a_failed_commit_is_not_known(connection, work):
    """A COMMIT that fails leaves every answer open, but for those that were refused before."""
    refused = ValueError("refused")
    connection.execute("PRAGMA foreign_keys = ON")
    results = Transactions("p", work).run(connection, [1, [refused], 2])
    assert [type(result) for result in results] == [CommitFailed, ValueError, CommitFailed]
    assert "FOREIGN KEY" in str(results[0])
    assert rows(connection) == []
    assert work.history == [False]


def test_a_lock(connection, work, tmp_path):
    """Without the lock nothing is written: at once, the group is given back; else everybody is told."""
    other = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    transactions = Transactions("p", work)
    assert transactions.run_at_once(connection, [1]) is None
    results = [*transactions.run(connection, [1, 2]), transactions.run_function(connection, rows)]
    assert all("another process holds the write lock" in str(result) for result in results)
    other.execute("ROLLBACK")
    other.close()
    assert transactions.run_at_once(connection, [1]) == [1]


def test_a_connection_that_cannot_begin(connection, work):
    """Any other reason is told at once."""
    connection.close()
    (result,) = Transactions("p", work).run_at_once(connection, [1])
    assert isinstance(result, LogUnavailable)


def test_an_interrupt_undoes_and_goes_on(connection, work):
    """Ctrl-C amid the work leaves no transaction open; one that it did leave is undone by the next."""

    def interrupt(raw, requests):
        work(raw, requests)
        raise KeyboardInterrupt

    interrupt.settled = work.settled
    with pytest.raises(KeyboardInterrupt):
        Transactions("p", interrupt).run(connection, [1])
    assert not connection.in_transaction
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("INSERT INTO t VALUES (2)")
    assert Transactions("p", work).run(connection, [3]) == [3]
    assert rows(connection) == [3]


def test_a_function(connection, work):
    """A function's writes commit with it, and what was known before is not taken for granted."""
    transactions = Transactions("p", work)
    assert transactions.run_function(connection, lambda raw: work(raw, [7])) == [7]
    assert rows(connection) == [7]
    assert work.history == [True, False]


def test_a_closed_connection(work):
    """A rollback that is not possible either does not hide the answer."""
    connection = sqlite3.connect(":memory:", isolation_level=None)

    def close(raw, requests):
        raw.close()
        raise sqlite3.OperationalError("gone")

    close.settled = work.settled
    (result,) = Transactions("p", close).run(connection, [1])
    assert "gone" in str(result)
