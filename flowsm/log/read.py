"""Read: what is recorded, checked against the chain as it is read. Plain functions over a connection."""

from __future__ import annotations

import hashlib
import sqlite3
import zlib
from itertools import groupby
from typing import Any, Final

import msgspec

from flowsm.errors import DefinitionNotFound, LogBroken, UsageError
from flowsm.events.codec import decode_fact, inflate
from flowsm.events.envelope import Recorded
from flowsm.events.facts import Fact
from flowsm.log.append import LOG_STATEMENTS
from flowsm.log.chain import GENESIS, event_digest
from flowsm.log.damage import added_before, diagnosed
from flowsm.log.forks import origin_of
from flowsm.log.port import Head, Origin, Snapshot
from flowsm.storage.errors import FAILURES, is_damage

__all__ = [
    "StoredRow",
    "cursor_of",
    "inflated",
    "place_of",
    "read_definition",
    "read_few",
    "read_generation",
    "read_head",
    "read_log",
    "read_payload",
    "read_snapshot",
    "read_stored",
    "read_stream",
    "record",
    "record_beside",
    "save_snapshot",
]

_HEAD_TYPES: Final = (int, str, int, str)
StoredRow = tuple[int, int, str, int, str, bytes, str]
"""An event as it lies in the table: position, seq, type, version, at, data, digest."""


def read_head(connection: sqlite3.Connection, stream: str) -> Head | None:
    """The stream's authority row."""
    row = connection.execute(LOG_STATEMENTS["select_head"], (stream,)).fetchone()
    if row is None:
        return None
    if tuple(map(type, row[:4])) != _HEAD_TYPES:
        raise LogBroken(stream, 0, "its head is not what was recorded")
    return Head(stream=stream, seq=row[0], digest=row[1], epoch=row[2], worker=row[3])


def read_stream(
    connection: sqlite3.Connection, stream: str, after: int, limit: int | None, inflate_values: bool
) -> list[Recorded]:
    """The stream's events with seq > `after`, verified; those that it shares with another one, if it is a fork, too.

    Raises:
        LogBroken: an event is missing, or is not what was recorded.
    """
    head, rows = _stored(connection, stream, after, limit)
    events: list[Recorded] = []
    before = None
    origin = origin_of(connection, stream) if head is not None and _begins_late(rows, after) else None
    if origin is not None and after <= origin.seq:
        events = _shared(connection, stream, origin, after, limit, inflate_values)
        rows = rows[: None if limit is None else limit - len(events)]
        seq, digest = origin.seq, origin.digest
    else:
        anchor = _anchor(head, stream, after, rows)
        if anchor is None:
            return []
        seq, digest = anchor
    for row in rows:
        if row[1] != seq + 1:
            raise LogBroken(stream, seq + 1, "the event is missing")
        try:
            event = record(digest, stream, row)
        except LogBroken as broken:
            raise diagnosed(connection, broken, digest, before, head.seq if head is not None else 0) from broken
        seq, digest, before = event.seq, event.digest, digest
        try:
            _compare_head(head, stream, seq, digest)
        except LogBroken as broken:
            raise (added_before(connection, stream, seq + 1, before) or broken) from None
        if inflate_values:
            event = inflated(connection, event)
        events.append(event)
    if head is not None and seq < head.seq and (limit is None or len(events) < limit):
        raise LogBroken(stream, seq + 1, "the event is missing")
    return events


def _anchor(head: Head | None, stream: str, after: int, rows: list[StoredRow]) -> tuple[int, str] | None:
    """The seq and digest that the rows follow, taken off them; None when the stream ended before."""
    if after == 0:
        return 0, GENESIS
    if rows and rows[0][1] == after:
        digest = rows.pop(0)[6]
        _compare_head(head, stream, after, digest)
        return after, digest
    if head is not None and after <= head.seq:
        raise LogBroken(stream, after, "the event is missing")
    return None


