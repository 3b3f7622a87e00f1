"""The synchronous path: a plain connection of its own, for what must be durable when a function returns."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from typing import Any

from flowsm.storage.transaction import Transactions, Work

__all__ = ["SyncWriter"]


class SyncWriter:
    """Runs one request after another, each in a transaction on the calling thread."""

    def __init__(self, path: str, connector: Callable[[], sqlite3.Connection], work: Work) -> None:
        """The connection is opened by the first request."""
        self._connector = connector
        self._transactions = Transactions(path, work)
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def apply(self, request: Any) -> Any:
        """The request's result, durable; its error is raised.

        Raises:
            LogUnavailable: nothing was written.
            CommitFailed: it is not known whether it was.
        """
        with self._lock:
            if self._connection is None:
                self._connection = self._connector()
            (result,) = self._transactions.run(self._connection, [request])
        if isinstance(result, Exception):
            raise result
        return result

    def release(self) -> None:
        """Close the connection; the next request opens another."""
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()
