"""One group of requests, one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from flowsm.storage.errors import CommitFailed, unavailable

__all__ = ["ApplyGroup", "begin", "finish", "reading", "roll_back", "run_group"]

ApplyGroup = Callable[[sqlite3.Connection, Sequence[Any]], list[Any]]
"""Applies requests inside a transaction; gives a result, or an exception, for each."""


def begin(connection: sqlite3.Connection) -> None:
    """Take the write lock at once: a deferred transaction that reads, then writes, fails in spite of any timeout."""
    connection.execute("BEGIN IMMEDIATE")


def roll_back(connection: sqlite3.Connection) -> None:
    """Undo what the transaction did, if SQLite has not done so by itself."""
    if connection.in_transaction:
        connection.execute("ROLLBACK")


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
            roll_back(connection)
    except sqlite3.Error as error:
        raise unavailable(path, error) from error


def run_group(connection: sqlite3.Connection, path: str, apply_group: ApplyGroup, requests: Sequence[Any]) -> list[Any]:
    """Apply the requests in one transaction; gives a result, or an exception, for each, and never raises."""
    try:
        begin(connection)
    except sqlite3.Error as error:
        return [unavailable(path, error) for _ in requests]
    return finish(connection, path, apply_group, requests)


def finish(connection: sqlite3.Connection, path: str, apply_group: ApplyGroup, requests: Sequence[Any]) -> list[Any]:
    """Apply the requests in the transaction that was begun, and commit it."""
    try:
        results = apply_group(connection, requests)
    except sqlite3.Error as error:
        _roll_back_quietly(connection)
        return [unavailable(path, error) for _ in requests]
    except Exception as error:  # noqa: BLE001 - whoever waits gets it; nothing was written
        _roll_back_quietly(connection)
        return [error for _ in requests]
    try:
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        _roll_back_quietly(connection)
        reason = str(error)
        return [result if isinstance(result, Exception) else CommitFailed(reason) for result in results]
    return results


def _roll_back_quietly(connection: sqlite3.Connection) -> None:
    try:
        roll_back(connection)
    except sqlite3.Error:
        return  # the next BEGIN tells
