"""What one transaction sees of the log, and of the rows beside it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from flowsm.events.envelope import Recorded
from flowsm.log import read
from flowsm.log.append import LOG_STATEMENTS
from flowsm.log.port import Head, Increment, RowChange
from flowsm.log.rows import RowGroup
from flowsm.storage.errors import StatementFailed
from flowsm.storage.statements import Statements

__all__ = ["View"]


class View:
    """Implements `LogView` over a connection that is in a transaction; of no use after it."""

    def __init__(self, connection: sqlite3.Connection, row_statements: Statements) -> None:
        self._connection = connection
        self._row_statements = row_statements
        self.generation = read.read_generation(connection)

    def position(self) -> int:
        """The position given out last."""
        row = self._connection.execute(LOG_STATEMENTS["select_position"]).fetchone()
        if row is None:
            raise sqlite3.DatabaseError("the log's head has been lost")
        return int(row[0])

    def streams(self, after: int, limit: int) -> list[tuple[int, str]]:
        """The next streams in the order of their creation: (number, stream), number > `after`."""
        return self._connection.execute(LOG_STATEMENTS["select_streams"], (after, limit)).fetchall()

    def touched(self, position: int) -> list[tuple[str, int]]:
        """The streams with events after a position, each with its last seq, in the order of these events."""
        return self._connection.execute(LOG_STATEMENTS["select_touched"], (position,)).fetchall()

    def head(self, stream: str) -> Head | None:
        """The stream's head, None when there is no such stream."""
        return read.read_head(self._connection, stream)

    def read(self, stream: str, *, after: int = 0, limit: int | None = None) -> list[Recorded]:
        """The stream's events with seq > `after`; see `EventLog.read`."""
        return read.read_stream(self._connection, stream, after, limit, inflate_values=False)

    def read_stored(self, stream: str, *, after: int, limit: int) -> list[tuple[Recorded, bytes]]:
        """The same, each with the very bytes of its `data`."""
        return read.read_stored(self._connection, stream, after, limit)

    def payload(self, event: Recorded, digest: str) -> bytes:
        """The JSON text of one of an event's large values; LogBroken if it is not what was recorded."""
        return read.read_payload(self._connection, event, digest)

    def check_payloads(self, event: Recorded) -> None:
        """Read the large values of an event, and drop them.

        Raises:
            LogBroken: one is not what was recorded.
        """
        read.inflated(self._connection, event)

    def definition(self, digest: str) -> bytes:
        """The stored flow's canonical JSON; see `EventLog.definition`."""
        return read.read_definition(self._connection, digest)

    def execute(
        self, statement: str, parameters: Sequence[Any] | Mapping[str, Any] = (), *, generation: int | None = None
    ) -> list[tuple[Any, ...]]:
        """Run SQL and give its rows; `{g}` stands for the generation, by default the one in use."""
        number = self.generation if generation is None else generation
        return self._connection.execute(statement.replace("{g}", str(number)), parameters).fetchall()

    def put(self, rows: Iterable[RowChange | Increment], *, generation: int) -> None:
        """Write rows to the tables of a generation, as an append would."""
        rank = self._row_statements.rank
        group = RowGroup(rank)
        group.add("", sorted(rows, key=lambda row: rank.get(row.statement, 0)))
        try:
            group.write(self._connection, self._row_statements.of_generation(generation))
        except StatementFailed as error:
            raise error.cause from error
