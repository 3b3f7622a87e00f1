"""The hash chain: each event's digest seals the event and all before it in its stream."""

from __future__ import annotations

import hashlib
from typing import Final

__all__ = ["GENESIS", "event_digest"]

GENESIS: Final = "0" * 64
"""What stands in for the digest before a stream's first event."""


def event_digest(previous: str, stream: str, seq: int, type_: str, version: int, at: str, data: bytes) -> str:
    """SHA-256 (hex) over the predecessor's digest and the event as stored; the free-form parts carry their length."""
    head = f"{previous}\n{seq}\n{version}\n{len(stream)}:{stream}\n{len(type_)}:{type_}\n{len(at)}:{at}\n"
    return hashlib.sha256(head.encode() + data).hexdigest()
