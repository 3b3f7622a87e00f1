"""`flowsm verify`: whether the log is what it was when it was recorded."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from flowsm.cli.opening import ask, file_of, only_root
from flowsm.cli.options import DEFAULT_DB, AsJson, Db
from flowsm.cli.report import answer
from flowsm.manager import FlowManager
from flowsm.projections.verify import VerifyReport

__all__ = ["verify"]


def verify(
    execution: Annotated[str | None, Parameter(name="ID", help="Only this execution, or a file.")] = None,
    /,
    *,
    db: Db = DEFAULT_DB,
    as_json: AsJson = False,
) -> int:
    """Check the log: the chain is whole, every transition is the machine's, every row is what the events say."""
    is_redacted = False
    path = None if execution is None else file_of(execution)
    if path is not None:
        db, execution = path, None

    async def question(manager: FlowManager) -> VerifyReport:
        nonlocal is_redacted
        is_redacted = any(file.redacted is not None for file in manager.opened)
        if path is not None and manager.opened[0].executions == 1:
            return await manager.verify(only_root(manager.opened[0]))
        return await manager.verify(None if execution is None else await manager.resolve_id(execution))

    report = ask(db, question)
    ill = "✗ what was redacted cannot be verified" if is_redacted else "✗ the log does not hold"
    return answer(report, as_json=as_json, well="✓ the log holds", ill=ill)
