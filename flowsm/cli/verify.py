"""`flowsm verify`: whether the log is what it was when it was recorded."""

from __future__ import annotations

from typing import Annotated

import msgspec
from cyclopts import Parameter

from flowsm.cli.exit_codes import FAILED, FINE
from flowsm.cli.opening import ask
from flowsm.cli.options import DEFAULT_DB, AsJson, Db
from flowsm.cli.output import print_json, print_text
from flowsm.cli.report import report_lines
from flowsm.manager import FlowManager
from flowsm.projections.verify import VerifyReport

__all__ = ["verify"]


def verify(
    execution: Annotated[str | None, Parameter(name="ID", help="Only this execution.")] = None,
    /,
    *,
    db: Db = DEFAULT_DB,
    as_json: AsJson = False,
) -> int:
    """Check the log: the chain is whole, every transition is the machine's, every row is what the events say."""

    async def question(manager: FlowManager) -> VerifyReport:
        return await manager.verify(None if execution is None else await manager.resolve_id(execution))

    report = ask(db, question)
    if as_json:
        print_json({"ok": report.ok, **msgspec.to_builtins(report)})
    else:
        print_text("✓ the log holds" if report.ok else "✗ the log does not hold")
        for line in report_lines(report):
            print_text(line)
    return FINE if report.ok else FAILED
