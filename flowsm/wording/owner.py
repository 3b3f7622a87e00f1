"""What is said of an execution that seems to run, while nobody drives it."""

from __future__ import annotations

from collections.abc import Iterable

from flowsm.looking import LookingVerbs
from flowsm.status import FlowStatus
from flowsm.wording.text import local_time

__all__ = ["deserted"]


async def deserted(manager: LookingVerbs, executions: Iterable[tuple[str, FlowStatus]]) -> dict[str, str]:
    """A sentence for each execution that is said to be running, and whose worker is dead, or that has none.

    One that a limit holds back has none by right.
    """
    running = [execution_id for execution_id, status in executions if status is FlowStatus.RUNNING]
    if not running:
        return {}
    said: dict[str, str] = {}
    held = {hold.execution_id for hold in await manager.holds(running)}
    for owner in await manager.owners(running):
        if owner.alive or owner.execution_id in held:
            continue
        if not owner.worker:
            said[owner.execution_id] = "no worker drives it now"
        else:
            when = f" (last seen {local_time(owner.seen_at)})" if owner.seen_at is not None else ""
            said[owner.execution_id] = f"its worker {owner.worker} is dead{when}"
    return said
