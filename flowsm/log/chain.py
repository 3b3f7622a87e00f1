"""The hash chain: each event's digest seals the event and all before it in its stream."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

__all__ = ["GENESIS", "EventRow", "event_digest", "event_rows"]

GENESIS: Final = "0" * 64
"""What stands in for the digest before a stream's first event."""

EventRow = tuple[int, str, int, str, int, str, str, str]
"""Position, stream, seq, type, version, time, data and digest."""


def event_rows(
    position: int, stream: str, seq: int, at: str, previous: str, events: Iterable[tuple[str, int, bytes]]
) -> list[EventRow]:
    """Events (type, version, bytes of `data`) as they are stored, sealed after the head that is given.

    The first comes after `position` in the log, after `seq` and the digest `previous` in its stream. Each digest
    (SHA-256, hex) is taken over its predecessor's and all that is stored but the position. Every free-form part
    carries its length in characters, so that no two events are framed alike.
    """
    sha256 = hashlib.sha256
    of_stream = f"\n{len(stream)}:{stream}\n"
    of_time = f"\n{len(at)}:{at}\n"
    rows: list[EventRow] = []
    for type_, version, data in events:
        position += 1
        seq += 1
        frame = f"{previous}\n{seq}\n{version}{of_stream}{len(type_)}:{type_}{of_time}"
        previous = sha256(frame.encode() + data).hexdigest()
        rows.append((position, stream, seq, type_, version, at, data.decode(), previous))
    return rows


def event_digest(previous: str, stream: str, seq: int, at: str, event: tuple[str, int, bytes]) -> str:
    """The digest of one event, which has this seq, by whatever bytes lie there: they may be damaged."""
    type_, version, data = event
    frame = f"{previous}\n{seq}\n{version}\n{len(stream)}:{stream}\n{len(type_)}:{type_}\n{len(at)}:{at}\n"
    return hashlib.sha256(frame.encode() + data).hexdigest()
