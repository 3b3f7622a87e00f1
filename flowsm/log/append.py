"""Append: one transaction for a group of batches. Each is checked before anything is written for it."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from flowsm.clock import Clock
from flowsm.errors import LogUnavailable
from flowsm.log.chain import GENESIS, EventRow, event_rows
from flowsm.log.check import refusal
from flowsm.log.forks import begin_fork
from flowsm.log.pending import Pending
from flowsm.log.places import Claims, PlaceDesk
from flowsm.log.port import Appended, Worker
from flowsm.log.rows import RowGroup
from flowsm.log.starts import Begun, Start, claim_key
from flowsm.storage.errors import StatementFailed, concerns_file
from flowsm.storage.statements import Statements, load_statements

__all__ = ["LOG_STATEMENTS", "Appender", "payload_row", "worker_of"]

LOG_STATEMENTS: Final = load_statements("flowsm.log", "sql", "log.sql")
_GROUP_STATE: Final = LOG_STATEMENTS["group_state"]
_SET_POSITION: Final = LOG_STATEMENTS["set_position"]
_SELECT_HEAD: Final = LOG_STATEMENTS["select_head"]
_INSERT_HEAD: Final = LOG_STATEMENTS["insert_head"]
_UPDATE_HEAD: Final = LOG_STATEMENTS["update_head"]
_INSERT_EVENT: Final = LOG_STATEMENTS["insert_event"]
_INSERT_PAYLOAD: Final = LOG_STATEMENTS["insert_payload"]
_INSERT_USE: Final = LOG_STATEMENTS["insert_use"]
_INSERT_DEFINITION: Final = LOG_STATEMENTS["insert_definition"]
_SELECT_WORKER: Final = LOG_STATEMENTS["select_worker"]
_NO_STREAM: Final = (0, GENESIS, 0, "", 0)
HEADS_KEPT: Final = 10_000
_PAYLOAD_LEVEL: Final = 1  # zlib's fastest: a third of the size already, and a writer that is not kept waiting

_Head = tuple[int, str, int, str, int]  # seq, digest, epoch, worker, number (0: to be inserted)

_FAILURES: Final = (StatementFailed, sqlite3.Error, ValueError, TypeError, OverflowError)
"""What one batch's statements and values can do wrong, and what the file can."""