def _begins_late(rows: list[StoredRow], after: int) -> bool:
    """Whether the first row is not the one that was asked for first."""
    return not rows or rows[0][1] != max(after, 1)


def _shared(
    connection: sqlite3.Connection, stream: str, origin: Origin, after: int, limit: int | None, inflate_values: bool
) -> list[Recorded]:
    """The events after `after` that a fork shares, as they were recorded in the other stream."""
    count = origin.seq - after if limit is None else min(limit, origin.seq - after)
    if count <= 0:
        return []
    events = read_stream(connection, origin.parent, after, count, inflate_values)
    if len(events) < count:
        raise LogBroken(stream, after + len(events) + 1, f"the event, which is one of {origin.parent!r}, is missing")
    if events[-1].seq == origin.seq and events[-1].digest != origin.digest:
        raise LogBroken(stream, origin.seq, f"the event, which is one of {origin.parent!r}, is not the one forked at")
    return events


def _stored(
    connection: sqlite3.Connection, stream: str, after: int, limit: int | None
) -> tuple[Head | None, list[StoredRow]]:
    """The stream's head, and its events from `after` on: the first anchors the chain of the others."""
    wanted = -1 if limit is None else limit + (after > 0)
    try:
        head = read_head(connection, stream)
        return head, connection.execute(LOG_STATEMENTS["select_events"], (stream, max(after, 1), wanted)).fetchall()
    except FAILURES as error:
        if is_damage(error):  # where it lies; other streams may lie elsewhere
            raise LogBroken(stream, after + 1, f"the file is damaged there or after it ({error})") from error
        raise


def _compare_head(head: Head | None, stream: str, seq: int, digest: str) -> None:
    if head is not None and seq == head.seq and digest != head.digest:
        raise LogBroken(stream, seq, "its digest is not the one in the stream's head")


def read_few(
    connection: sqlite3.Connection, stream: str, after: int, limit: int | None, most: int
) -> list[Recorded] | None:
    """What `read_stream` gives, if it is at most `most` events; None if it is more.

    Raises:
        LogBroken: an event is missing, or is not what was recorded.
    """
    head = read_head(connection, stream)
    count = 0 if head is None else head.seq - after
    if count > most and (limit is None or limit > most):
        return None
    return read_stream(connection, stream, after, limit, inflate_values=False)


def record(previous: str, stream: str, row: StoredRow) -> Recorded:
    """The stored event, verified against its predecessor's digest.

    Raises:
        LogBroken: it is not what was recorded.
    """
    position, seq, type_, version, at, data, digest = row
    try:
        fits = event_digest(previous, stream, seq, at, (type_, version, data)) == digest
    except (TypeError, ValueError):  # not even text
        fits = False
    if not fits:
        raise LogBroken(stream, seq, "its digest does not fit what is stored")
    try:
        fact = decode_fact(type_, version, data)
    except msgspec.DecodeError as error:
        raise LogBroken(stream, seq, f"its data cannot be read as {type_} version {version} ({error})") from error
    return Recorded(
        position=position, stream=stream, seq=seq, at=at, type=type_, version=version, fact=fact, digest=digest
    )


def inflated(connection: sqlite3.Connection, event: Recorded) -> Recorded:
    """The event with its large values in place.

    Raises:
        LogBroken: one is missing, or is not what was recorded.
    """
    fact: Fact = inflate(event.fact, lambda digest: read_payload(connection, event, digest))
    return event if fact is event.fact else msgspec.structs.replace(event, fact=fact)


def read_payload(connection: sqlite3.Connection, event: Recorded, digest: str) -> bytes:
    """The JSON text of one of an event's large values.

    Raises:
        LogBroken: it is missing, or is not what was recorded.
    """
    row = connection.execute(LOG_STATEMENTS["select_payload"], (digest,)).fetchone()
    if row is None:
        raise LogBroken(event.stream, event.seq, f"its payload {digest[:12]} is missing")
    try:
        text = zlib.decompress(row[2])
    except (zlib.error, TypeError) as error:
        raise LogBroken(event.stream, event.seq, f"its payload {digest[:12]} is damaged") from error
    if hashlib.sha256(text).hexdigest() != digest:
        raise LogBroken(event.stream, event.seq, f"its payload {digest[:12]} is not what was recorded")
    return text


