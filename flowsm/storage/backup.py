"""A copy of a database while it is in use: SQLite's online backup, checked before it gets its name."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from flowsm.errors import FileExists, LogNotFound, LogUnavailable, UsageError
from flowsm.storage.errors import unavailable
from flowsm.storage.open import open_reader

__all__ = ["copy_database", "sync_folder"]

_STEP_PAGES: Final = 2_500
"""10 MiB per step: between two of them a thread can be switched, and Ctrl-C is heard."""


def copy_database(path: str, target: str | Path, *, replace: bool = False) -> int:
    """Copy the database, as of one moment, to another file, complete or not at all; gives the copy's size in bytes.

    In WAL mode its reader holds no writer up. The copy is checked page by page (`quick_check`), and durable.

    Args:
        path: the database; others may write it meanwhile.
        target: the file to be made.
        replace: overwrite a file that is there.

    Raises:
        FileExists: the target is there, and `replace` was not said.
        LogNotFound: there is no such database.
        LogUnavailable: it cannot be read, the target cannot be written, or the copy does not pass the check.
        UsageError: the target is the database itself, or in use.
    """
    target = Path(target)
    _check_target(path, target, replace)
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        _copy(path, partial)
        _check(partial)
        size = _make_durable(partial)
        _check_target(path, target, replace)
        partial.replace(target)
        sync_folder(target.parent)
    except sqlite3.Error as error:
        raise unavailable(str(target), error) from error
    except OSError as error:
        raise LogUnavailable(str(target), f"the copy cannot be written: {error.strerror or error}") from error
    finally:
        partial.unlink(missing_ok=True)
    return size


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable, where the system can."""
    if os.name == "nt":  # folders cannot be opened there
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _check_target(path: str, target: Path, replace: bool) -> None:
    if target.exists():
        if Path(path).exists() and target.samefile(path):
            raise UsageError(f"{target} is the log itself: give another file for its copy")
        if not replace or not target.is_file():
            raise FileExists(str(target))
    wal = target.with_name(f"{target.name}-wal")
    if wal.exists() and wal.stat().st_size:
        raise UsageError(f"{wal} is there, so {target} is in use, or was not closed: give another file")


def _copy(path: str, partial: Path) -> None:
    with (
        closing(open_reader(path, lambda _: True, lambda: _missing(path))) as source,
        closing(sqlite3.connect(partial, isolation_level=None)) as copy,
    ):
        copy.execute("PRAGMA journal_mode = OFF").fetchone()  # a copy that is cut short is thrown away
        copy.execute("PRAGMA synchronous = OFF")  # it is made durable as a whole
        source.execute("BEGIN")  # one moment for all steps: otherwise each write of others begins the copy anew
        source.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        source.backup(copy, pages=_STEP_PAGES)
        source.execute("ROLLBACK")


def _missing(path: str) -> None:
    raise LogNotFound(path)


def _check(partial: Path) -> None:
    uri = f"{partial.absolute().as_uri()}?immutable=1"
    with closing(sqlite3.connect(uri, uri=True)) as copy:
        (found,) = copy.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise LogUnavailable(
            str(partial), f"the copy is damaged, as the log itself may be ({found}): run flowsm doctor"
        )


def _make_durable(partial: Path) -> int:
    with partial.open("rb+") as file:
        os.fsync(file.fileno())
        return os.fstat(file.fileno()).st_size
