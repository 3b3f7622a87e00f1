"""The driver's errors, said in the words of flowsm: the one place where SQLite's codes are read."""

from __future__ import annotations

import sqlite3
from typing import Final

from flowsm.errors import LogUnavailable

__all__ = ["CommitFailed", "StatementFailed", "concerns_file", "is_busy", "unavailable"]

_SENTENCES: Final = {
    "SQLITE_BUSY": "another process holds the write lock; try again, or stop that process",
    "SQLITE_LOCKED": "another connection holds a lock; try again",
    "SQLITE_FULL": "the disk is full; nothing was written",
    "SQLITE_READONLY": "the file, or its folder, cannot be written; check their permissions",
    "SQLITE_CANTOPEN": "the file cannot be opened; check that its folder exists and may be written",
    "SQLITE_NOTADB": "expected a SQLite database, found something else; choose another file",
    "SQLITE_CORRUPT": "the database file is damaged; restore it from a backup",
    "SQLITE_IOERR": "the disk gave an error; check it",
    "SQLITE_PERM": "access was denied; check the permissions",
    "SQLITE_NOMEM": "there is not enough memory",
}


class CommitFailed(Exception):
    """A COMMIT failed: whether its transaction was recorded is not known."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class StatementFailed(Exception):
    """One request's statement cannot be run (no such table, a constraint): the others may go on without it."""

    def __init__(self, statement: str, cause: Exception) -> None:
        self.statement, self.cause = statement, cause
        super().__init__(f"statement {statement!r} failed: {cause}")


def _code(error: sqlite3.Error) -> str:
    """The primary result code's name: `SQLITE_IOERR` for `SQLITE_IOERR_FSYNC`."""
    name: str = getattr(error, "sqlite_errorname", None) or ""
    return "_".join(name.split("_")[:2])


def concerns_file(error: sqlite3.Error) -> bool:
    """Whether it is the file, disk or lock that failed, rather than one statement or its values."""
    return _code(error) in _SENTENCES


def is_busy(error: sqlite3.Error) -> bool:
    """Whether another connection holds the lock that was asked for."""
    return _code(error) == "SQLITE_BUSY"


def unavailable(path: str, error: sqlite3.Error) -> LogUnavailable:
    """The error to raise when it is certain that nothing was written."""
    sentence = _SENTENCES.get(_code(error))
    return LogUnavailable(path, f"{sentence} ({error})" if sentence else str(error))