def read_stored(connection: sqlite3.Connection, stream: str, after: int, limit: int) -> list[tuple[Recorded, bytes]]:
    """The stream's events with seq > `after`, verified, each with the very bytes of its `data`.

    Raises:
        LogBroken: an event is missing, or is not what was recorded.
    """
    events = read_stream(connection, stream, after, limit, inflate_values=False)
    rows: list[StoredRow] = []
    for owner, own in groupby(events, key=lambda event: event.stream):
        seqs = [event.seq for event in own]
        rows += connection.execute(LOG_STATEMENTS["select_events"], (owner, seqs[0], len(seqs))).fetchall()
    return [(event, row[5]) for event, row in zip(events, rows, strict=True)]


def read_log(connection: sqlite3.Connection, after: int, limit: int) -> list[Recorded]:
    """The next events of the whole log, each verified against its predecessor in its stream.

    Raises:
        LogBroken: an event, or the one before it, is not what was recorded.
    """
    events: list[Recorded] = []
    for row in connection.execute(LOG_STATEMENTS["select_log"], (after, limit)).fetchall():
        stream, previous = row[:2]
        events.append(record_beside(connection, previous, stream, row[2:]))
    return events


def record_beside(connection: sqlite3.Connection, previous: str | None, stream: str, row: StoredRow) -> Recorded:
    """The same as `record`, given the digest of the event before it in its stream, None where that is not there."""
    seq = row[1]
    if previous is None:
        origin = origin_of(connection, stream) if seq > 1 else None
        if seq > 1 and (origin is None or origin.seq != seq - 1):
            raise LogBroken(stream, seq - 1, "the event is missing")
        previous = GENESIS if origin is None else origin.digest
    return record(previous, stream, row)


def cursor_of(position: int) -> str:
    """The opaque cursor that goes on after this position."""
    return f"p{position}"


def place_of(cursor: str) -> int:
    """The position that a cursor stands for.

    Raises:
        UsageError: it is not a cursor of this log.
    """
    if not cursor:
        return 0
    if cursor[:1] == "p" and cursor[1:].isdecimal():
        return int(cursor[1:])
    raise UsageError(f"expected a cursor that this log gave out, got {cursor!r}")


def read_definition(connection: sqlite3.Connection, digest: str) -> bytes:
    """The stored flow's canonical JSON.

    Raises:
        DefinitionNotFound: no flow with that digest is stored.
    """
    row = connection.execute(LOG_STATEMENTS["select_definition"], (digest,)).fetchone()
    if row is None or row[0] is None:
        raise DefinitionNotFound(digest)
    document: bytes = row[0]
    return document


def read_generation(connection: sqlite3.Connection) -> int:
    """The generation of the projections' tables that is in use."""
    row = connection.execute(LOG_STATEMENTS["select_generation"]).fetchone()
    if row is None:
        raise sqlite3.DatabaseError("the log's meta data have been lost")
    return int(row[0])


def read_snapshot(connection: sqlite3.Connection, stream: str, fold_version: int) -> Snapshot | None:
    """The stream's snapshot, if that version of the fold made it."""
    row: tuple[Any, ...] | None = connection.execute(
        LOG_STATEMENTS["select_snapshot"], (stream, fold_version)
    ).fetchone()
    if row is None:
        return None
    return Snapshot(stream=stream, seq=row[0], digest=row[1], fold_version=fold_version, state=row[2])


def save_snapshot(connection: sqlite3.Connection, snapshot: Snapshot) -> None:
    """Replace the stream's snapshot, unless a later one of the same fold is there."""
    connection.execute(
        LOG_STATEMENTS["save_snapshot"],
        (snapshot.stream, snapshot.seq, snapshot.digest, snapshot.fold_version, snapshot.state),
    )
