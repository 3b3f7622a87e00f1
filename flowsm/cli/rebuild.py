"""`flowsm rebuild`: every derived row anew."""

from __future__ import annotations

from flowsm.cli.opening import ask
from flowsm.cli.options import DEFAULT_DB, AsJson, Db
from flowsm.cli.output import print_json, print_text
from flowsm.cli.report import report_lines
from flowsm.manager import FlowManager
from flowsm.projections.rebuild import RebuildReport

__all__ = ["rebuild"]


def rebuild(*, db: Db = DEFAULT_DB, as_json: AsJson = False) -> None:
    """Derive every row anew from the events, while other work goes on."""

    async def question(manager: FlowManager) -> RebuildReport:
        return await manager.rebuild()

    report = ask(db, question)
    if as_json:
        print_json(report)
        return
    print_text("rebuilt")
    for line in report_lines(report):
        print_text(line)
