"""`flowsm rebuild`: every derived row anew."""

from __future__ import annotations

import msgspec

from flowsm.cli.exit_codes import FAILED, FINE
from flowsm.cli.opening import ask
from flowsm.cli.options import DEFAULT_DB, AsJson, Db
from flowsm.cli.output import print_json, print_text
from flowsm.cli.report import report_lines
from flowsm.manager import FlowManager
from flowsm.projections.rebuild import RebuildReport

__all__ = ["rebuild"]


def rebuild(*, db: Db = DEFAULT_DB, as_json: AsJson = False) -> int:
    """Derive every row anew from the events, while other work goes on.

    Exit code 1 when events that are damaged kept an execution from being folded to its end.
    """

    async def question(manager: FlowManager) -> RebuildReport:
        return await manager.rebuild()

    report = ask(db, question)
    if as_json:
        print_json({"ok": report.ok, **msgspec.to_builtins(report)})
    else:
        print_text("✓ rebuilt" if report.ok else "✗ rebuilt, but for what is damaged")
        for line in report_lines(report):
            print_text(line)
    return FINE if report.ok else FAILED
