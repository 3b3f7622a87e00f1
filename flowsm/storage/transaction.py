"""One group of requests, one transaction."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from flowsm.storage.errors import CommitFailed, unavailable

__all__ = ["Transactions", "Work"]

_RECENT: Final = 0.2
"""The share of the latest commit in the running average of their durations."""


class Work(Protocol):
    """What is done inside the transactions of one connection."""

    def __call__(self, connection: sqlite3.Connection, requests: Sequence[Any]) -> list[Any]:
        """Apply requests; gives a result, or an exception, for each."""
        ...

    def settled(self, committed: bool) -> None:
        """Called after each transaction of the connection: False if it was undone, or did other work."""
        ...


class Transactions:
    """Runs groups of requests on one connection, and remembers how long a commit takes."""

    __slots__ = ("_path", "_work", "commit_seconds")

    def __init__(self, path: str, work: Work) -> None:
        self._path = path
        self._work = work
        self.commit_seconds = 0.0

    def run(self, connection: sqlite3.Connection, requests: Sequence[Any]) -> list[Any]:
        """Apply the requests in one transaction; gives a result, or an exception, for each, and never raises.

        The write lock is taken at once: a deferred transaction that reads, then writes, fails in spite of any timeout.
        """
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            return [unavailable(self._path, error) for _ in requests]
        return self._finish(connection, self._work, requests)

    def run_at_once(self, connection: sqlite3.Connection, requests: Sequence[Any]) -> list[Any] | None:
        """The same on a connection without a busy timeout; None if another connection holds the write lock."""
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            if error.sqlite_errorname.startswith("SQLITE_BUSY"):
                return None
            return [unavailable(self._path, error) for _ in requests]
        return self._finish(connection, self._work, requests)

    def run_function(self, connection: sqlite3.Connection, function: Callable[[sqlite3.Connection], Any]) -> Any:
        """The function's result, or exception, from a transaction of its own."""
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            return unavailable(self._path, error)
        (result,) = self._finish(connection, lambda raw, _: [function(raw)], [None])
        self._work.settled(False)
        return result

    def _finish(
        self,
        connection: sqlite3.Connection,
        work: Callable[[sqlite3.Connection, Sequence[Any]], list[Any]],
        requests: Sequence[Any],
    ) -> list[Any]:
        """Work in the transaction that was begun, and commit it."""
        try:
            results = work(connection, requests)
        except sqlite3.Error as error:
            self._undo(connection)
            return [unavailable(self._path, error) for _ in requests]
        except Exception as error:  # noqa: BLE001 - whoever waits gets it; nothing was written
            self._undo(connection)
            return [error for _ in requests]
        begun = time.perf_counter()
        try:
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._undo(connection)
            reason = str(error)
            return [result if isinstance(result, Exception) else CommitFailed(reason) for result in results]
        self.commit_seconds += _RECENT * (time.perf_counter() - begun - self.commit_seconds)
        self._work.settled(True)
        return results

    def _undo(self, connection: sqlite3.Connection) -> None:
        self._work.settled(False)
        try:
            if connection.in_transaction:  # some errors have ended it already
                connection.execute("ROLLBACK")
        except sqlite3.Error:
            return  # the next BEGIN tells
