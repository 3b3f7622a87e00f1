"""Reading an archive through: verified as a whole, or fold by fold in batches."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import msgspec

from flowsm.errors import ArchiveBroken, DefinitionNotFound
from flowsm.events.envelope import Recorded
from flowsm.events.system import StreamHead
from flowsm.limits import ARCHIVE_BATCH_BYTES, ARCHIVE_BATCH_EVENTS
from flowsm.machine.evolve import pinned
from flowsm.projections.refold import Folded, Refold
from flowsm.upkeep.archive_file import ArchivedStream, End, Flow, Item, Payload, read_archive

__all__ = ["Batch", "FoldedStream", "batches", "verify_archive"]


class FoldedStream(msgspec.Struct, frozen=True):
    """An archived execution, and what its events amount to."""

    archived: ArchivedStream
    folded: Folded

    @property
    def head(self) -> StreamHead:
        """The stream's head."""
        return self.archived.head

    @property
    def broken(self) -> str:
        """Why the stream is not the history of an execution; empty when it is."""
        problem = self.folded.problem
        return "" if problem is None else f"seq {problem.seq}: {problem.message}"

    @property
    def unfinished(self) -> str:
        """That the execution has not ended, as it stands in the file; empty when it has."""
        return "" if self.folded.state.ended_at is not None else f"it is {self.folded.state.status}, not ended"

    @property
    def problem(self) -> str:
        """Why the stream is not the history of an execution that has ended; empty when it is."""
        return self.broken or self.unfinished


class Batch(msgspec.Struct, frozen=True):
    """Some items of an archive, in order."""

    flows: list[Flow]
    payloads: list[Payload]
    streams: list[FoldedStream]


async def verify_archive(path: Path) -> tuple[End, list[StreamHead]]:
    """Read a whole archive, on a thread: its last line, and the heads of its streams.

    Raises:
        ArchiveBroken: it is not what was written.
    """
    return await asyncio.to_thread(_verify, path)


def _verify(path: Path) -> tuple[End, list[StreamHead]]:
    heads: dict[str, StreamHead] = {}
    flows: set[str] = set()
    payloads: set[str] = set()
    forked: dict[str, int] = {}
    for item in read_archive(path):
        if isinstance(item, Flow):
            flows.add(item.digest)
        elif isinstance(item, Payload):
            payloads.add(item.digest)
        elif isinstance(item, ArchivedStream):
            _require(path, item, flows, payloads)
            _require_origin(path, item, forked)
            forked[item.head.stream] = item.stored.forked
            if item.head.stream in heads:
                raise ArchiveBroken(str(path), 0, f"{item.head.stream} is in it twice")
            heads[item.head.stream] = item.head
        else:
            return item, list(heads.values())
    raise AssertionError("an archive ends with its end")  # pragma: no cover - the reader sees to it


def _require(path: Path, item: ArchivedStream, flows: set[str], payloads: set[str]) -> None:
    """See that all that a stream needs came before it."""
    missing = {digest for event in item.stored.events for digest in event.payloads} - payloads
    pins = {digest for event in item.recorded if (digest := pinned(event.fact)) is not None}
    unknown = pins - flows or ({""} if not pins and item.stored.origin is None else set())
    if missing or unknown:
        what = f"payload {min(missing)[:12]}" if missing else f"flow {min(unknown)[:12]}"
        raise ArchiveBroken(str(path), 0, f"{item.head.stream} needs {what}, which is not in it")


def _require_origin(path: Path, item: ArchivedStream, forked: dict[str, int]) -> None:
    """See that what a fork begins with came before it."""
    origin = item.stored.origin
    if origin is not None and forked.get(origin.parent, 0) < origin.seq:
        raise ArchiveBroken(
            str(path), 0, f"{item.head.stream} needs {origin.parent}, up to seq {origin.seq}, before it"
        )


async def batches(path: Path) -> AsyncIterator[Batch]:
    """The items of a verified archive in batches of some events, each stream folded; read on a thread.

    Raises:
        ArchiveBroken: it is not what was written.
    """
    reading = _batches(path)
    while (batch := await asyncio.to_thread(next, reading, None)) is not None:
        yield batch


def _batches(path: Path) -> Iterator[Batch]:
    source = _Source()
    refold = Refold(0)
    batch = Batch([], [], [])
    events = size = 0
    for item in read_archive(path):
        heavy = _events_in(item)
        if batch.streams and (events + heavy > ARCHIVE_BATCH_EVENTS or size > ARCHIVE_BATCH_BYTES):
            yield batch
            batch, events, size = Batch([], [], []), 0, 0
        if isinstance(item, Flow):
            source.flows[item.digest] = item.document.encode()
            batch.flows.append(item)
        elif isinstance(item, Payload):
            batch.payloads.append(item)
            size += len(item.text)
        elif isinstance(item, ArchivedStream):
            source.take(item)
            folded = refold.read_on(source, item.head.stream, limit=item.head.seq + 1)
            batch.streams.append(FoldedStream(item, folded))
            events += heavy
            size += sum(len(event.data) for event in item.stored.events)
    yield batch


def _events_in(item: Item) -> int:
    return item.head.seq if isinstance(item, ArchivedStream) else 0


class _Source:
    """The stream that was read last, what forks share, and all flows, as a refold wants them."""

    def __init__(self) -> None:
        self.flows: dict[str, bytes] = {}
        self._events: Sequence[Recorded] = ()
        self._shared: dict[str, Sequence[Recorded]] = {}

    def take(self, item: ArchivedStream) -> None:
        origin = item.stored.origin
        before = () if origin is None else self._shared[origin.parent][: origin.seq]
        self._events = (*before, *item.recorded)
        if item.stored.forked:
            self._shared[item.head.stream] = self._events[: item.stored.forked]

    def read(self, stream: str, *, after: int = 0, limit: int | None = None) -> list[Recorded]:
        return list(self._events[after:])

    def definition(self, digest: str) -> bytes:
        if digest not in self.flows:
            raise DefinitionNotFound(digest)
        return self.flows[digest]
