"""The manager's verbs of upkeep."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec

from flowsm.clock import Clock, timestamp
from flowsm.log.sqlite import SqliteEventLog
from flowsm.tasks.factory import TaskFactory
from flowsm.upkeep.anchor import AnchorReport, anchor_lines, write_anchor
from flowsm.upkeep.doctor import DoctorReport, examine

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
        size = await self._log.backup(path, replace=force)
        return BackupReport(path=str(path), size_bytes=size)

    async def anchor(self, path: str | Path, *, force: bool = False) -> AnchorReport:
        """Note the head digests of all streams in a file to keep elsewhere: `doctor` compares the log with it later.

        Raises:
            FileExists: the file is there, and `force` was not said.
            UsageError: it cannot be written.
        """
        return await write_anchor(self._log, path, timestamp(self._clock.now()), replace=force)

    def anchor_lines(self) -> AsyncIterator[bytes]:
        """The lines of such a file."""
        return anchor_lines(self._log, timestamp(self._clock.now()))

    async def doctor(self, *, anchor: str | Path | None = None) -> DoctorReport:
        """Examine the log while work goes on: integrity, sizes, versions, verify, stuck executions and why.

        Args:
            anchor: a file that `anchor` made, to be compared with.

        Raises:
            UsageError: the anchor cannot be read, or is none.
        """
        return await examine(self._log, now=self._clock.now(), task_types=self.tasks.types(), anchor=anchor)
