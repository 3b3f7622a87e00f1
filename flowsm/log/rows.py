"""The row changes of a group, put together so that few statements write them.

Rows of different streams are independent; within a stream their order is kept. So each statement is run once, in the
order in which the statements were declared, for all streams; a stream that goes back in that order gets another wave.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from operator import add
from typing import Any, Final

from flowsm.log.port import Increment, RowChange
from flowsm.storage.errors import StatementFailed

__all__ = ["RowGroup"]

_AT_FIRST: Final = (0, 0)


class RowGroup:
    """Collects the rows of one transaction, then writes them."""

    __slots__ = ("_places", "_rank", "_sums", "_waves")

    def __init__(self, rank: Mapping[str, int]) -> None:
        """`rank` is each statement's place in the declared order."""
        self._rank = rank
        self._waves: list[dict[str, dict[Any, tuple[Any, ...]]]] = [{}]
        self._places: dict[str, tuple[int, int]] = {}
        self._sums: dict[tuple[str, tuple[str, ...]], tuple[int, ...]] = {}

    def add(self, stream: str, rows: Iterable[RowChange | Increment]) -> None:
        """Take a batch's rows.

        Raises:
            StatementFailed: a statement of that name was not declared; nothing of the batch may be written.
        """
        wave, last = self._places.get(stream, _AT_FIRST)
        rank_of, sums, changes = self._rank, self._sums, self._waves[wave]
        for row in rows:
            name = row.statement
            if name not in rank_of:
                raise StatementFailed(name, KeyError("no statement has this name"))
            if isinstance(row, Increment):
                place = (name, row.key)
                sums[place] = tuple(map(add, sums[place], row.amounts)) if place in sums else row.amounts
                continue
            rank = rank_of[name]
            if rank < last:
                wave += 1
                if wave == len(self._waves):
                    self._waves.append({})
                changes = self._waves[wave]
            last = rank
            if name not in changes:
                changes[name] = {}
            of_statement = changes[name]
            key = row.key
            of_statement[len(of_statement) if key is None else (key,)] = row.params
        self._places[stream] = (wave, last)

    def write(self, connection: sqlite3.Connection, statements: Mapping[str, str]) -> None:
        """Run the statements.

        Raises:
            StatementFailed: one of them cannot be run; which batch is to blame is not known.
            sqlite3.Error: the file cannot be written.
        """
        for wave in self._waves:
            for name in sorted(wave, key=self._rank.__getitem__) if len(wave) > 1 else wave:
                _run(connection, name, statements[name], wave[name].values())
        by_statement: dict[str, list[tuple[Any, ...]]] = {}
        for (name, key), amounts in self._sums.items():
            by_statement.setdefault(name, []).append(key + amounts)
        for name, parameters in by_statement.items():
            _run(connection, name, statements[name], parameters)


def _run(connection: sqlite3.Connection, name: str, sql: str, parameters: Iterable[tuple[Any, ...]]) -> None:
    try:
        connection.executemany(sql, parameters)
    except (sqlite3.Error, ValueError, TypeError, OverflowError) as error:
        raise StatementFailed(name, error) from error
