"""The driver's errors, said in the words of flowsm: the one place where SQLite's codes are read."""

from __future__ import annotations

import sqlite3
from typing import Final

from flowsm.errors import LogUnavailable

__all__ = [
    "FAILURES",
    "CommitFailed",
    "StatementFailed",
    "concerns_file",
    "is_busy",
    "is_damage",
    "spoils",
    "unavailable",
]

_SENTENCES: Final = {
    "SQLITE_BUSY": "another process holds the write lock; try again, or stop that process",
    "SQLITE_LOCKED": "another connection holds a lock; try again",
    "SQLITE_FULL": "the disk is full; nothing was written",
    "SQLITE_READONLY": "the file, its -wal or -shm, or their folder cannot be written; check their permissions",
    "SQLITE_CANTOPEN": "the file cannot be opened; check that its folder exists and may be written",
    "SQLITE_NOTADB": "expected a SQLite database, found something else; choose another file",
    "SQLITE_CORRUPT": "the database file is damaged; restore it from a backup",
    "SQLITE_IOERR": "the disk gave an error; check it",
    "SQLITE_PERM": "access was denied; check the permissions",
    "SQLITE_NOMEM": "there is not enough memory",
}
_DAMAGE: Final = frozenset({"SQLITE_CORRUPT", "SQLITE_NOTADB"})
_SPOILING: Final = frozenset({"SQLITE_READONLY", "SQLITE_IOERR", "SQLITE_CANTOPEN", *_DAMAGE})
FAILURES: Final = (sqlite3.Error, UnicodeDecodeError)
"""What a connection raises; the second where the file is so damaged that what SQLite says of it is no text."""
_NOT_TEXT: Final = "Could not decode to UTF-8"
"""How Python says of a column that its text is none: SQLite itself does not look."""


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


def _code(error: Exception) -> str:
    """The primary result code's name: `SQLITE_IOERR` for `SQLITE_IOERR_FSYNC`."""
    name: str = getattr(error, "sqlite_errorname", None) or ""
    return "_".join(name.split("_")[:2])


def concerns_file(error: sqlite3.Error) -> bool:
    """Whether it is the whole file, disk or lock that failed, rather than one statement, its values or its place."""
    return _code(error) in _SENTENCES and _code(error) != "SQLITE_CORRUPT"


def is_damage(error: Exception) -> bool:
    """Whether what lies in the file is not what SQLite has put there."""
    return _code(error) in _DAMAGE or _is_no_text(error)


def _is_no_text(error: Exception) -> bool:
    return isinstance(error, UnicodeDecodeError) or str(error).startswith(_NOT_TEXT)


def spoils(error: BaseException) -> bool:
    """Whether the connection that met it should be opened anew: it may keep what was wrong when that is over."""
    met = (error, error.__cause__)
    return any(isinstance(one, FAILURES) and (_code(one) in _SPOILING or _is_no_text(one)) for one in met)


def is_busy(error: Exception) -> bool:
    """Whether another connection holds the lock that was asked for."""
    return _code(error) == "SQLITE_BUSY"


def unavailable(path: str, error: Exception) -> LogUnavailable:
    """The error to raise when it is certain that nothing was written."""
    code = "SQLITE_CORRUPT" if _is_no_text(error) else _code(error)
    sentence = _SENTENCES.get(code)
    made = LogUnavailable(path, f"{sentence} ({error})" if sentence else str(error))
    made.__cause__ = error
    return made
