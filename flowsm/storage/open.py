"""Opening: every connection to a log is made here, with its pragmas and the reason of each."""

from __future__ import annotations

import os
import sqlite3
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

from flowsm.errors import LogUnavailable
from flowsm.limits import BUSY_TIMEOUT_MS, MIB
from flowsm.storage.errors import FAILURES, is_busy, unavailable

__all__ = [
    "APPLICATION_ID",
    "Durability",
    "is_outdated",
    "open_reader",
    "open_writer",
    "private_folder",
    "set_busy_timeout",
]

Durability = Literal["full", "normal"]

APPLICATION_ID: Final = 0x666C6F77
"""`flow` in ASCII: marks a file as ours, so that another application's database is never written to."""
_CACHED_STATEMENTS: Final = 512
_PAGE_CACHE_KIB: Final = 16 * 1024
_CHECKPOINT_PAGES: Final = 1_000
"""4 MiB of WAL, as SQLite's own default: a checkpoint stalls a commit for milliseconds, a growing WAL slows each fsync."""
_WAL_LIMIT_BYTES: Final = 64 * MIB
_PAGE_MIN_BYTES: Final = 512
"""The smallest page that SQLite knows: every database has one, or is empty."""
_RETRY_SECONDS: Final = 0.005


def private_folder() -> Path:
    """A folder for the file behind `:memory:`; whoever asks for it removes it.

    A shared in-memory database locks its readers out at once, busy timeout or not; a file in WAL mode does not.
    """
    return Path(tempfile.mkdtemp(prefix="flowsm-"))


def set_busy_timeout(connection: sqlite3.Connection, milliseconds: int) -> None:
    """How long a statement waits for another connection's lock."""
    connection.execute(f"PRAGMA busy_timeout = {milliseconds}")


def open_writer(path: str, durability: Durability) -> sqlite3.Connection:
    """A connection that may write, in WAL mode, whose transactions are begun and ended by hand.

    It may be used from any thread, one at a time.

    Raises:
        LogUnavailable: the file cannot be opened, is not a database, or is another application's.
    """
    _check_size(path)
    try:
        connection = sqlite3.connect(
            path,
            timeout=BUSY_TIMEOUT_MS / 1000,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=_CACHED_STATEMENTS,
        )
    except FAILURES as error:
        raise unavailable(path, error) from error
    try:
        _check_owner(connection, path)
        _enter_wal(connection)
        connection.execute(f"PRAGMA synchronous = {'FULL' if durability == 'full' else 'NORMAL'}")
        connection.execute("PRAGMA foreign_keys = OFF")  # projections' rows may come in any order
        connection.execute(f"PRAGMA cache_size = -{_PAGE_CACHE_KIB}")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}").fetchone()
        connection.execute(f"PRAGMA journal_size_limit = {_WAL_LIMIT_BYTES}").fetchone()
    except FAILURES as error:
        connection.close()
        raise unavailable(path, error) from error
    except LogUnavailable:
        connection.close()
        raise
    return connection


def _check_owner(connection: sqlite3.Connection, path: str) -> None:
    """Refuse another application's database before anything in it is touched."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    if application == APPLICATION_ID:
        return
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()  # perhaps marked in between
    if application != APPLICATION_ID and (application or tables):
        raise LogUnavailable(
            path, "expected a log of flowsm, found another application's database; choose another file"
        )


def _enter_wal(connection: sqlite3.Connection) -> None:
    """Switch to WAL; SQLite does not wait for a lock here, so of two processes that create a file one tries again."""
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() > deadline:
                raise
            time.sleep(_RETRY_SECONDS)
        else:
            return


def open_reader(
    path: str, is_ready: Callable[[sqlite3.Connection], bool], prepare: Callable[[], None]
) -> sqlite3.Connection:
    """A connection that cannot write.

    Args:
        path: the file.
        is_ready: whether the file has the tables that are expected.
        prepare: makes, or migrates, the file where it is missing, or not ready.

    Raises:
        LogUnavailable: the file cannot be opened.
    """
    if not Path(path).exists():
        prepare()
    _check_size(path)
    uri = Path(path).absolute().as_uri()
    try:
        connection = _connect_reader(f"{uri}?mode=rw")
    except FAILURES as error:
        if not _may_be_frozen(path):
            raise unavailable(path, error) from error
        try:
            connection = _connect_frozen(path, uri)
        except FAILURES:
            raise unavailable(path, error) from error
    try:
        if not is_ready(connection):
            prepare()
    except BaseException as error:
        connection.close()
        if isinstance(error, FAILURES):
            raise unavailable(path, error) from error
        raise
    return connection


def _may_be_frozen(path: str) -> bool:
    """Whether nobody can write the file now: in a folder that cannot be written, without a WAL to take part in."""
    wal = Path(f"{path}-wal")
    return not os.access(Path(path).parent, os.W_OK) and not (wal.exists() and wal.stat().st_size)


def _check_size(path: str) -> None:
    """Refuse what is too small to be a database: SQLite itself takes a file of a few bytes for an empty one.

    The file is not opened for that: closing it again would let go of the locks of all connections that this process
    has to it, and the next process that closes the file would delete the WAL beneath them (SQLite's "How To Corrupt
    An SQLite Database File", 2.2). What else is no database SQLite finds out itself.
    """
    try:
        size = Path(path).stat().st_size
    except OSError:
        return  # missing, or not ours to read: opening it tells
    if 0 < size < _PAGE_MIN_BYTES and not _is_to_be_rolled_back(path):
        raise LogUnavailable(path, "expected a SQLite database, found something else; choose another file")


def _is_to_be_rolled_back(path: str) -> bool:
    """Whether the file was being made when the power went: SQLite undoes that when it is opened."""
    journal = Path(f"{path}-journal")
    return journal.exists() and journal.stat().st_size > 0


def is_outdated(connection: sqlite3.Connection) -> bool:
    """Whether a connection that takes its file for unchangeable must be opened anew."""
    return isinstance(connection, _Frozen) and not connection.still_holds()


class _Frozen(sqlite3.Connection):
    """A connection to a file that nobody could write when it was opened: it sees no later change."""

    path = ""
    seen = (0, 0)

    def still_holds(self) -> bool:
        return _may_be_frozen(self.path) and _version_of(self.path) == self.seen


def _version_of(path: str) -> tuple[int, int]:
    try:
        now = Path(path).stat()
    except OSError:
        return (0, 0)
    return now.st_mtime_ns, now.st_size


def _connect_frozen(path: str, uri: str) -> sqlite3.Connection:
    seen = _version_of(path)
    connection = _connect_reader(f"{uri}?immutable=1", _Frozen)
    if isinstance(connection, _Frozen):
        connection.path, connection.seen = path, seen
    return connection


def _connect_reader(uri: str, factory: type[sqlite3.Connection] = sqlite3.Connection) -> sqlite3.Connection:
    connection = sqlite3.connect(
        uri,
        factory=factory,
        uri=True,
        timeout=BUSY_TIMEOUT_MS / 1000,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=_CACHED_STATEMENTS,
    )
    try:
        connection.execute("PRAGMA query_only = ON")
        connection.execute(f"PRAGMA cache_size = -{_PAGE_CACHE_KIB}")
        connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone()
    except FAILURES:
        connection.close()
        raise
    return connection
