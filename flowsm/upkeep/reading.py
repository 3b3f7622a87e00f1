"""Reading a file in place of a log: its executions come into a private temporary one."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from flowsm.log.sqlite import SqliteEventLog
from flowsm.projections.refold import Problem
from flowsm.projections.verify import VerifyReport
from flowsm.upkeep.archive import Why
from flowsm.upkeep.archive_file import Redacted, redaction_of
from flowsm.upkeep.importing import run_import
from flowsm.upkeep.now import Now

__all__ = ["OpenedFile", "open_file", "with_redactions"]


class OpenedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that is read: how many executions it holds, those of them that no other one started, how it was redacted.

    Of `parts` it holds only what forks share: they are in no list.
    """

    path: str
    executions: int
    roots: tuple[str, ...]
    parts: tuple[str, ...] = ()
    redacted: Redacted | None = None


async def open_file(log: SqliteEventLog, path: Path, now: Now) -> OpenedFile:
    """Bring the executions of a file into a log that is nobody's, whatever became of them.

    Raises:
        ArchiveBroken: the file is not what was written.
        ImportConflict: another file was opened that holds them with other events.
    """
    redacted = await asyncio.to_thread(redaction_of, path)
    done = await run_import(log, path, Why(), now, unfinished=True, private=True)
    roots = tuple(stream for stream, parent in done.parents.items() if parent not in done.parents)
    parts = tuple(done.parts)
    return OpenedFile(path=str(path), executions=len(done.parents), roots=roots, parts=parts, redacted=redacted)


def with_redactions(report: VerifyReport, opened: list[OpenedFile]) -> VerifyReport:
    """The report, with a problem for each file that was redacted: what is in it was never recorded."""
    problems = tuple(
        Problem(
            stream="",
            seq=0,
            message=f"{file.path} is {file.redacted.words}: it cannot be verified against what was recorded",
        )
        for file in opened
        if file.redacted is not None
    )
    if not problems:
        return report
    return msgspec.structs.replace(
        report, problem_count=report.problem_count + len(problems), problems=problems + report.problems
    )
