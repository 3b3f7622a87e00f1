"""Streams: one reader of the log for everybody who wants to be told at once, each with a bounded queue.

A stream begins to listen first, then reads the log up to its end, then takes what comes: what it has had is passed
over, so there is no gap and no double. A queue that runs over is dropped, and its stream reads the log again: a slow
reader costs nobody anything.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable
from typing import Final

import msgspec

from flowsm.errors import LogError
from flowsm.events.envelope import Recorded
from flowsm.limits import STREAM_PAGE_EVENTS, STREAM_QUEUE_EVENTS, STREAMS_MAX, WATCH_SECONDS
from flowsm.manager import FlowManager
from flowsm.service.eventviews import event_view
from flowsm.service.options import Role
from flowsm.service.problems import Refusal
from flowsm.service.tracebacks import for_role

__all__ = ["Listener", "Streams", "Told"]

_LOGGER: Final = logging.getLogger("flowsm.service")


class Told:
    """An event on its way to many: its JSON text is made once for each role."""

    __slots__ = ("_texts", "event")

    def __init__(self, event: Recorded) -> None:
        self.event = event
        self._texts: dict[Role, bytes] = {}

    def frame(self, role: Role, number: int) -> bytes:
        """The event as a stream sends it, under a number that the reader names to go on after it."""
        text = self._texts.get(role)
        if text is None:
            text = self._texts[role] = msgspec.json.encode(for_role(event_view(self.event), role))
        return b"id: %d\ndata: %s\n\n" % (number, text)


class Listener:
    """The queue of one stream."""

    def __init__(self) -> None:
        self.closed = False
        self._queue: deque[Told] = deque()
        self._ran_over = False
        self._wake = asyncio.Event()

    def put(self, told: Told) -> None:
        """Add an event; one too many drops them all."""
        if self._ran_over:
            return
        if len(self._queue) >= STREAM_QUEUE_EVENTS:
            self._queue.clear()
            self._ran_over = True
        else:
            self._queue.append(told)
        self._wake.set()

    def close(self) -> None:
        """Nothing comes any more."""
        self.closed = True
        self._wake.set()

    async def next(self, seconds: float) -> list[Told] | None:
        """What has come; nothing after so many seconds of silence. None: some were dropped, the log has them."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), seconds)
        self._wake.clear()
        if self.closed:
            self._wake.set()
        if self._ran_over:
            self._ran_over = False
            return None
        found = list(self._queue)
        self._queue.clear()
        return found


class Streams:
    """Reads the log on, for as long as anybody listens.

    Args:
        manager: whose log it is.
    """

    def __init__(self, manager: FlowManager) -> None:
        self._manager = manager
        self._listeners: dict[str | None, set[Listener]] = {}
        self._count = 0
        self._position: int | None = None
        self._reading: asyncio.Task[None] | None = None
        self._beginning = asyncio.Lock()
        self._closed = False

    @property
    def open(self) -> int:
        """How many listen."""
        return self._count

    async def listen(self, execution_id: str | None) -> tuple[Listener, int]:
        """A listener for the events of an execution, or None: of all; and the position after which it is told.

        Raises:
            Refusal: 503, too many streams are open, or the service stops.
        """
        if self._closed:
            raise Refusal(503, "stopping", "the service stops")
        if self._count >= STREAMS_MAX:
            raise Refusal(503, "too_many_streams", f"{STREAMS_MAX} streams are open, which is as many as may be")
        async with self._beginning:
            if self._reading is None or self._reading.done() or self._position is None:
                self._position = (await self._manager.tail(None, None, 1)).position
                self._reading = asyncio.create_task(self._read())
        listener = Listener()
        self._listeners.setdefault(execution_id, set()).add(listener)
        self._count += 1
        return listener, self._position

    def leave(self, execution_id: str | None, listener: Listener) -> None:
        """Tell it nothing any more; the last one ends the reading."""
        listeners = self._listeners.get(execution_id, set())
        if listener not in listeners:
            return
        listeners.discard(listener)
        self._count -= 1
        if not listeners:
            self._listeners.pop(execution_id, None)
        if not self._count and self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def close(self) -> None:
        """End all streams."""
        self._closed = True
        for listeners in self._listeners.values():
            for listener in listeners:
                listener.close()

    async def _read(self) -> None:
        wake = asyncio.Event()
        unlisten = self._manager.on_commit(wake.set)
        trouble = ""
        try:
            while True:
                try:
                    await self._round(wake.clear)
                    trouble = ""
                    version = self._manager.log_version()
                except LogError as error:
                    if str(error) != trouble:
                        trouble = str(error)
                        _LOGGER.warning("what happens is not told for now: %s", error)
                    version = -1
                await self._something(wake, version)
        finally:
            unlisten()

    async def _round(self, begin: Callable[[], None]) -> None:
        """Tell all that was recorded since."""
        is_all = False
        while not is_all:
            begin()
            found = await self._manager.tail(self._position, None, STREAM_PAGE_EVENTS)
            for event in found.events:
                self._tell(event)
            self._position = found.position
            is_all = found.is_all

    async def _something(self, wake: asyncio.Event, version: int) -> None:
        """Return once something was committed, here or by another process, or may have been."""
        while not wake.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(wake.wait(), WATCH_SECONDS)
            with contextlib.suppress(LogError):
                if self._manager.log_version() != version:
                    return

    def _tell(self, event: Recorded) -> None:
        told: Told | None = None
        for key in (event.stream, None):
            for listener in self._listeners.get(key, ()):
                told = told or Told(event)
                listener.put(told)
