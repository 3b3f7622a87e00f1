"""Migrations: how a file comes to have the tables that this flowsm expects.

The table `meta` (key, value) remembers each migration by name, `format` (how many there are),
`writer_format` (how many a process must know to write) and `created_by`.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final

from flowsm.errors import LogTooNew, LogUnavailable
from flowsm.storage.backup import copy_database
from flowsm.storage.errors import FAILURES, unavailable
from flowsm.storage.open import APPLICATION_ID

__all__ = ["INITIAL_GENERATION", "META_TABLE", "Migration", "is_current", "migrate", "split_script"]

INITIAL_GENERATION: Final = 1
META_TABLE: Final = "CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID"
_LOGGER: Final = logging.getLogger("flowsm.storage")
_PUT: Final = "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"


@dataclass(frozen=True, slots=True)
class Migration:
    """A step of the schema, applied once and in order; `{g}` in its SQL is the generation of projection tables.

    `compatible`: a process that does not know this step may go on writing.
    """

    name: str
    sql: str
    compatible: bool = False


def is_current(connection: sqlite3.Connection, migrations: Sequence[Migration]) -> bool:
    """Whether all migrations were applied; False for an empty file."""
    if connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'meta'").fetchone() is None:
        return False
    applied = {key for (key,) in connection.execute("SELECT key FROM meta WHERE key LIKE 'migration/%'").fetchall()}
    return applied.issuperset(f"migration/{migration.name}" for migration in migrations)


def migrate(
    connection: sqlite3.Connection, path: str, migrations: Sequence[Migration], *, now: str, created_by: str
) -> None:
    """Apply what is missing, in one transaction; of two processes at once, one waits for the other.

    A file that had tables before is copied first, to `<file>.before-<format>.bak` beside it.

    Raises:
        LogTooNew: the file has steps that this process does not know, and may not write without knowing.
        LogUnavailable: the file, or its copy, cannot be written.
    """
    try:
        if not is_current(connection, migrations):
            connection.execute("BEGIN IMMEDIATE")
            kept: Path | None = None
            try:
                kept = _keep_copy(connection, migrations)
                _apply_missing(connection, migrations, now, created_by)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:  # some errors have ended it already
                    connection.execute("ROLLBACK")
                if kept is not None:
                    kept.unlink(missing_ok=True)  # the file is as it was
                raise
        _check_format(connection, path, len(migrations))
    except FAILURES as error:
        raise unavailable(path, error) from error
    except (KeyError, ValueError) as error:
        raise LogUnavailable(path, f"its table meta is damaged ({error}); restore it from a backup") from error


def _keep_copy(connection: sqlite3.Connection, migrations: Sequence[Migration]) -> Path | None:
    """Copy the file as it is before steps are applied to it, while nobody else can write; None where nothing is lost."""
    ((_, _, path),) = [row for row in connection.execute("PRAGMA database_list") if row[1] == "main"]
    if not path or connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'meta'").fetchone() is None:
        return None
    meta = dict(connection.execute("SELECT key, value FROM meta").fetchall())
    known = int(meta.get("format", "0"))
    missing = sum(f"migration/{migration.name}" not in meta for migration in migrations)
    if not missing or int(meta.get("writer_format", "0")) > len(migrations):
        return None
    numbers = (f"{path}.before-{known + missing}{f'.{again}' if again else ''}.bak" for again in count())
    kept = next(Path(name) for name in numbers if not Path(name).exists())
    copy_database(path, kept)
    _LOGGER.warning("%s: format %d becomes %d; the file as it was is kept in %s", path, known, known + missing, kept)
    return kept


def _check_format(connection: sqlite3.Connection, path: str, known: int) -> None:
    rows = dict(connection.execute("SELECT key, value FROM meta WHERE key IN ('format', 'writer_format')").fetchall())
    if int(rows["writer_format"]) > known:
        raise LogTooNew(path, int(rows["format"]), known)


def _apply_missing(connection: sqlite3.Connection, migrations: Sequence[Migration], now: str, created_by: str) -> None:
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(META_TABLE)
    meta = dict(connection.execute("SELECT key, value FROM meta").fetchall())
    count = int(meta.get("format", "0"))
    writer_format = int(meta.get("writer_format", "0"))
    if writer_format > len(migrations):
        return  # the caller says that it is too new
    generation = meta.get("projection_generation", str(INITIAL_GENERATION))
    for migration in migrations:
        if f"migration/{migration.name}" in meta:
            continue
        for statement in split_script(migration.sql.replace("{g}", generation)):
            connection.execute(statement)
        count += 1
        writer_format = writer_format if migration.compatible else count
        connection.execute(_PUT, (f"migration/{migration.name}", now))
    values = {"format": str(count), "writer_format": str(writer_format)}
    if not meta:
        values |= {"created_by": created_by, "projection_generation": generation}
    connection.executemany(_PUT, values.items())


def split_script(script: str) -> list[str]:
    """The statements of a script; `executescript` would commit what is under way."""
    statements: list[str] = []
    pending = ""
    for line in script.splitlines(keepends=True):
        if not pending and (not line.strip() or line.lstrip().startswith("--")):
            continue
        pending += line
        if line.rstrip().endswith(";") and sqlite3.complete_statement(pending):
            statements.append(pending)
            pending = ""
    if pending.strip():
        statements.append(pending)
    return statements
