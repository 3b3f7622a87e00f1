"""Histories that were looked at lately: a slider over an execution folds it once, not once a step."""

from __future__ import annotations

from collections import OrderedDict

from flowsm.errors import ExecutionNotFound
from flowsm.limits import HISTORIES_MAX
from flowsm.manager import FlowManager
from flowsm.replay.history import History

__all__ = ["Histories"]


class Histories:
    """A bounded cache of histories, read as far as they are recorded.

    Args:
        manager: gives them.
    """

    def __init__(self, manager: FlowManager) -> None:
        self._manager = manager
        self._known: OrderedDict[str, History] = OrderedDict()

    async def of(self, execution_id: str) -> History:
        """The history of an execution, up to now.

        Raises:
            ExecutionNotFound: there is no such execution.
            LogBroken: a stored event is not what was recorded; of others it is raised when they are looked at.
        """
        known = self._known.pop(execution_id, None)
        try:
            if known is not None:
                await self._manager.refresh(known)
        except ExecutionNotFound:  # it was purged; its id may be another's
            known = None
        known = known or await self._manager.browse(execution_id)
        self._known[execution_id] = known
        if len(self._known) > HISTORIES_MAX:
            self._known.popitem(last=False)
        return known
