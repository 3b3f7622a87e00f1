"""Opening: every connection to a log is made here, with its pragmas and the reason of each."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

from flowsm.errors import LogUnavailable
from flowsm.limits import BUSY_TIMEOUT_MS, MIB
from flowsm.storage.errors import unavailable

__all__ = ["APPLICATION_ID", "Durability", "open_reader", "open_writer", "private_folder", "set_busy_timeout"]

Durability = Literal["full", "normal"]

APPLICATION_ID: Final = 0x666C6F77
"""`flow` in ASCII: marks a file as ours, so that another application's database is never written to."""
_CACHED_STATEMENTS: Final = 512
_PAGE_CACHE_KIB: Final = 16 * 1024
_CHECKPOINT_PAGES: Final = 4_000
"""16 MiB of WAL: a checkpoint stalls a commit for milliseconds, and writes a page once however often it changed."""
_WAL_LIMIT_BYTES: Final = 64 * MIB
_RETRY_SECONDS: Final = 0.005


def private_folder() -> tempfile.TemporaryDirectory[str]:
    """A folder for the file behind `:memory:`, removed when it is cleaned up, or by the interpreter's exit.

    A shared in-memory database locks its readers out at once, busy timeout or not; a file in WAL mode does not.
    """
    return tempfile.TemporaryDirectory(prefix="flowsm-", ignore_cleanup_errors=True)


def set_busy_timeout(connection: sqlite3.Connection, milliseconds: int) -> None:
    """How long a statement waits for another connection's lock."""
    connection.execute(f"PRAGMA busy_timeout = {milliseconds}")


def open_writer(path: str, durability: Durability) -> sqlite3.Connection:
    """A connection that may write, in WAL mode, whose transactions are begun and ended by hand.

    It may be used from any thread, one at a time.

    Raises:
        LogUnavailable: the file cannot be opened, is not a database, or is another application's.
    """
    try:
        connection = sqlite3.connect(
            path,
            timeout=BUSY_TIMEOUT_MS / 1000,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=_CACHED_STATEMENTS,
        )
    except sqlite3.Error as error:
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
    except sqlite3.Error as error:
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
            if error.sqlite_errorname != "SQLITE_BUSY" or time.monotonic() > deadline:
                raise
            time.sleep(_RETRY_SECONDS)
        else:
            return


def open_reader(path: str, prepare: Callable[[], None]) -> sqlite3.Connection:
    """A connection that cannot write; `prepare` is called first, to create or migrate the file if it has to be.

    Raises:
        LogUnavailable: the file cannot be opened.
    """
    prepare()
    try:
        return _connect_reader(f"{Path(path).absolute().as_uri()}?mode=rw")
    except sqlite3.Error as error:
        raise unavailable(path, error) from error


def _connect_reader(uri: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        uri,
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
    except sqlite3.Error:
        connection.close()
        raise
    return connection
