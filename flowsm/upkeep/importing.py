"""import: the executions of an archive come into a log, with the seqs, times and digests that they were recorded with."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from flowsm.errors import ArchiveBroken, ArchiveRedacted, Conflict, ImportConflict, ImportRefused, LogUnavailable
from flowsm.events.system import LogImported, StreamHead
from flowsm.limits import CONFLICT_RETRIES_MAX, REFOLD_PAGE_STREAMS
from flowsm.log.port import Increment, LogView, RowChange
from flowsm.log.restore import Restore
from flowsm.log.sqlite import SqliteEventLog
from flowsm.projections.system import share_of
from flowsm.upkeep.archive import Why
from flowsm.upkeep.archive_file import End, redaction_of
from flowsm.upkeep.archived import Batch, FoldedStream, batches, verify_archive
from flowsm.upkeep.now import Now
from flowsm.upkeep.paging import SQL, Purged

__all__ = ["ImportReport", "Importer", "import_archive", "run_import"]


class ImportReport(msgspec.Struct, kw_only=True):
    """What an import did: `imported` executions came in with `events` events, `present` ones were there already."""

    path: str
    digest: str
    imported: int = 0
    present: int = 0
    events: int = 0


async def import_archive(
    log: SqliteEventLog, path: str | Path, why: Why, now: Now, *, unfinished: bool = False
) -> ImportReport:
    """Bring the executions of an archive, or an export, into a log; those that are there already are left alone.

    Args:
        log: where to.
        path: the file.
        why: what is recorded with it.
        now: the time.
        unfinished: whether executions may come in that have not ended; whoever drives this log drives them on then.

    Raises:
        ArchiveBroken: the archive is not what was written; nothing was imported.
        ArchiveRedacted: it is not what was recorded; nothing was imported.
        ImportRefused: an execution has not ended, and `unfinished` was not said; what came before it stays.
        ImportConflict: an execution is there, or was purged, with other events; nothing was imported.
        OriginNotFound: one is a fork of an execution that is not there: import that first; what came before it stays.
        LogUnavailable: the log cannot be written; what was imported before stays, and is left alone the next time.
    """
    path = Path(path)
    redacted = await asyncio.to_thread(redaction_of, path)
    if redacted is not None:
        raise ArchiveRedacted(str(path), redacted.words)
    importer = await run_import(log, path, why, now, unfinished=unfinished)
    return importer.report


async def run_import(
    log: SqliteEventLog, path: Path, why: Why, now: Now, *, unfinished: bool, private: bool = False
) -> Importer:
    """Import a file, redacted or not, and give the import; errors as those of `import_archive`.

    Into a log that is `private`, and nobody drives, comes what forks share of an execution that is not in the file.
    """
    end, heads = await verify_archive(path)
    importer = Importer(log, path, end, why, now, unfinished=unfinished, private=private)
    await importer.look_up(heads)
    payloads: list[str] = []
    async for batch in batches(path):
        payloads += [payload.digest for payload in batch.payloads]
        await importer.take(batch)
    if payloads:
        await log.drop_unused(payloads)
    return importer


class Importer:
    """One import under way; `parents` are the executions that came in, or were there, each with its parent.

    `parts` are those of which only that is in the file which forks share.
    """

    def __init__(
        self,
        log: SqliteEventLog,
        path: Path,
        end: End,
        why: Why,
        now: Now,
        *,
        unfinished: bool = False,
        private: bool = False,
    ) -> None:
        self.parents: dict[str, str | None] = {}
        self.parts: list[str] = []
        self._private = private
        self.report = ImportReport(path=str(path), digest=end.digest)
        self._log = log
        self._path = path
        self._end = end
        self._why = why
        self._now = now
        self._purged = Purged()
        self._present: set[str] = set()
        self._unfinished = unfinished

    async def look_up(self, heads: Sequence[StreamHead]) -> None:
        """Find out which streams are there already.

        Raises:
            ImportConflict: some are there, or were purged, with other events.
        """
        await self._purged.read(self._log)
        conflicts: list[str] = []
        for start in range(0, len(heads), REFOLD_PAGE_STREAMS):
            page = heads[start : start + REFOLD_PAGE_STREAMS]
            conflicts += await self._log.look(partial(self._compare, heads=page))
        if conflicts:
            raise ImportConflict(str(self._path), conflicts)

    def _compare(self, view: LogView, *, heads: Sequence[StreamHead]) -> list[str]:
        """Take in which streams are there, and say which are there with other events."""
        conflicts: list[str] = []
        for head in heads:
            found = view.head(head.stream)
            purged = self._purged.head(head.stream)
            if found is not None:
                stored = view.execute(SQL["digest_at"], {"stream": head.stream, "seq": head.seq})
                if stored != [(head.digest,)]:
                    conflicts.append(
                        f"{head.stream} has seq {head.seq} with digest {head.digest[:12]}, the log is at seq "
                        f"{found.seq} with digest {found.digest[:12]}"
                    )
                self._present.add(head.stream)
            elif purged is not None and purged != head:
                conflicts.append(
                    f"{head.stream} ends at seq {head.seq}, it was purged at seq {purged.seq}: import "
                    f"{self._purged.archive(head.stream)}, to which it went then"
                )
        return conflicts

    async def take(self, batch: Batch) -> None:
        """Bring in what is not there.

        Raises:
            ArchiveBroken: a stream is not the history of an execution.
            ImportRefused: one has not ended, and may not come in so.
            OriginNotFound: one is a fork, and what it begins with is not there.
            ImportConflict: one came to be there meanwhile, with other events.
        """
        for stream in batch.streams:
            if stream.broken:
                raise ArchiveBroken(str(self._path), 0, f"{stream.head.stream}, {stream.broken}")
            if stream.archived.stored.part:
                self.parts.append(stream.head.stream)
                continue
            if stream.unfinished and not self._unfinished:
                raise ImportRefused(str(self._path), stream.head.stream, stream.folded.state.status)
            parent = getattr(stream.archived.recorded[0].fact, "parent", None)
            self.parents[stream.head.stream] = parent.execution_id if parent is not None else None
        if batch.payloads or batch.flows:  # later streams may need them, too
            await self._log.store_documents(
                [(payload.digest, payload.text.encode()) for payload in batch.payloads],
                [(flow.digest, flow.document.encode()) for flow in batch.flows],
                self._now(),
            )
        for _ in range(CONFLICT_RETRIES_MAX):
            streams = [stream for stream in batch.streams if self._comes_in(stream)]
            try:
                if streams:
                    await self._log.restore(self._restore_of(streams))
            except Conflict:  # a stream came to be there, or another purge or import was recorded
                await self.look_up([stream.head for stream in batch.streams])
                continue
            self.report.imported += sum(not stream.archived.stored.part for stream in streams)
            self.report.events += sum(len(stream.archived.recorded) for stream in streams)
            break
        else:
            raise LogUnavailable(self.report.path, "the log goes on too fast to be imported into: try again later")
        wholes = [stream.head.stream for stream in batch.streams if not stream.archived.stored.part]
        self.report.present += sum(name in self._present for name in wholes)

    def _comes_in(self, stream: FoldedStream) -> bool:
        """Whether it is not there, and may be: what forks share of an execution is none, and nobody is to drive it."""
        return stream.head.stream not in self._present and (self._private or not stream.archived.stored.part)

    def _restore_of(self, streams: Sequence[FoldedStream]) -> Restore:
        rows: list[RowChange | Increment] = []
        back: list[Increment] = []
        for stream in streams:
            increments = [row for row in stream.folded.rows if isinstance(row, Increment)]
            rows += [row for row in stream.folded.rows if isinstance(row, RowChange)]
            own = stream.folded.execution_row()
            rows += [] if own is None or stream.archived.stored.part else [own]
            if self._purged.head(stream.head.stream) is None:
                rows += increments
            else:
                back += increments  # they are in the statistics: by the purge's share until now, by the events again
        fact = LogImported(
            streams=tuple(stream.head for stream in streams),
            events=sum(len(stream.archived.recorded) for stream in streams),
            statistics=share_of(back),
            archive=self._path.name,
            archive_digest=self._end.digest,
            reason=self._why.reason,
            actor=self._why.actor,
        )
        return Restore(
            at=self._now(),
            system_seq=self._purged.seq,
            fact=fact,
            streams=[stream.archived.stored for stream in streams],
            rows=sorted(rows, key=_rank),
        )


def _rank(row: Any) -> str:
    return str(row.statement)
