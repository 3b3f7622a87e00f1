"""A user's function and the batch that records what came of it, in one transaction."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, Final

from flowsm.log.append import LOG_STATEMENTS, Appender
from flowsm.log.check import refusal
from flowsm.log.pending import prepare, prepare_limited
from flowsm.log.port import Append, Appended, Guarded
from flowsm.log.port_limits import LimitedAppend
from flowsm.storage.errors import concerns_file
from flowsm.storage.guard import Guard
from flowsm.storage.migrations import META_TABLE, Migration, split_script

__all__ = ["Transactor", "own_names"]

_SELECT_HEAD: Final = LOG_STATEMENTS["select_head"]
_PROBE: Final = 987_654_321
"""Stands for any generation's number."""


def own_names(migrations: Sequence[Migration]) -> re.Pattern[str]:
    """What matches the names of the tables, views, indexes and triggers that these steps make, in any generation."""
    with sqlite3.connect(":memory:", isolation_level=None) as made:
        made.execute(META_TABLE)
        for migration in migrations:
            for statement in split_script(migration.sql.replace("{g}", str(_PROBE))):
                made.execute(statement)
        names = [name for (name,) in made.execute("SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'")]
    made.close()
    patterns = (re.escape(name).replace(str(_PROBE), r"\d+") for name in names)
    return re.compile("|".join(patterns), re.IGNORECASE | re.ASCII)


class Transactor:
    """Runs guarded functions for one file.

    Args:
        migrations: the steps that made its tables: what they make is protected.
        new_appender: makes what applies a batch; each transaction gets one of its own, which knows nothing yet.
    """

    def __init__(self, migrations: Sequence[Migration], new_appender: Callable[[], Appender]) -> None:
        self._migrations = migrations
        self._new_appender = new_appender
        self._own: re.Pattern[str] | None = None

    def __call__(self, connection: sqlite3.Connection, gate: Append, guarded: Guarded) -> Appended:
        """Check, run the function, record; the transaction was begun, and is committed if this returns.

        Raises:
            Conflict: the stream is elsewhere; the function was not run.
            Fenced: the stream has another owner; the function was not run.
            LogUnavailable: the batch cannot be written.
            sqlite3.Error: the file cannot be written.
        """
        _check(connection, gate)
        connection.execute("SAVEPOINT guarded")
        guard = Guard(connection, self._is_own, guarded.seconds)
        value: Any = None
        failed: BaseException | None = None
        try:
            value = guard.run(guarded.function)
        except BaseException as error:  # noqa: BLE001 (whatever the function raises is its result)
            _raise_if_file(error)
            failed = error
        stays, batch = guarded.settle(value, failed)
        if guard.is_lost:
            connection.execute("BEGIN IMMEDIATE")
            _check(connection, gate)
        elif stays:
            connection.execute("RELEASE guarded")
        else:
            connection.execute("ROLLBACK TO guarded")
            connection.execute("RELEASE guarded")
        ready = prepare_limited(batch) if isinstance(batch, LimitedAppend) else prepare(batch)
        return self._new_appender().apply(connection, ready)

    def _is_own(self, name: str) -> bool:
        if self._own is None:
            self._own = own_names(self._migrations)
        return self._own.fullmatch(name) is not None


def _check(connection: sqlite3.Connection, gate: Append) -> None:
    seq, _, epoch, *_ = connection.execute(_SELECT_HEAD, (gate.stream,)).fetchone() or (0, "", 0)
    refused = refusal(gate, seq, epoch, gate.worker, lambda _: None)  # it claims nothing
    if refused is not None:
        raise refused


def _raise_if_file(error: BaseException) -> None:
    """A full disk is no failure of the function; a lock is its own: the transaction holds the file's."""
    own = ("SQLITE_BUSY", "SQLITE_LOCKED")
    if isinstance(error, sqlite3.Error) and concerns_file(error):
        name: str = getattr(error, "sqlite_errorname", "")
        if not name.startswith(own):
            raise error
