"""Records to a table of a user's SQLite file, in one transaction."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import Any, Final

import msgspec

from flowsm.errors import DataInvalid
from flowsm.limits import BUSY_TIMEOUT_MS
from flowsm.tasks.builtin.records import Records
from flowsm.tasks.builtin.writers import columns_of

__all__ = ["write_table"]

_LOG_TABLES: Final = frozenset({"events", "log_head", "streams"})
_INTEGER_MAX: Final = 2**63


def write_table(target: Path, shown: str, table: str, records: Records, *, append: bool) -> None:
    """Replace a table by these records, or append them; missing columns are added.

    Raises:
        DataInvalid: SQLite could not do it, and nothing was changed; or the file is flowsm's own log.
    """
    columns = columns_of(records)
    _check_names(shown, table, columns)
    try:
        with contextlib.closing(
            sqlite3.connect(target, isolation_level=None, timeout=BUSY_TIMEOUT_MS / 1000)
        ) as connection:
            present = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if present >= _LOG_TABLES:
                raise DataInvalid(shown, "", "this is a log of flowsm; choose another file")
            connection.execute("BEGIN IMMEDIATE")
            try:
                _write(connection, table, columns, records, append=append)
            except BaseException:
                if connection.in_transaction:  # SQLite may have rolled back by itself: a full disk
                    connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")
    except (sqlite3.Error, UnicodeEncodeError) as error:
        raise DataInvalid(shown, f"table {table!r}", f"not written: {error}") from error


def _write(connection: sqlite3.Connection, table: str, columns: list[str], records: Records, *, append: bool) -> None:
    name = _quote(table)
    exists = connection.execute(
        "SELECT 1 FROM sqlite_master WHERE type = 'table' AND lower(name) = lower(?)", (table,)
    ).fetchone()
    if not columns:
        if exists and not append:
            connection.execute(f"DELETE FROM {name}")
        return
    if exists and not append:
        connection.execute(f"DROP TABLE {name}")
    if append and exists:
        present = {row[1].lower() for row in connection.execute(f"PRAGMA table_info({name})")}
        for column in columns:
            if column.lower() not in present:
                connection.execute(f"ALTER TABLE {name} ADD COLUMN {_quote(column)} {_type(column, records)}")
    else:
        described = ", ".join(f"{_quote(column)} {_type(column, records)}" for column in columns)
        connection.execute(f"CREATE TABLE {name} ({described})")
    listed = ", ".join(map(_quote, columns))
    marks = ", ".join("?" * len(columns))
    connection.executemany(
        f"INSERT INTO {name} ({listed}) VALUES ({marks})",
        ([_cell(record.get(column)) for column in columns] for record in records),
    )


def _check_names(shown: str, table: str, columns: list[str]) -> None:
    seen: dict[str, str] = {}
    for column in columns:
        other = seen.setdefault(column.lower(), column)
        if other != column:
            raise DataInvalid(shown, f"table {table!r}", f"to SQLite the fields {other!r} and {column!r} are the same")
    for name in (table, *columns):
        if not name or "\0" in name:
            raise DataInvalid(shown, f"table {table!r}", f"{name!r} cannot be the name of a table or column")


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _type(column: str, records: Records) -> str:
    """The declared type, which is only a hint to SQLite: the narrowest that fits every value."""
    kinds = {type(_cell(record.get(column))) for record in records} - {type(None)}
    if kinds <= {int}:
        return "INTEGER" if kinds else ""
    return "REAL" if kinds <= {int, float} else "TEXT" if kinds == {str} else ""


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, list | dict):
        return msgspec.json.encode(value).decode()
    if isinstance(value, int) and not -_INTEGER_MAX <= value < _INTEGER_MAX:
        return str(value)
    return value