class Appender:
    """Applies groups of pending batches to one connection, in write transactions.

    The position, the generation and the heads of streams are kept from one transaction to the next, for as long as
    SQLite says that no other connection has written in between.
    """

    def __init__(self, path: str, row_statements: Statements, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._row_statements = row_statements
        self._known = False
        self._data_version = 0
        self._position = 0
        self._generation = 0
        self._heads: dict[str, _Head] = {}
        self._definitions: set[str] = set()
        self._begun: dict[str, Begun] = {}

    def settled(self, committed: bool) -> None:
        """What is kept stands only if the transaction was committed."""
        self._known = committed

    def __call__(self, connection: sqlite3.Connection, requests: Sequence[Pending]) -> list[Appended | Exception]:
        """A result, or a refusal, for each batch, in order.

        Raises:
            sqlite3.Error: the file cannot be written; the transaction has to be rolled back.
        """
        try:
            return self._apply(connection, requests)
        except _FAILURES as error:
            _raise_if_file(error)
        return self._apply_one_by_one(connection, requests)

    def apply(self, connection: sqlite3.Connection, request: Pending) -> Appended:
        """Apply one batch in a transaction that holds more than it; whatever goes wrong is to undo all of that.

        Raises:
            Exception: the batch is refused, or cannot be written.
        """
        try:
            (result,) = self._apply(connection, [request])
        except _FAILURES as error:
            _raise_if_file(error)
            raise LogUnavailable(self._path, f"{error}; nothing of this append was recorded") from error
        if isinstance(result, Exception):
            raise result
        return result

    def _apply_one_by_one(
        self, connection: sqlite3.Connection, requests: Sequence[Pending]
    ) -> list[Appended | Exception]:
        """After one batch's statement failed: begin again, each batch in its own savepoint."""
        if connection.in_transaction:  # some errors have ended it already
            connection.execute("ROLLBACK")
        connection.execute("BEGIN IMMEDIATE")
        self._known = False
        results: list[Appended | Exception] = []
        for request in requests:
            connection.execute("SAVEPOINT batch")
            try:
                results += self._apply(connection, [request])
                self._known = True
            except _FAILURES as error:
                _raise_if_file(error)
                connection.execute("ROLLBACK TO batch")
                self._known = False
                results.append(
                    LogUnavailable(
                        self._path, f"stream {request.batch.stream!r}: {error}; nothing of this append was recorded"
                    )
                )
            connection.execute("RELEASE batch")
        return results

    def _apply(self, connection: sqlite3.Connection, requests: Sequence[Pending]) -> list[Appended | Exception]:
        self._refresh(connection)
        first_position = position = self._position
        heads = self._heads
        changed: dict[str, None] = {}
        events: list[EventRow] = []
        rows = RowGroup(self._row_statements.rank)
        results: list[Appended | Exception] = []
        living = partial(self._living, connection)
        self._begun.clear()
        for request in requests:
            batch = request.batch
            stream = batch.stream
            seq, digest, epoch, worker, number = heads.get(stream) or self._look_up(connection, stream)
            refused = refusal(batch, seq, epoch, worker, living)
            if request.start is not None:
                refused = self._claim(connection, request.start, stream, epoch + batch.claim, refused)
            if batch.origin is not None:
                refused = refused or begin_fork(connection, stream, batch.origin)
                seq, digest = batch.origin.seq, batch.origin.digest
            if refused is not None:
                results.append(refused)
                continue
            rows.add(stream, batch.rows)
            if batch.claim:
                epoch += 1
                worker = batch.worker
            if batch.release:
                worker = ""
            if request.events:
                sealed = event_rows(position, stream, seq, batch.at, digest, request.events)
                events += sealed
                position, _, seq, *_, digest = sealed[-1]
            heads[stream] = (seq, digest, epoch, worker, number)
            changed[stream] = None
            if request.payloads or batch.definition is not None:
                self._write_documents(connection, request)
            results.append(Appended(position=position if request.events else 0, seq=seq, digest=digest, epoch=epoch))
        if position != first_position:
            connection.execute(_SET_POSITION, (position,))
            connection.executemany(_INSERT_EVENT, events)
            self._position = position
        _write_heads(connection, heads, changed)
        rows.write(connection, self._row_statements.of_generation(self._generation))
        return results

    def _claim(
        self,
        connection: sqlite3.Connection,
        claimed: Start | Claims,
        stream: str,
        epoch: int,
        refused: Exception | None,
    ) -> Exception | None:
        """Take what a batch claims besides its stream, unless it is refused, or is now; returns why."""
        if isinstance(claimed, Start):
            return claim_key(connection, claimed, stream, refused, self._begun)
        desk = PlaceDesk(connection, self._clock, self._head_of, self._living)
        full = desk.look(claimed.batch, epoch) if refused is None else None
        error = refused if full is None else full.error
        if claimed.start is not None:
            error = claim_key(connection, claimed.start, stream, error, self._begun)
        if error is None:
            desk.take(claimed.batch, epoch)
        elif full is not None and error is full.error:
            desk.hold(claimed.batch, full)
        return error

    def _head_of(self, connection: sqlite3.Connection, stream: str) -> _Head:
        return self._heads.get(stream) or self._look_up(connection, stream)

    def _living(self, connection: sqlite3.Connection, worker: str) -> Worker | None:
        """The worker's row, if it is alive: only asked when something is to be taken from it."""
        row = connection.execute(_SELECT_WORKER, (worker,)).fetchone()
        found = None if row is None else worker_of(row)
        return found if found is not None and found.is_alive(self._clock.boot_id(), self._clock.boot_ms()) else None

    def _look_up(self, connection: sqlite3.Connection, stream: str) -> _Head:
        """The stream's head as stored."""
        head: _Head | None = connection.execute(_SELECT_HEAD, (stream,)).fetchone()
        if head is None:
            return _NO_STREAM
        self._heads[stream] = head
        return head

    def _write_documents(self, connection: sqlite3.Connection, request: Pending) -> None:
        """Store a batch's large values, and its flow, unless that is there: no stored flow ever goes."""
        if request.payloads:
            connection.executemany(_INSERT_PAYLOAD, map(payload_row, request.payloads.items()))
            connection.executemany(_INSERT_USE, [(digest, request.batch.stream) for digest in request.payloads])
        definition = request.batch.definition
        if definition is not None and definition[0] not in self._definitions:
            digest, document = definition
            values = {"digest": digest, "document": document.decode(), "at": request.batch.at}
            connection.execute(_INSERT_DEFINITION, values)
            self._definitions.add(digest)

    def _refresh(self, connection: sqlite3.Connection) -> None:
        """Read again what is kept, if another connection may have changed it; until it is settled it is not known."""
        (data_version,) = connection.execute("PRAGMA data_version").fetchone()
        if not self._known or data_version != self._data_version or len(self._heads) > HEADS_KEPT:
            self._data_version = data_version
            row = connection.execute(_GROUP_STATE).fetchone()
            if row is None:
                raise sqlite3.DatabaseError("the log's head, or its meta data, has been lost")
            self._position, self._generation = row
            self._heads.clear()
            self._definitions.clear()
        self._known = False


def worker_of(row: tuple[Any, ...]) -> Worker:
    """A worker's row as stored."""
    values = dict(zip(Worker.__struct_fields__, row, strict=True))
    return Worker(**values | {name: bool(values[name]) for name in ("stopped", "recovers")})


def _raise_if_file(error: Exception) -> None:
    """Go on only if it was one batch that failed, not the file."""
    cause = error.cause if isinstance(error, StatementFailed) else error
    if isinstance(cause, sqlite3.Error) and concerns_file(cause):
        raise cause


def payload_row(payload: tuple[str, bytes]) -> tuple[str, int, bytes]:
    """A payload (digest, JSON text) as it lies in the table."""
    digest, text = payload
    return digest, len(text), zlib.compress(text, _PAYLOAD_LEVEL)


def _write_heads(connection: sqlite3.Connection, heads: dict[str, _Head], changed: dict[str, None]) -> None:
    inserts: list[tuple[Any, ...]] = []
    updates: list[tuple[Any, ...]] = []
    for stream in changed:
        seq, digest, epoch, worker, number = heads[stream]
        if number:
            updates.append((seq, digest, epoch, worker, number))
        else:
            del heads[stream]  # its number is not known yet
            if seq:
                inserts.append((seq, digest, epoch, worker, stream))
    if inserts:
        connection.executemany(_INSERT_HEAD, inserts)
    if updates:
        connection.executemany(_UPDATE_HEAD, updates)
