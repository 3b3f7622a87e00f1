"""archive: executions that ended long ago go to a file, and leave the log once the file was read back.

At every moment each of them is whole in the log, or in a whole and durable archive, or in both.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from flowsm.errors import Conflict, FileExists, ForkStays, LogBroken, LogUnavailable
from flowsm.events.system import LogPurged
from flowsm.limits import PROBLEMS_MAX, PURGE_REST_SECONDS
from flowsm.log.port import Increment
from flowsm.log.purge import Purge
from flowsm.log.sqlite import SqliteEventLog
from flowsm.projections.system import rows_without, share_of
from flowsm.storage.backup import sync_folder
from flowsm.upkeep.archive_file import ArchiveWriter, End
from flowsm.upkeep.archived import FoldedStream, batches, verify_archive
from flowsm.upkeep.log_writer import LogWriter
from flowsm.upkeep.now import Now
from flowsm.upkeep.paging import pages

__all__ = ["ArchiveReport", "Selection", "Why", "archive", "purge_archived"]


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """Which executions: ended before then, of that flow (id or name) and status, where they are not empty."""

    before: str
    flow: str = ""
    status: str = ""


class Why(msgspec.Struct, frozen=True, kw_only=True):
    """What is recorded with a purge or an import: the reason, and who asked for it."""

    reason: str = ""
    actor: str = ""


class ArchiveReport(msgspec.Struct, kw_only=True):
    """What was archived: `path` and `digest` are empty when there was nothing to archive, or it was only asked.

    `executions` and `events` were (or would be) archived, `purged` left the log; `kept` says why others stayed (the
    first 200).
    """

    path: str = ""
    digest: str = ""
    size_bytes: int = 0
    dry_run: bool = False
    executions: int = 0
    events: int = 0
    statuses: dict[str, int] = {}
    purged: int = 0
    kept: dict[str, str] = {}

    def keep(self, stream: str, why: str) -> None:
        """Note why a stream stays in the log."""
        if len(self.kept) < PROBLEMS_MAX:
            self.kept[stream] = why


async def archive(
    log: SqliteEventLog, target: str | Path, selection: Selection, why: Why, now: Now, *, dry_run: bool = False
) -> ArchiveReport:
    """Write the selected executions to a file, read it back, then purge them from the log in small transactions.

    Raises:
        FileExists: the target is there.
        ArchiveBroken: what was read back is not what was written; nothing was purged.
        LogUnavailable: the log cannot be read or written, or the target cannot be written.
    """
    target = Path(target)
    if target.exists():
        raise FileExists(str(target), replaceable=False)
    report = ArchiveReport(dry_run=dry_run)
    if dry_run:
        await _count(log, selection, report)
        return report
    partial_path = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        end = await _write(log, partial_path, selection, report, now)
        if not end.streams:
            return report
        if target.exists():
            raise FileExists(str(target), replaceable=False)
        partial_path.replace(target)
        sync_folder(target.parent)
    except OSError as error:
        raise LogUnavailable(str(target), f"the archive cannot be written: {error.strerror or error}") from error
    finally:
        partial_path.unlink(missing_ok=True)
    report.path, report.digest, report.size_bytes = str(target), end.digest, target.stat().st_size
    report.executions, report.events = sum(report.statuses.values()), end.events
    await purge_archived(log, target, why, now, report)
    return report


async def _count(log: SqliteEventLog, selection: Selection, report: ArchiveReport) -> None:
    statuses: Counter[str] = Counter()
    async for page in pages(log, "ended_before", msgspec.to_builtins(selection), after=0):
        statuses.update(status for _, _, status, _ in page)
        report.events += sum(seq for *_, seq in page)
    report.executions, report.statuses = statuses.total(), dict(statuses)


async def _write(log: SqliteEventLog, path: Path, selection: Selection, report: ArchiveReport, now: Now) -> End:
    writer = LogWriter(log, ArchiveWriter(path, now()))
    statuses: Counter[str] = Counter()
    try:
        async for page in pages(log, "ended_before", msgspec.to_builtins(selection), after=0):
            for _, execution_id, status, _ in page:
                try:
                    await writer.add(execution_id)
                except LogBroken as error:
                    report.keep(execution_id, f"seq {error.seq}: {error.reason}")
                else:
                    statuses[status] += 1
        async for page in pages(log, "rows_alone", msgspec.to_builtins(selection), after=""):
            for (execution_id,) in page:
                report.keep(execution_id, "it has a row, but no events")
        report.statuses = dict(statuses)
        return await asyncio.to_thread(writer.file.finish)
    finally:
        writer.file.close()


async def purge_archived(log: SqliteEventLog, path: Path, why: Why, now: Now, report: ArchiveReport) -> None:
    """Take out of a log what a whole archive holds of it, in small transactions, with rests for other writers.

    What went on since, or is not the history of an execution that has ended, stays, and what forks of it share.

    Raises:
        ArchiveBroken: the archive is not what was written; nothing was purged.
    """
    end, _ = await verify_archive(path)
    leaving = _Leaving(log, partial(_purge_of, path=path, end=end, why=why), now, report)
    async for batch in batches(path):
        streams = [stream for stream in batch.streams if not stream.archived.stored.part]
        for stream in streams:
            if stream.problem:
                report.keep(stream.head.stream, stream.problem)
        await leaving.take_out([stream for stream in streams if not stream.problem])
    while leaving.shared:  # their forks were in later batches: the last first
        await leaving.take_out([leaving.shared.pop()], last=True)


class _Leaving:
    """Takes streams out of a log; `shared` are those that have to wait for their forks."""

    def __init__(
        self,
        log: SqliteEventLog,
        purge_of: Callable[[Sequence[FoldedStream], str], Purge],
        now: Now,
        report: ArchiveReport,
    ) -> None:
        self.shared: list[FoldedStream] = []
        self._log = log
        self._purge_of = purge_of
        self._now = now
        self._report = report

    async def take_out(self, streams: list[FoldedStream], *, last: bool = False) -> None:
        """Purge those that can be, in one transaction; with `last` nobody is waited for."""
        while streams:
            began = time.perf_counter()
            try:
                await self._log.purge(self._purge_of(streams, self._now()))
            except Conflict as conflict:
                name = conflict.stream
                self._report.keep(name, f"it is at seq {conflict.actual_seq}, the archive at {conflict.expected_seq}")
            except ForkStays as stays:
                name = stays.stream
                if last:
                    self._report.keep(name, str(stays))
                else:
                    self.shared += [stream for stream in streams if stream.head.stream == name]
            else:
                self._report.purged += len(streams)
                await asyncio.sleep(max(PURGE_REST_SECONDS, time.perf_counter() - began))
                return
            streams = [stream for stream in streams if stream.head.stream != name]


def _purge_of(streams: Sequence[FoldedStream], at: str, *, path: Path, end: End, why: Why) -> Purge:
    increments = [row for stream in streams for row in stream.folded.rows if isinstance(row, Increment)]
    fact = LogPurged(
        streams=tuple(stream.head for stream in streams),
        statistics=share_of(increments),
        archive=path.name,
        archive_digest=end.digest,
        reason=why.reason,
        actor=why.actor,
    )
    rows: list[Any] = [row for stream in streams for row in rows_without(stream.head.stream)]
    return Purge(at=at, fact=fact, rows=sorted(rows, key=lambda row: row.statement))
