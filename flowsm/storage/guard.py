"""A connection lent to somebody's function, inside a transaction that is not its own.

The function may read everything and write what is not protected, for a limited time. It cannot end the transaction,
reach another file, change the connection, or use it once it has returned.
"""

from __future__ import annotations

import inspect
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from flowsm.errors import TransactionRefused, TransactionTimeout

__all__ = ["Guard", "GuardedConnection", "GuardedRows"]

_OPERATIONS: Final = 1_000
"""Of SQLite's machine, between two looks at the time: some 20 us."""
_SCHEMA: Final = frozenset(
    {"sqlite_master", "sqlite_temp_master", "sqlite_sequence", "sqlite_stat1", "sqlite_stat3", "sqlite_stat4"}
)
"""Tables that SQLite itself writes on behalf of CREATE, ALTER, DROP, AUTOINCREMENT and ANALYZE."""
_READING_PRAGMAS: Final = frozenset(
    {"foreign_key_list", "index_info", "index_list", "index_xinfo", "table_info", "table_list", "table_xinfo"}
)
_FREE: Final = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE})
_WRITES: Final = {
    sqlite3.SQLITE_INSERT: "insert into",
    sqlite3.SQLITE_UPDATE: "update",
    sqlite3.SQLITE_DELETE: "delete from",
}
_CHANGES: Final = {
    sqlite3.SQLITE_CREATE_TABLE: "create",
    sqlite3.SQLITE_CREATE_VIEW: "create",
    sqlite3.SQLITE_CREATE_INDEX: "create an index on",
    sqlite3.SQLITE_CREATE_TRIGGER: "create a trigger on",
    sqlite3.SQLITE_CREATE_VTABLE: "create",
    sqlite3.SQLITE_DROP_TABLE: "drop",
    sqlite3.SQLITE_DROP_VIEW: "drop",
    sqlite3.SQLITE_DROP_INDEX: "drop an index of",
    sqlite3.SQLITE_DROP_TRIGGER: "drop a trigger of",
    sqlite3.SQLITE_DROP_VTABLE: "drop",
    sqlite3.SQLITE_ALTER_TABLE: "alter",
    sqlite3.SQLITE_REINDEX: "reindex",
    sqlite3.SQLITE_ANALYZE: "analyze",
}
_NEVER: Final = {
    sqlite3.SQLITE_TRANSACTION: "begin, commit or undo anything",
    sqlite3.SQLITE_SAVEPOINT: "begin, commit or undo anything",
    sqlite3.SQLITE_ATTACH: "attach a database",
    sqlite3.SQLITE_DETACH: "detach a database",
}
_TEMPORARY: Final = "make or change anything temporary, which would last as long as flowsm's connection"
_FUNCTIONS: Final = frozenset({"load_extension", "fts3_tokenizer"})
_OBJECTS: Final = "SELECT type, name, tbl_name, sql FROM sqlite_schema"


