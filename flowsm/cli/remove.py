"""`flowsm remove`: an ended execution leaves the lists."""

from __future__ import annotations

from flowsm.cli.bulk import NOTHING, Choice, SomeExecution, in_bulk, is_many
from flowsm.cli.exit_codes import FINE
from flowsm.cli.opening import ask
from flowsm.cli.options import DEFAULT_DB, Actor, Db, Reason, who
from flowsm.cli.output import talk
from flowsm.events.commands import Remove
from flowsm.manager import FlowManager

__all__ = ["remove"]


def remove(
    execution: SomeExecution = None,
    /,
    *,
    choice: Choice = NOTHING,
    reason: Reason = "",
    actor: Actor = "",
    db: Db = DEFAULT_DB,
) -> int:
    """Take an ended execution, or many, out of the lists; the history stays."""
    if is_many(execution, choice):
        return in_bulk("remove", choice, Remove(reason=reason, actor=who(actor)), db)

    async def question(manager: FlowManager) -> str:
        found = await manager.resolve_id(execution or "")
        await manager.remove_flow(found, reason=reason, actor=who(actor))
        return found

    talk(f"flowsm: removed {ask(db, question, changes=True)}; its events stay")
    return FINE
