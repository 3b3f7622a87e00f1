"""The hash chain: each event's digest seals the event and all before it in its stream."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

__all__ = ["GENESIS", "event_digest", "event_digests"]

GENESIS: Final = "0" * 64
"""What stands in for the digest before a stream's first event."""


def event_digests(previous: str, stream: str, seq: int, at: str, events: Iterable[tuple[str, int, bytes]]) -> list[str]:
    """The digests (SHA-256, hex) of events (type, version, stored bytes of `data`), the first of which gets this seq.

    Each is taken over its predecessor's and all that is stored but the position. Every free-form part carries its
    length in characters, so that no two events are framed alike.
    """
    sha256 = hashlib.sha256
    of_stream = f"\n{len(stream)}:{stream}\n"
    of_time = f"\n{len(at)}:{at}\n"
    digests: list[str] = []
    for type_, version, data in events:
        frame = f"{previous}\n{seq}\n{version}{of_stream}{len(type_)}:{type_}{of_time}"
        previous = sha256(frame.encode() + data).hexdigest()
        digests.append(previous)
        seq += 1
    return digests


def event_digest(previous: str, stream: str, seq: int, at: str, event: tuple[str, int, bytes]) -> str:
    """The digest of one event."""
    return event_digests(previous, stream, seq, at, (event,))[0]
