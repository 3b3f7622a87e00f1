"""The desk: what all requests of one service share, and how what waits there is ended."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from flowsm.errors import FlowsmError
from flowsm.limits import BEGIN_MAX_SECONDS, WAIT_MAX_SECONDS
from flowsm.manager import FlowManager
from flowsm.runtime.execution import FlowExecution
from flowsm.service.histories import Histories
from flowsm.service.operation import Area
from flowsm.service.options import ServiceOptions
from flowsm.service.problems import Refusal
from flowsm.service.streams import Streams
from flowsm.status import FlowStatus

__all__ = ["Desk"]


class Desk:
    """The manager, the options, and those who wait for an end.

    Args:
        manager: whose verbs are served.
        options: who may ask for what.
        areas: what can be asked.
    """

    def __init__(self, manager: FlowManager, options: ServiceOptions, areas: Sequence[Area]) -> None:
        self.manager = manager
        self.options = options
        self.areas = areas
        self.documents: dict[str, bytes] = {}
        self.histories = Histories(manager)
        self.streams = Streams(manager)
        self.stopping = False
        self._waits: set[asyncio.Task[FlowExecution]] = set()

    def stop(self) -> None:
        """End what waits, or streams, so that the service can stop: nothing that is recorded depends on it."""
        self.stopping = True
        self.streams.close()
        for wait in self._waits:
            wait.cancel()

    async def begun(self, execution_id: str) -> FlowExecution:
        """The execution, once it is recorded that it began.

        Raises:
            Refusal: 503, there was no room for it in time, or the service stops.
            FlowsmError: as `FlowManager.begin`.
        """
        try:
            async with asyncio.timeout(BEGIN_MAX_SECONDS):
                begun = await self.manager.begin(execution_id)
        except TimeoutError:
            detail = f"execution {execution_id!r} is not begun: as many as may run at once are running; ask again"
            raise Refusal(503, "no_room", detail, execution_id=execution_id) from None
        if self.stopping and begun.status is FlowStatus.CREATED and begun.begins_at is None:
            detail = f"the service stops, and execution {execution_id!r} is not begun; ask again"
            raise Refusal(503, "stopping", detail, execution_id=execution_id)
        return begun

    async def ended(self, execution_id: str, seconds: float | None = None) -> FlowExecution | None:
        """The execution once it has ended; None when that has not come within so many seconds, or the service stops.

        It goes on when the service is started again.
        """
        if self.stopping:
            return None
        wait = asyncio.ensure_future(self.manager.finish(execution_id))
        self._waits.add(wait)
        limit = WAIT_MAX_SECONDS if seconds is None else min(seconds, WAIT_MAX_SECONDS)
        try:
            await asyncio.wait({wait}, timeout=limit)
        finally:
            self._waits.discard(wait)
            if not wait.done():
                wait.cancel()
        return None if wait.cancelled() or not wait.done() else wait.result()

    async def after(self, execution: FlowExecution, seconds: float | None) -> FlowExecution:
        """The execution as it is, or, if somebody said for how long they wait, once it has ended or that time is over."""
        if not seconds or execution.ended_at is not None or execution.status is FlowStatus.CREATED:
            return execution
        try:
            ended = await self.ended(execution.execution_id, seconds)
        except FlowsmError:  # it cannot be driven here: the caller is told how it stands
            ended = None
        return ended or await self.manager.get_flow_status(execution.execution_id)
