"""Facts of the log itself: they are recorded in a stream of its own (`SYSTEM_STREAM`), which is no execution.

Like all facts they never change once recorded; heads and shares are stored as arrays, for there are many of them.
"""

from __future__ import annotations

from typing import ClassVar, Final

import msgspec

from flowsm.events.fact import Fact

__all__ = ["SYSTEM_FACTS", "LogImported", "LogPurged", "Share", "StreamHead"]


class StreamHead(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The last event of a stream: its seq, and its digest, which seals all before it."""

    stream: str
    seq: int
    digest: str


class Share(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What some streams add to one row of the statistics."""

    flow_id: str
    task: str
    outcome: str
    count: int
    duration_us: int


class LogPurged(Fact, frozen=True, kw_only=True):
    """Streams of ended executions left the log for an archive; their share of the statistics stays."""

    TYPE: ClassVar[str] = "log.purged"
    streams: tuple[StreamHead, ...]
    statistics: tuple[Share, ...]
    archive: str
    """The archive's file name when it was made."""
    archive_digest: str
    reason: str = ""
    actor: str = ""


class LogImported(Fact, frozen=True, kw_only=True):
    """Streams came back, or in, from an archive: the next `events` events of the log are theirs, recorded long ago.

    `statistics` is what those of them add that were purged from this log before: it is counted with their events
    again, so the purge's share is taken back.
    """

    TYPE: ClassVar[str] = "log.imported"
    streams: tuple[StreamHead, ...]
    events: int
    statistics: tuple[Share, ...]
    archive: str
    archive_digest: str
    reason: str = ""
    actor: str = ""


SYSTEM_FACTS: Final[tuple[type[Fact], ...]] = (LogPurged, LogImported)