class Guard:
    """One function's turn on a connection.

    Args:
        connection: in a transaction.
        is_protected: whether the function must not write, change or make a table, view, index or trigger of this name.
        seconds: how long the function may take. Statements are interrupted; Python code is not, but is found out.
    """

    def __init__(self, connection: sqlite3.Connection, is_protected: Callable[[str], bool], seconds: float) -> None:
        self._connection = connection
        self._is_protected = is_protected
        self._seconds = seconds
        self._end = 0.0
        self._thread: int | None = None
        self._denied: str | None = None
        self._rows: weakref.WeakSet[GuardedRows] = weakref.WeakSet()

    @property
    def is_lost(self) -> bool:
        """Whether a statement has undone the whole transaction, as SQLite does for ON CONFLICT ROLLBACK and interrupts."""
        return not self._connection.in_transaction

    def run(self, function: Callable[[Any], Any]) -> Any:
        """What the function returns, given the guarded connection.

        Raises:
            TransactionTimeout: it took too long.
            TransactionRefused: it did what it must not do.
            BaseException: whatever the function raises.
        """
        connection = self._connection
        protected = self._protected_objects()
        self._end = time.monotonic() + self._seconds
        self._thread = threading.get_ident()
        connection.set_authorizer(self._authorize)
        connection.set_progress_handler(self._is_late, _OPERATIONS)
        try:
            value = function(GuardedConnection(self))
            self._check_result(value)
        finally:
            self._thread = None
            for rows in list(self._rows):
                rows._close()  # noqa: SLF001 (one module: nothing that was lent is left open)
            connection.set_progress_handler(None, 0)
            connection.set_authorizer(None)
        self._check_transaction()
        if self._is_late():
            raise TransactionTimeout(self._seconds)
        if self._protected_objects() != protected:
            raise TransactionRefused(
                "a statement made or changed a table, view, index or trigger of flowsm", "choose another name"
            )
        return value

    def use(self, statement: Callable[..., sqlite3.Cursor], sql: str, parameters: Any) -> GuardedRows:
        """Run a statement on behalf of the function."""
        self.check()
        self._denied = None
        try:
            cursor = statement(sql, parameters)
        except sqlite3.DatabaseError as error:
            if self._is_late():
                raise TransactionTimeout(self._seconds) from error
            if self._denied is not None:
                raise TransactionRefused(
                    f"the function must not {self._denied}", "flowsm itself does that, around it"
                ) from error
            raise
        self._check_transaction()
        rows = GuardedRows(self, cursor)
        self._rows.add(rows)
        return rows

    def check(self) -> None:
        """Refuse any use after the function's end, on another thread, too late, or without the transaction."""
        if self._thread != threading.get_ident():
            raise TransactionRefused(
                "the connection is of no use outside of the call of the function that got it, nor on another thread",
                "read all that is needed inside the function, and return it",
            )
        self._check_transaction()
        if self._is_late():
            raise TransactionTimeout(self._seconds)

    def _check_transaction(self) -> None:
        if self.is_lost and not self._is_late():
            raise TransactionRefused(
                "a statement undid the whole transaction, not only itself",
                "leave out ROLLBACK as a conflict's resolution",
            )

    def _check_result(self, value: Any) -> None:
        if inspect.isawaitable(value):
            if inspect.iscoroutine(value):
                value.close()
            raise TransactionRefused(
                "the function returned something to await",
                "it runs where nothing can be awaited: give a plain function",
            )

    def _protected_objects(self) -> list[tuple[Any, ...]]:
        """The protected part of the file's schema."""
        objects = self._connection.execute(_OBJECTS).fetchall()
        return [row for row in objects if self._is_protected(row[1]) or self._is_protected(row[2])]

    def _is_late(self) -> bool:
        return time.monotonic() > self._end

    def _authorize(
        self, action: int, first: str | None, second: str | None, database: str | None, trigger: str | None
    ) -> int:
        if action in _FREE:
            return sqlite3.SQLITE_OK
        denied = self._denial(action, first or "", second or "", database)
        if denied is None:
            return sqlite3.SQLITE_OK
        self._denied = f"{denied} (in {trigger!r})" if trigger else denied
        return sqlite3.SQLITE_DENY

    def _denial(self, action: int, first: str, second: str, database: str | None) -> str | None:
        """What the function must not do, None if it may."""
        if action in _WRITES:
            return self._write_denial(_WRITES[action], first)
        if action in _CHANGES:
            names = [name for name in (first, second) if self._is_protected(name)]
            if names:
                return f"{_CHANGES[action]} flowsm's own {names[-1]!r}"
            return _TEMPORARY if database == "temp" else None
        if action == sqlite3.SQLITE_FUNCTION:
            return f"call {second}()" if second.lower() in _FUNCTIONS else None
        if action == sqlite3.SQLITE_PRAGMA:
            return None if first.lower() in _READING_PRAGMAS else f"use PRAGMA {first}"
        return _NEVER.get(action, _TEMPORARY)

    def _write_denial(self, verb: str, table: str) -> str | None:
        if table.startswith("sqlite_") and table not in _SCHEMA:
            return f"{verb} {table!r}"
        return f"{verb} flowsm's own {table!r}" if self._is_protected(table) else None


class GuardedConnection:
    """What the function gets in place of the connection: it runs single statements, and nothing else."""

    __slots__ = ("_guard",)

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    def execute(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> GuardedRows:
        """Run one statement; its rows are read from what it gives."""
        guard = self._guard
        return guard.use(guard._connection.execute, sql, parameters)  # noqa: SLF001 (one module)

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any] | Mapping[str, Any]]) -> GuardedRows:
        """Run one statement once for each set of parameters."""
        guard = self._guard
        return guard.use(guard._connection.executemany, sql, parameters)  # noqa: SLF001 (one module)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"the connection of context.transaction has execute() and executemany(), no {name!r}: "
            "flowsm begins and commits the transaction"
        )


class GuardedRows:
    """The rows of a statement, and what it did; as sqlite3's cursors have it."""

    __slots__ = ("__weakref__", "_cursor", "_guard")

    def __init__(self, guard: Guard, cursor: sqlite3.Cursor) -> None:
        self._guard = guard
        self._cursor = cursor

    @property
    def description(self) -> Any:
        """A tuple for each column, its name first; None where a statement gives no rows."""
        return self._cursor.description

    @property
    def lastrowid(self) -> int | None:
        """The rowid of the row that was inserted last."""
        return self._cursor.lastrowid

    @property
    def rowcount(self) -> int:
        """How many rows were inserted, updated or deleted; -1 for other statements."""
        return self._cursor.rowcount

    def fetchone(self) -> Any:
        """The next row, None after the last."""
        return self._fetch(self._cursor.fetchone)

    def fetchmany(self, size: int = 1) -> list[Any]:
        """Up to so many rows more."""
        rows: list[Any] = self._fetch(lambda: self._cursor.fetchmany(size))
        return rows

    def fetchall(self) -> list[Any]:
        """All rows that are left."""
        rows: list[Any] = self._fetch(self._cursor.fetchall)
        return rows

    def __iter__(self) -> Iterator[Any]:
        while (row := self.fetchone()) is not None:
            yield row

    def _fetch(self, read: Callable[[], Any]) -> Any:
        self._guard.check()
        try:
            return read()
        except sqlite3.OperationalError as error:
            self._guard.check()  # an interrupt is told as what it is
            raise error from None

    def _close(self) -> None:
        self._cursor.close()
