"""The manager's verbs of upkeep."""

from __future__ import annotations

from pathlib import Path

import msgspec

from flowsm.clock import Clock
from flowsm.log.sqlite import SqliteEventLog
from flowsm.tasks.factory import TaskFactory

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
