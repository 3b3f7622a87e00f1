"""The manager's verbs of upkeep."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

import msgspec

from flowsm.clock import Clock, timestamp
from flowsm.errors import UsageError
from flowsm.log.sqlite import SqliteEventLog
from flowsm.status import ENDED_STATUSES, FlowStatus
from flowsm.tasks.factory import TaskFactory
from flowsm.upkeep.anchor import AnchorReport, anchor_lines, write_anchor
from flowsm.upkeep.archive import ArchiveReport, Selection, Why, archive
from flowsm.upkeep.check_secrets import check_secrets
from flowsm.upkeep.doctor import DoctorReport, examine
from flowsm.upkeep.exporting import Export, ExportReport, export
from flowsm.upkeep.importing import ImportReport, import_archive
from flowsm.upkeep.reading import OpenedFile, open_file

__all__ = ["BackupReport", "UpkeepVerbs"]


class BackupReport(msgspec.Struct, frozen=True, kw_only=True):
    """Where the copy is, and its size."""

    path: str
    size_bytes: int


class UpkeepVerbs:
    """What a manager does for its file rather than for its executions."""

    tasks: TaskFactory
    _log: SqliteEventLog
    _clock: Clock
    opened: list[OpenedFile]

    async def backup(self, path: str | Path, *, force: bool = False) -> BackupReport:
        """Copy the log, as of one moment, to another file while work goes on; the copy is checked, then gets its name.

        Args:
            path: the file to be made.
            force: overwrite a file that is there.

        Raises:
            FileExists: the file is there, and `force` was not said.
            LogUnavailable: the log cannot be read, the copy cannot be written, or does not pass the check.
            UsageError: the file is the log itself, or in use.
        """
        self._require_recorded()
        size = await self._log.backup(path, replace=force)
        return BackupReport(path=str(path), size_bytes=size)

    async def anchor(self, path: str | Path, *, force: bool = False) -> AnchorReport:
        """Note the head digests of all streams in a file to keep elsewhere: `doctor` compares the log with it later.

        Raises:
            FileExists: the file is there, and `force` was not said.
            LogUnavailable: it cannot be written.
        """
        self._require_recorded()
        return await write_anchor(self._log, path, self._now(), replace=force)

    def anchor_lines(self) -> AsyncIterator[bytes]:
        """The lines of such a file."""
        self._require_recorded()
        return anchor_lines(self._log, self._now())

    async def doctor(self, *, anchor: str | Path | None = None) -> DoctorReport:
        """Examine the log while work goes on: integrity, sizes, versions, verify, stuck executions and why.

        Args:
            anchor: a file that `anchor` made, to be compared with.

        Raises:
            UsageError: the anchor cannot be read, or is none.
        """
        return await examine(self._log, clock=self._clock, task_types=self.tasks.types(), anchor=anchor)

    async def archive(
        self,
        path: str | Path,
        *,
        older_than: timedelta,
        flow: str | None = None,
        status: FlowStatus | str | None = None,
        dry_run: bool = False,
        reason: str = "",
        actor: str = "",
    ) -> ArchiveReport:
        """Move executions that ended longer ago than that to a compressed file, which is read back before they go.

        Args:
            path: the file to be made; none is made when there is nothing to archive.
            older_than: how long ago they ended.
            flow: only those of the flow with this id or name.
            status: only those that ended so.
            dry_run: only count them.
            reason: why; it is recorded.
            actor: who asked for it; it is recorded.

        Raises:
            FileExists: the file is there.
            ArchiveBroken: what was read back is not what was written; all is still in the log.
            UsageError: an argument that cannot be used.
            LogUnavailable: the log cannot be read or written, or the file cannot be written.
        """
        if status is not None and status not in ENDED_STATUSES:
            options = ", ".join(sorted(ENDED_STATUSES))
            raise UsageError(f"status is {str(status)!r}: only what has ended can be archived: {options}")
        self._require_recorded()
        before = timestamp(self._clock.now() - older_than)
        selection = Selection(before=before, flow=flow or "", status=str(status or ""))
        return await archive(self._log, path, selection, Why(reason=reason, actor=actor), self._now, dry_run=dry_run)

    async def export(
        self,
        execution_id: str,
        path: str | Path | BinaryIO,
        *,
        redact: Sequence[str] = (),
        with_children: bool = False,
        actor: str = "",
    ) -> ExportReport:
        """Write an execution, as it stands now, to one file of NDJSON that every reading command opens anywhere.

        Args:
            execution_id: which.
            path: the file to be made, or one that is open for bytes.
            redact: JSON pointers (`/input…`, `/results/TASK/…`, `/signals/NAME…`) to what the file must not hold.
            with_children: also the executions that its sub-flows started, and theirs.
            actor: who redacts it; the file says so.

        Raises:
            ExecutionNotFound: there is no such execution.
            FileExists: the file is there.
            LogBroken: what is recorded cannot be read.
            LogUnavailable: the file cannot be written.
            UsageError: a pointer that names nothing in it.
        """
        self._require_recorded()
        wanted = Export(stream=execution_id, with_children=with_children, redact=tuple(redact), actor=actor)
        target = Path(path) if isinstance(path, (str, Path)) else path
        return await export(self._log, wanted, target, self._now())

    async def open_file(self, path: str | Path) -> OpenedFile:
        """Read an export or an archive in place of a log, redacted or not; the manager's own must be `:memory:`.

        Raises:
            ArchiveBroken: the file is not what was written.
            ImportConflict: a file that was opened before holds the same execution with other events.
            UsageError: the manager has a log of its own.
        """
        if not self._log.is_private:
            raise UsageError(f"a file is read by FlowManager(':memory:'), not beside what is in {self._log.path}")
        opened = await open_file(self._log, Path(path), self._now)
        self.opened.append(opened)
        return opened

    async def import_archive(
        self,
        path: str | Path,
        *,
        unfinished: bool = False,
        allow_secrets: Collection[str] | None = None,
        reason: str = "",
        actor: str = "",
    ) -> ImportReport:
        """Bring the executions of a file into this log, verified; those that are there already are left alone.

        Args:
            path: what `archive` or `export` made.
            unfinished: whether executions may come in that have not ended; they are driven on here then.
            allow_secrets: those that its flows may use; any by default.
            reason: why; it is recorded.
            actor: who asked for it; it is recorded.

        Raises:
            ArchiveBroken: the file is not what was written; nothing was imported.
            ArchiveRedacted: it is not what was recorded; nothing was imported.
            NotAllowed: a flow uses another secret; nothing was imported.
            ImportRefused: an execution has not ended, and `unfinished` was not said.
            ImportConflict: executions are there, or were purged, with other events; nothing was imported.
            LogUnavailable: the log cannot be written; a second import goes on.
        """
        if allow_secrets is not None:
            await asyncio.to_thread(check_secrets, Path(path), allow_secrets)
        return await import_archive(self._log, path, Why(reason=reason, actor=actor), self._now, unfinished=unfinished)

    def _require_recorded(self) -> None:
        """Let nothing be made of what was redacted that looks as if it had been recorded.

        Raises:
            UsageError: a redacted file was opened.
        """
        for file in self.opened:
            if file.redacted is not None:
                raise UsageError(f"{file.path} is {file.redacted.words}: only what was recorded can be kept")

    def _now(self) -> str:
        return timestamp(self._clock.now())
