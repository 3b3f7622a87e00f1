"""`flowsm archive`: what ended long ago goes to a file."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from flowsm.cli.ls import moment_of
from flowsm.cli.opening import ask
from flowsm.cli.options import DEFAULT_DB, Actor, AsJson, Db, Reason, who
from flowsm.cli.output import counted, print_json, safe, talk
from flowsm.status import FlowStatus
from flowsm.upkeep.archive import ArchiveReport

__all__ = ["archive"]


def archive(
    target: Annotated[Path, Parameter(name="FILE", help="Where to: a file that is not there yet.")],
    /,
    *,
    older_than: Annotated[
        str, Parameter(allow_leading_hyphen=True, help="Ended before that: 12h, 30d, 8w, or an ISO 8601 time.")
    ],
    flow: Annotated[str | None, Parameter(help="Only those of this flow, by its id or name.")] = None,
    status: Annotated[FlowStatus | None, Parameter(help="Only those that ended so.")] = None,
    dry_run: Annotated[bool, Parameter(name="--dry-run", help="Only count them.")] = False,
    reason: Reason = "",
    actor: Actor = "",
    db: Db = DEFAULT_DB,
    as_json: AsJson = False,
) -> None:
    """Move executions that ended long ago to a compressed file; statistics stay as they are.

    The file is written, made durable and read back before anything leaves the log. Every reading command takes it
    as --db; `flowsm import` brings the executions back.
    """
    now = datetime.now(UTC)
    age = now - moment_of(older_than, now, "--older-than")
    report = ask(
        db,
        lambda manager: manager.archive(
            target, older_than=age, flow=flow, status=status, dry_run=dry_run, reason=reason, actor=who(actor)
        ),
        changes=True,
    )
    if as_json:
        print_json(report)
        return
    talk(f"flowsm: {_sentence(report)}")
    for execution_id, why in report.kept.items():
        talk(f"flowsm: kept {safe(execution_id)}: {safe(why)}")


def _sentence(report: ArchiveReport) -> str:
    if not report.executions:
        return "nothing to archive"
    counts = ", ".join(f"{count:,} {status}" for status, count in sorted(report.statuses.items()))
    what = f"{counted(report.executions, 'execution')} ({counts}), {counted(report.events, 'event')}"
    if report.dry_run:
        return f"would archive {what}"
    return f"{report.path}: {what}, {report.size_bytes:,} bytes, read back; {counted(report.purged, 'execution')} left the log"
