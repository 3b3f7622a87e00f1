"""`flowsm backup`: a copy of the log while it is in use."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from flowsm.cli.opening import ask
from flowsm.cli.options import DEFAULT_DB, AsJson, Db
from flowsm.cli.output import print_json, talk

__all__ = ["backup"]


def backup(
    target: Annotated[Path, Parameter(name="FILE", help="Where to: a file that is not there yet.")],
    /,
    *,
    force: Annotated[bool, Parameter(name="--force", help="Overwrite a file that is there.")] = False,
    db: Db = DEFAULT_DB,
    as_json: AsJson = False,
) -> None:
    """Copy the log, as of one moment, while work goes on: checked, durable, complete or not at all."""
    report = ask(db, lambda manager: manager.backup(target, force=force))
    if as_json:
        print_json(report)
        return
    talk(f"flowsm: {report.path}: {report.size_bytes:,} bytes, checked")
