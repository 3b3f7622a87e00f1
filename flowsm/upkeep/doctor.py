"""doctor: is the file whole, does the log hold, does all that should move on do so?"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Final

import msgspec

from flowsm.clock import Clock
from flowsm.errors import LogError
from flowsm.limits import DOCTOR_WAL_MAX_BYTES, MIB, PROBLEMS_MAX
from flowsm.log.sqlite import SqliteEventLog
from flowsm.projections.refold import Problem
from flowsm.projections.verify import verify
from flowsm.upkeep.anchor import AnchorReport, compare
from flowsm.upkeep.paging import SQL
from flowsm.upkeep.stuck import find_stuck
from flowsm.upkeep.trouble import Trouble

__all__ = ["DoctorReport", "examine"]

_RESTORE: Final = "restore the file from a backup (flowsm backup makes them)"
_OF_ROWS: Final = ("the row of", "the statistics of", "has a row in `executions`", "has rows in `attempts`")
"""How the problems begin that a rebuild cures."""


class DoctorReport(msgspec.Struct, kw_only=True):
    """What an examination found; `troubles` holds the first 200 of `trouble_count`.

    `free_bytes` is room in the file that a purge left, and later events fill.
    """

    path: str
    sqlite_version: str = ""
    created_by: str = ""
    format: int = 0
    writer_format: int = 0
    file_bytes: int = 0
    wal_bytes: int = 0
    free_bytes: int = 0
    streams: int = 0
    events: int = 0
    position: int = 0
    anchor: AnchorReport | None = None
    trouble_count: int = 0
    troubles: list[Trouble] = []

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return self.trouble_count == 0

    def add(self, *troubles: Trouble) -> None:
        """Take troubles in."""
        self.trouble_count += len(troubles)
        self.troubles += troubles[: max(0, PROBLEMS_MAX - len(self.troubles))]


async def examine(
    log: SqliteEventLog, *, clock: Clock, task_types: Collection[str], anchor: str | Path | None = None
) -> DoctorReport:
    """Examine a log while it is in use; what cannot be read is a trouble, not an error.

    Args:
        log: the log.
        clock: the wall time, by which timers are overdue, and the boot time, by which leases hold.
        task_types: the types that there is code for.
        anchor: a file that `write_anchor` made earlier.

    Raises:
        UsageError: the anchor cannot be read, or is none.
    """
    report = DoctorReport(path=log.path)
    try:
        await _look_at_file(log, report)
        await _check_integrity(log, report)
        for problem in (verified := await verify(log)).problems:
            report.add(_of_problem(problem))
        report.trouble_count += verified.problem_count - len(verified.problems)
        boot_id, now_ms = clock.boot_id(), clock.boot_ms()
        alive = {worker.worker for worker in await log.workers() if worker.is_alive(boot_id, now_ms)}
        report.add(*await find_stuck(log, clock, task_types, alive))
        if anchor is not None:
            report.anchor, troubles = await compare(log, anchor)
            report.add(*troubles)
    except LogError as error:
        report.add(
            Trouble(
                kind="file", place=log.path, value="unreadable", message=f"it cannot be read: {error}", way_out=_RESTORE
            )
        )
    return report


async def _look_at_file(log: SqliteEventLog, report: DoctorReport) -> None:
    report.file_bytes, report.wal_bytes = _size(log.path), _size(f"{log.path}-wal")
    meta = dict(await log.query(SQL["meta"]))
    report.created_by = meta.get("created_by", "")
    report.format, report.writer_format = int(meta.get("format", "0")), int(meta.get("writer_format", "0"))
    ((report.streams, report.events),) = await log.query(SQL["counts"])
    report.position = await log.look(lambda view: view.position())
    ((report.sqlite_version,),) = await log.query("SELECT sqlite_version()")
    ((pages,),) = await log.query("PRAGMA freelist_count")
    ((page_bytes,),) = await log.query("PRAGMA page_size")
    report.free_bytes = pages * page_bytes
    if report.wal_bytes > DOCTOR_WAL_MAX_BYTES:
        report.add(
            Trouble(
                kind="file",
                place=f"{log.path}-wal",
                value=f"{report.wal_bytes // MIB} MiB",
                message=f"the write-ahead log is larger than {DOCTOR_WAL_MAX_BYTES // MIB} MiB: it slows every read",
                way_out="end the process that has kept a read transaction open; the next commits then fold it back",
            )
        )


async def _check_integrity(log: SqliteEventLog, report: DoctorReport) -> None:
    for (found,) in await log.query("PRAGMA integrity_check"):
        if found != "ok":
            report.add(
                Trouble(
                    kind="integrity",
                    place=log.path,
                    value=str(found),
                    message="the database file is damaged",
                    way_out=_RESTORE,
                )
            )


def _of_problem(problem: Problem) -> Trouble:
    if problem.message.startswith(_OF_ROWS):
        way_out = "derive the rows anew: flowsm rebuild"
    else:
        way_out = f"{_RESTORE}; until then the stream is not driven"
    place = f"stream {problem.stream}" if problem.stream else "the log"
    value = f"seq {problem.seq}" if problem.seq else ""
    return Trouble(kind="verify", place=place, value=value, message=problem.message, way_out=way_out)


def _size(path: str) -> int:
    file = Path(path)
    return file.stat().st_size if file.exists() else 0
