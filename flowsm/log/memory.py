"""The event log in memory: the contract without a file, for tests and tools; nothing of it lasts."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator

import msgspec

from flowsm.clock import Clock, SystemClock
from flowsm.errors import DefinitionNotFound, LogBroken, LogUnavailable, OriginNotFound
from flowsm.events.codec import inflate
from flowsm.events.envelope import Recorded
from flowsm.log.chain import GENESIS, event_rows
from flowsm.log.check import refusal
from flowsm.log.pending import prepare
from flowsm.log.port import Append, Appended, Head, Increment, RowChange, Snapshot, Worker
from flowsm.log.read import StoredRow, cursor_of, place_of, record
from flowsm.log.starts import Start, Taken, begun_by, judged

__all__ = ["MemoryEventLog"]


class MemoryEventLog:
    """Implements `EventLog`; row changes are kept in `rows`, in order, and not applied to anything."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock: Clock = clock or SystemClock()
        self._workers: dict[str, Worker] = {}
        self.rows: list[RowChange | Increment] = []
        self._heads: dict[str, Head] = {}
        self._stored: list[tuple[str, StoredRow]] = []
        self._places: dict[str, list[int]] = {}
        self._payloads: dict[str, bytes] = {}
        self._definitions: dict[str, bytes] = {}
        self._snapshots: dict[str, Snapshot] = {}
        self._starts: dict[str, Taken] = {}
        self._closed = False

    async def append(self, batch: Append) -> Appended:
        """Record the batch; see `EventLog.append`."""
        return self.append_sync(batch)

    def append_sync(self, batch: Append) -> Appended:
        """Record the batch."""
        self._check_open()
        pending = prepare(batch)
        stream = batch.stream
        head = self._heads.get(stream) or Head(stream=stream, seq=0, digest=GENESIS, epoch=0, worker="")
        refused = refusal(batch, head.seq, head.epoch, head.worker, self._living)
        start = pending.start if isinstance(pending.start, Start) else None
        if start is not None:
            taken = self._starts.get(start.key)
            first = [] if taken is None else [self._recorded(place) for place in self._places[taken.stream][:2]]
            begun = begun_by([event.fact for event in first], first[0].at) if first else None
            refused = judged(start, taken, begun, refused)
        shared: list[int] = []
        if batch.origin is not None:
            shared = self._places.get(batch.origin.parent, [])[: batch.origin.seq]
            if not shared or self._recorded(shared[-1]).digest != batch.origin.digest:
                refused = refused or OriginNotFound(stream, batch.origin.parent, batch.origin.seq)
        if refused is not None:
            raise refused
        if start is not None:
            self._starts[start.key] = Taken(stream, start.created.digest, start.input_digest)
        seq, digest = head.seq, head.digest
        if batch.origin is not None:
            seq, digest = batch.origin.seq, batch.origin.digest
            self._places[stream] = shared
        for row in event_rows(len(self._stored), stream, seq, batch.at, digest, pending.events):
            position, _, seq, type_, version, at, text, digest = row
            self._places.setdefault(stream, []).append(position - 1)
            self._stored.append((stream, (position, seq, type_, version, at, text.encode(), digest)))
        self._payloads |= pending.payloads
        if batch.definition is not None:
            self._definitions.setdefault(*batch.definition)
        epoch = head.epoch + batch.claim
        worker = "" if batch.release else batch.worker if batch.claim else head.worker
        if seq:
            self._heads[stream] = Head(stream=stream, seq=seq, digest=digest, epoch=epoch, worker=worker)
        self.rows += batch.rows
        return Appended(position=len(self._stored) if pending.events else 0, seq=seq, digest=digest, epoch=epoch)

    async def head(self, stream: str) -> Head | None:
        """The stream's head, None when there is no such stream."""
        self._check_open()
        return self._heads.get(stream)

    async def read(
        self, stream: str, *, after: int = 0, limit: int | None = None, inflated: bool = False
    ) -> list[Recorded]:
        """The stream's events with seq > `after`; see `EventLog.read`."""
        self._check_open()
        places = self._places.get(stream, [])[after:]
        events = [self._recorded(place) for place in (places if limit is None else places[:limit])]
        return [self._inflated(event) for event in events] if inflated else events

    async def read_all(self, *, after: str = "", limit: int | None = None) -> AsyncIterator[tuple[str, Recorded]]:
        """All events in the order of the log, each with a cursor."""
        place = place_of(after)
        end = None if limit is None else place + limit
        self._check_open()
        while place < len(self._stored) and (end is None or place < end):
            yield cursor_of(place + 1), self._recorded(place)
            place += 1

    async def definition(self, digest: str) -> bytes:
        """The stored flow's canonical JSON; see `EventLog.definition`."""
        self._check_open()
        if digest not in self._definitions:
            raise DefinitionNotFound(digest)
        return self._definitions[digest]

    async def save_snapshot(self, snapshot: Snapshot) -> None:
        """Keep the latest snapshot of a stream."""
        self._check_open()
        kept = self._snapshots.get(snapshot.stream)
        if kept is None or kept.fold_version != snapshot.fold_version or kept.seq <= snapshot.seq:
            self._snapshots[snapshot.stream] = snapshot

    async def snapshot(self, stream: str, fold_version: int) -> Snapshot | None:
        """The latest snapshot of a stream made by that version of the fold."""
        self._check_open()
        kept = self._snapshots.get(stream)
        return kept if kept is not None and kept.fold_version == fold_version else None

    async def beat(self, worker: Worker) -> None:
        """Write the worker's row; see `WorkerStore`."""
        self._check_open()
        known = self._workers.get(worker.worker)
        self._workers[worker.worker] = (
            worker if known is None else msgspec.structs.replace(worker, started_at=known.started_at)
        )

    async def stop_worker(self, worker: str) -> None:
        """Give a worker's lease back."""
        self._check_open()
        known = self._workers.get(worker)
        if known is not None:
            self._workers[worker] = msgspec.structs.replace(known, stopped=True)

    async def sweep_workers(self, before: str) -> None:
        """Forget the workers that are not alive and were seen last before a moment."""
        self._check_open()
        for row in list(self._workers.values()):
            if row.seen_at < before and self._living(row.worker) is None:
                del self._workers[row.worker]

    async def workers(self) -> list[Worker]:
        """All that are known, by name."""
        self._check_open()
        return [self._workers[name] for name in sorted(self._workers)]

    def version(self) -> int:
        """Always the same: nobody else can write here."""
        return 0

    async def close(self) -> None:
        """Refuse what comes from now on."""
        self._closed = True

    def release(self) -> None:
        """Refuse what comes from now on."""
        self._closed = True

    def _living(self, worker: str) -> Worker | None:
        known = self._workers.get(worker)
        alive = known is not None and known.is_alive(self._clock.boot_id(), self._clock.boot_ms())
        return known if alive else None

    def _check_open(self) -> None:
        if self._closed:
            raise LogUnavailable("the log in memory", "the log is closed; make another")

    def _recorded(self, place: int) -> Recorded:
        stream, row = self._stored[place]
        seq = row[1]
        previous = GENESIS if seq == 1 else self._stored[self._places[stream][seq - 2]][1][6]
        return record(previous, stream, row)

    def _inflated(self, event: Recorded) -> Recorded:
        def load(digest: str) -> bytes:
            text = self._payloads.get(digest, b"")
            if hashlib.sha256(text).hexdigest() != digest:
                raise LogBroken(event.stream, event.seq, f"its payload {digest[:12]} is not what was recorded")
            return text

        fact = inflate(event.fact, load)
        return event if fact is event.fact else msgspec.structs.replace(event, fact=fact)
