"""`flowsm remove`: an ended execution leaves the lists."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from flowsm.cli.opening import ask
from flowsm.cli.options import DEFAULT_DB, Db, ExecutionId
from flowsm.cli.output import talk
from flowsm.manager import FlowManager

__all__ = ["remove"]


def remove(
    execution: ExecutionId,
    /,
    *,
    reason: Annotated[str, Parameter(help="Why: it is recorded.")] = "",
    db: Db = DEFAULT_DB,
) -> None:
    """Take an ended execution out of the lists; its history stays."""

    async def question(manager: FlowManager) -> str:
        found = await manager.resolve_id(execution)
        await manager.remove_flow(found, reason=reason)
        return found

    talk(f"flowsm: removed {ask(db, question, changes=True)}; its events stay")
