"""`flowsm rebuild`: every derived row anew."""

from __future__ import annotations

from flowsm.cli.opening import ask
from flowsm.cli.options import DEFAULT_DB, AsJson, Db
from flowsm.cli.report import answer
from flowsm.manager import FlowManager
from flowsm.projections.rebuild import RebuildReport

__all__ = ["rebuild"]


def rebuild(*, db: Db = DEFAULT_DB, as_json: AsJson = False) -> int:
    """Derive every row anew from the events, while other work goes on.

    Exit code 1 when events that are damaged kept an execution from being folded to its end.
    """

    async def question(manager: FlowManager) -> RebuildReport:
        return await manager.rebuild()

    report = ask(db, question, changes=True)
    return answer(report, as_json=as_json, well="✓ rebuilt", ill="✗ rebuilt, but for what is damaged")
