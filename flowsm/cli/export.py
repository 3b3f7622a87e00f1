"""`flowsm export`: one execution in a file, to be looked at anywhere."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, BinaryIO

from cyclopts import Parameter

from flowsm.cli.opening import ask_about
from flowsm.cli.options import DEFAULT_DB, Actor, Db, ExecutionOrFile, who
from flowsm.cli.output import counted, talk
from flowsm.manager import FlowManager
from flowsm.upkeep.exporting import ExportReport

__all__ = ["export"]


def export(
    execution: ExecutionOrFile,
    /,
    *,
    output: Annotated[Path | None, Parameter(name=("--output", "-o"), help="The file; stdout by default.")] = None,
    redact: Annotated[
        list[str] | None,
        Parameter(help="Leave out what is there: /input…, /results/TASK/…, /signals/NAME…; may be given many times."),
    ] = None,
    with_children: Annotated[bool, Parameter(help="With the executions that its sub-flows started.")] = False,
    actor: Actor = "",
    db: Db = DEFAULT_DB,
) -> None:
    """Write an execution to one file of NDJSON (x.flowrun): its flow, events, large values and digests.

    Every reading command takes the file as --db, and in place of an ID; `flowsm import` brings it into a log.
    """

    async def question(manager: FlowManager, found: str) -> ExportReport:
        target: Path | BinaryIO = sys.stdout.buffer if output is None else output
        return await manager.export(
            found, target, redact=redact or (), with_children=with_children, actor=who(actor) if redact else ""
        )

    report = ask_about(execution, db, question)
    if output is not None:
        talk(f"flowsm: {report.path}: {counted(report.executions, 'execution')}, {counted(report.events, 'event')}")
