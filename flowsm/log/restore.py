"""Restore: streams come in from an archive, with the seqs, times and digests that they were recorded with."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import msgspec

from flowsm.errors import Conflict, LogUnavailable
from flowsm.events.system import LogImported, StreamHead
from flowsm.ids import SYSTEM_STREAM
from flowsm.log.append import LOG_STATEMENTS, Appender, payload_row
from flowsm.log.forks import begin_fork
from flowsm.log.pending import prepare
from flowsm.log.port import Append, Appended, Increment, Origin, RowChange
from flowsm.log.read import read_head, read_stream
from flowsm.log.starts import start_of

__all__ = ["Restore", "RestoredEvent", "RestoredStream", "drop_unused", "restore", "store_documents"]


class RestoredEvent(msgspec.Struct, frozen=True, gc=False):
    """An event as it was stored; `payloads` are the digests of its large values."""

    type: str
    version: int
    at: str
    data: str
    digest: str
    payloads: tuple[str, ...] = ()


class RestoredStream(msgspec.Struct, frozen=True):
    """A stream with all its own events, verified against its head.

    `origin` is whose events a fork begins with; `forked` is up to where forks share this one; `part`: that is all.
    """

    head: StreamHead
    epoch: int
    events: Sequence[RestoredEvent]
    origin: Origin | None = None
    forked: int = 0
    part: bool = False


class Restore(msgspec.Struct, frozen=True, kw_only=True):
    """What comes in with one transaction. `system_seq` is where the log's own stream must be."""

    at: str
    system_seq: int
    fact: LogImported
    streams: Sequence[RestoredStream]
    rows: Sequence[RowChange | Increment]


def restore(connection: sqlite3.Connection, appender: Appender, request: Restore) -> Appended:
    """Record the import, then write the streams' events after it, within the transaction that is under way.

    Raises:
        Conflict: a stream is there, or the log's own stream went on; the transaction has to be rolled back.
        OriginNotFound: the events that a fork begins with are not there; likewise.
        LogUnavailable: a payload that a stream needs is not there.
    """
    for stream in request.streams:
        head = read_head(connection, stream.head.stream)
        if head is not None:
            raise Conflict(stream.head.stream, 0, head.seq)
    batch = Append(
        stream=SYSTEM_STREAM,
        expected_seq=request.system_seq,
        at=request.at,
        facts=(request.fact,),
        rows=request.rows,
    )
    appended = appender.apply(connection, prepare(batch))
    position = appended.position
    for stream in request.streams:
        position = _write(connection, stream, position)
    connection.execute(LOG_STATEMENTS["set_position"], (position,))
    return appended


def _write(connection: sqlite3.Connection, stream: RestoredStream, position: int) -> int:
    name = stream.head.stream
    before = 0
    if stream.origin is not None:
        missing = begin_fork(connection, name, stream.origin)
        if missing is not None:
            raise missing
        before = stream.origin.seq
    rows = [
        (position + count, name, before + count, event.type, event.version, event.at, event.data, event.digest)
        for count, event in enumerate(stream.events, 1)
    ]
    connection.executemany(LOG_STATEMENTS["insert_event"], rows)
    uses = {digest for event in stream.events for digest in event.payloads}
    for digest in uses:
        if connection.execute(LOG_STATEMENTS["select_payload"], (digest,)).fetchone() is None:
            raise LogUnavailable(name, f"its payload {digest[:12]} was purged while it was imported: import it again")
    connection.executemany(LOG_STATEMENTS["insert_use"], [(digest, name) for digest in sorted(uses)])
    head = (stream.head.seq, stream.head.digest, stream.epoch, "", name)
    connection.execute(LOG_STATEMENTS["insert_head"], head)
    if stream.origin is None:
        _keep_key(connection, name)
    return position + len(rows)


def _keep_key(connection: sqlite3.Connection, stream: str) -> None:
    """Keep whose the idempotency key is that the execution was started with, unless another's it is here."""
    (first,) = read_stream(connection, stream, 0, 1, inflate_values=True)
    start = start_of((first.fact,), first.at)
    if start is not None:
        connection.execute(
            LOG_STATEMENTS["restore_start"], (start.key, stream, start.created.digest, start.input_digest)
        )


def store_documents(
    connection: sqlite3.Connection,
    payloads: Sequence[tuple[str, bytes]],
    definitions: Sequence[tuple[str, bytes]],
    at: str,
) -> None:
    """Keep large values and flows, by digest, that streams to be restored will need."""
    connection.executemany(LOG_STATEMENTS["insert_payload"], map(payload_row, payloads))
    for digest, document in definitions:
        values = {"digest": digest, "document": document.decode(), "at": at}
        connection.execute(LOG_STATEMENTS["insert_definition"], values)


def drop_unused(connection: sqlite3.Connection, digests: Sequence[str]) -> None:
    """Let go of those payloads that no stream uses."""
    connection.executemany(LOG_STATEMENTS["purge_unused"], [(digest,) for digest in digests])
