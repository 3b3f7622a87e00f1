"""The synchronous path: a plain connection of its own, for what must be durable when a function returns."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable
from typing import Any, Final

from flowsm.storage.transaction import Transactions, Work

__all__ = ["SyncWriter"]

_INHERITED: Final[list[sqlite3.Connection]] = []
"""Connections of a parent process, kept so that nobody closes them here."""


class SyncWriter:
    """Runs one request after another, each in a transaction on the calling thread."""

    def __init__(self, path: str, connector: Callable[[], sqlite3.Connection], work: Work) -> None:
        """The connection is opened by the first request."""
        self._connector = connector
        self._transactions = Transactions(path, work)
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._process = 0

    def apply(self, request: Any) -> Any:
        """The request's result, durable; its error is raised.

        Raises:
            LogUnavailable: nothing was written.
            CommitFailed: it is not known whether it was.
        """
        with self._lock:
            self._leave_to_parent()
            if self._connection is None:
                self._connection, self._process = self._connector(), os.getpid()
            (result,) = self._transactions.run(self._connection, [request])
            if self._transactions.spoilt:
                self._connection.close()
                self._connection = None
                self._transactions.renew()
        if isinstance(result, Exception):
            raise result
        return result

    def release(self) -> None:
        """Close the connection; the next request opens another."""
        with self._lock:
            self._leave_to_parent()
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()

    def _leave_to_parent(self) -> None:
        """In a forked child: neither use nor close the parent's connection, for SQLite's locks do not survive a fork."""
        if self._connection is not None and self._process != os.getpid():
            _INHERITED.append(self._connection)
            self._connection = None
