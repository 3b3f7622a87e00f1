"""One group of requests, one transaction."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, Protocol

from flowsm.errors import LogUnavailable
from flowsm.storage.errors import FAILURES, CommitFailed, is_busy, spoils, unavailable

__all__ = ["Transactions", "Work", "reading"]

_RECENT: Final = 0.2
"""The share of the latest commit in the running average of their durations."""
_LONGEST_SECONDS: Final = 0.005
"""A commit that took longer counts as this: now and then one has to fold the WAL back into the file."""


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

    __slots__ = ("_file", "_path", "_work", "commit_seconds", "spoilt")

    def __init__(self, path: str, work: Work) -> None:
        self._path = path
        self._work = work
        self._file: tuple[int, int] | None = None
        self.commit_seconds = 0.0
        self.spoilt = False
        """Whether the connection should be opened anew before the next transaction: then call `renew`."""

    def renew(self) -> None:
        """From now on it is another connection."""
        self.spoilt = False
        self._work.settled(False)

    def run(self, connection: sqlite3.Connection, requests: Sequence[Any]) -> list[Any]:
        """Apply the requests in one transaction; gives a result, or an exception, for each, and never raises.

        The write lock is taken at once: a deferred transaction that reads, then writes, fails in spite of any timeout.
        """
        try:
            self._begin(connection)
        except LogUnavailable as error:
            return [error for _ in requests]
        except FAILURES as error:
            return [self._unavailable(error) for _ in requests]
        return self._finish(connection, self._work, requests)

    def run_at_once(self, connection: sqlite3.Connection, requests: Sequence[Any]) -> list[Any] | None:
        """The same on a connection without a busy timeout; None if another connection holds the write lock."""
        try:
            self._begin(connection)
        except LogUnavailable as error:
            return [error for _ in requests]
        except FAILURES as error:
            if is_busy(error):
                return None
            return [self._unavailable(error) for _ in requests]
        return self._finish(connection, self._work, requests)

    def run_function(self, connection: sqlite3.Connection, function: Callable[[sqlite3.Connection], Any]) -> Any:
        """The function's result, or exception, from a transaction of its own."""
        try:
            self._begin(connection)
        except LogUnavailable as error:
            return error
        except FAILURES as error:
            return self._unavailable(error)
        (result,) = self._finish(connection, lambda raw, _: [function(raw)], [None])
        self._work.settled(False)
        return result

    def _begin(self, connection: sqlite3.Connection) -> None:
        """Take the write lock; what an interrupt left open is undone first.

        Raises:
            LogUnavailable: the path leads to another file than before, or to none: what is written would be lost.
            sqlite3.Error: the lock cannot be taken.
        """
        size = 1
        try:
            now = os.stat(self._path)  # noqa: PTH116 (a microsecond; on every transaction's way)
        except OSError:
            found = None
        else:
            found, size = (now.st_dev, now.st_ino), now.st_size
        self._file = self._file or found
        if found != self._file or size == 0:
            what = "removed" if found is None else "replaced by another" if found != self._file else "emptied"
            raise LogUnavailable(
                self._path, f"the file was {what} while it was open; nothing was written: put it back, or open it again"
            )
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        connection.execute("BEGIN IMMEDIATE")

    def _finish(
        self,
        connection: sqlite3.Connection,
        work: Callable[[sqlite3.Connection, Sequence[Any]], list[Any]],
        requests: Sequence[Any],
    ) -> list[Any]:
        """Work in the transaction that was begun, and commit it."""
        try:
            results = work(connection, requests)
        except FAILURES as error:
            self._undo(connection)
            return [self._unavailable(error) for _ in requests]
        except BaseException as error:
            self._undo(connection)
            if not isinstance(error, Exception):  # an interrupt goes on its way
                raise
            return [error for _ in requests]
        begun = time.perf_counter()
        try:
            connection.execute("COMMIT")
        except FAILURES as error:
            self._undo(connection)
            self.spoilt |= spoils(error)
            reason = str(error)
            return [result if isinstance(result, Exception) else CommitFailed(reason) for result in results]
        took = min(time.perf_counter() - begun, _LONGEST_SECONDS)
        self.commit_seconds += _RECENT * (took - self.commit_seconds)
        self._work.settled(True)
        return results

    def _unavailable(self, error: Exception) -> LogUnavailable:
        self.spoilt |= spoils(error)
        return unavailable(self._path, error)

    def _undo(self, connection: sqlite3.Connection) -> None:
        self._work.settled(False)
        try:
            if connection.in_transaction:  # some errors have ended it already
                connection.execute("ROLLBACK")
        except FAILURES:
            return  # the next BEGIN tells


@contextmanager
def reading(connection: sqlite3.Connection, path: str) -> Iterator[None]:
    """One read transaction: all that is read in it is of the same moment.

    Raises:
        LogUnavailable: the file cannot be read.
    """
    try:
        connection.execute("BEGIN")
        try:
            yield
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
    except FAILURES as error:
        raise unavailable(path, error) from error
