"""Purge: streams leave the log. One transaction takes out all that is theirs, and records that it did."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final

import msgspec

from flowsm.errors import Conflict, ForkStays
from flowsm.events.system import LogPurged
from flowsm.ids import SYSTEM_STREAM
from flowsm.log.append import LOG_STATEMENTS, Appender
from flowsm.log.forks import end_fork, forks_of
from flowsm.log.pending import prepare
from flowsm.log.port import Append, Appended, Increment, RowChange
from flowsm.log.read import read_head

__all__ = ["Purge", "purge"]

_OF_EACH: Final = (
    "purge_events",
    "purge_snapshot",
    "purge_payloads",
    "purge_uses",
    "purge_slots",
    "purge_held",
    "purge_head",
    "end_purge",
)
"""In this order: the last stream that uses a payload takes it along, and the grant goes when nothing is left to do."""


class Purge(msgspec.Struct, frozen=True, kw_only=True):
    """Streams to be purged, as the fact names them, and the changes of rows that go with it."""

    at: str
    fact: LogPurged
    rows: Sequence[RowChange | Increment]


def purge(connection: sqlite3.Connection, appender: Appender, request: Purge) -> Appended:
    """Delete the streams, and record that, within the transaction that is under way.

    Positions are not given out again, for the log's head stays where it is. A rebuild that is under way is stopped.

    Raises:
        Conflict: a stream is not at the seq and digest that the fact names; the transaction has to be rolled back.
        ForkStays: a stream's events are some of a fork's too, which is not purged along; likewise.
    """
    wanted_streams = {wanted.stream for wanted in request.fact.streams}
    for wanted in request.fact.streams:
        head = read_head(connection, wanted.stream)
        if head is None or (head.seq, head.digest) != (wanted.seq, wanted.digest):
            raise Conflict(wanted.stream, wanted.seq, 0 if head is None else head.seq)
        left = next((fork for fork in forks_of(connection, wanted.stream) if fork not in wanted_streams), None)
        if left is not None:
            raise ForkStays(wanted.stream, left)
        connection.execute(LOG_STATEMENTS["grant_purge"], (wanted.stream,))
        for name in _OF_EACH:
            connection.execute(LOG_STATEMENTS[name], (wanted.stream,))
        end_fork(connection, wanted.stream)
    connection.execute(LOG_STATEMENTS["stop_rebuild"])
    own = read_head(connection, SYSTEM_STREAM)
    batch = Append(
        stream=SYSTEM_STREAM,
        expected_seq=0 if own is None else own.seq,
        at=request.at,
        facts=(request.fact,),
        rows=request.rows,
    )
    return appender.apply(connection, prepare(batch))
