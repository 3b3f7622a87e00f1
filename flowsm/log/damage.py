"""What became of a stream whose chain breaks: an event was changed, added, or put in another's place."""

from __future__ import annotations

import sqlite3
from typing import Any

from flowsm.errors import LogBroken
from flowsm.limits import DIAGNOSED_EVENTS_MAX
from flowsm.log.append import LOG_STATEMENTS
from flowsm.log.chain import event_digest

__all__ = ["added_before", "diagnosed"]


def diagnosed(
    connection: sqlite3.Connection, broken: LogBroken, previous: str, before: str | None, last: int
) -> LogBroken:
    """The error with the first event that is wrong, and how, as far as the digests of those after it tell.

    Args:
        connection: reads the stream.
        broken: says which event does not fit.
        previous: the digest that it would have to follow.
        before: the one before that; None where it was not read.
        last: the seq of the stream's last event, by its head.
    """
    stream, seq = broken.stream, broken.seq
    earlier = added_before(connection, stream, seq, before)
    if earlier is not None:
        return earlier
    rows = connection.execute(LOG_STATEMENTS["select_events"], (stream, seq, DIAGNOSED_EVENTS_MAX)).fetchall()
    place = next((row[1] for row in rows if _fits(previous, stream, seq, row)), None)
    if place is None or place == seq:
        return broken
    after = {row[1]: row for row in rows}
    follows = after.get(place + 1)
    goes_on = place > last if follows is None else _fits(after[place][6], stream, place, follows)
    if place == seq + 1 and goes_on:
        return LogBroken(stream, seq, _added(place))
    return LogBroken(stream, seq, f"the events are in another order: the one that was recorded here is now seq {place}")


def added_before(connection: sqlite3.Connection, stream: str, seq: int, before: str | None) -> LogBroken | None:
    """What is wrong if the event with this seq is the one that would follow the digest `before`: one was added.

    An added event may have a digest that fits, so that it is the next one that does not.
    """
    rows = connection.execute(LOG_STATEMENTS["select_events"], (stream, seq, 1)).fetchall()
    if before is None or not rows or not _fits(before, stream, seq - 1, rows[0]):
        return None
    return LogBroken(stream, seq - 1, _added(seq))


def _added(place: int) -> str:
    return f"an event was added here: the one that was recorded with this seq is now seq {place}"


def _fits(previous: str, stream: str, seq: int, row: tuple[Any, ...]) -> bool:
    """Whether a stored row is the event that was recorded with this seq, wherever it lies now."""
    _, _, type_, version, at, data, digest = row
    try:
        return bool(event_digest(previous, stream, seq, at, (type_, version, data)) == digest)
    except (TypeError, ValueError):
        return False
