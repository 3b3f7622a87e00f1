"""`flowsm import`: an archive's executions come into a log."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from flowsm.cli.opening import ask
from flowsm.cli.options import DEFAULT_DB, Actor, AsJson, Db, Reason, who
from flowsm.cli.output import counted, print_json, talk

__all__ = ["import_"]


def import_(
    archive: Annotated[Path, Parameter(name="FILE", help="What `flowsm archive` or `flowsm export` made.")],
    /,
    *,
    unfinished: Annotated[
        bool, Parameter(help="Executions that have not ended, too: whoever drives this log drives them on.")
    ] = False,
    reason: Reason = "",
    actor: Actor = "",
    db: Db = DEFAULT_DB,
    as_json: AsJson = False,
) -> None:
    """Bring the executions of an archive, or of an export, into a log, which is made if it is not there.

    All of it is verified first. What is in the log already is left alone; what contradicts it is named, and nothing
    is imported.
    """
    report = ask(
        db,
        lambda manager: manager.import_archive(archive, unfinished=unfinished, reason=reason, actor=who(actor)),
        changes=True,
        makes=True,
    )
    if as_json:
        print_json(report)
        return
    talk(
        f"flowsm: imported {counted(report.imported, 'execution')} ({counted(report.events, 'event')}); "
        f"{report.present:,} were there already"
    )
