"""Who decides when an execution is advanced: a dispatcher carries ids, never state.

A kick may be lost, doubled or reordered without harm: the log says what is due.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from heapq import heapify, heappop, heappush
from typing import Final, Protocol, cast

from flowsm.clock import Clock
from flowsm.limits import ABANDON_AFTER_SECONDS, ALARMS_OUTDATED_MAX, TIMER_MAX_SECONDS
from flowsm.runtime.driver_task import DriverTask, leave_behind

__all__ = ["Dispatcher", "EmbeddedDispatcher"]

_LOGGER: Final = logging.getLogger("flowsm.runtime")

Advance = Callable[[str], Awaitable[None]]


class Dispatcher(Protocol):
    """The seam behind which a distributed queue can stand."""

    def kick(self, execution_id: str, queue: str = "default", not_before: datetime | None = None) -> None:
        """Ask that the execution be advanced, now or not before a moment."""
        ...

    def serve(self, advance: Advance) -> None:
        """From now on, call `advance` for what is kicked."""
        ...

    def has_room(self) -> bool:
        """Whether a kick would be served at once."""
        ...

    def room(self) -> int:
        """How many more may be kicked before as many wait as can run at once."""
        ...

    def carries(self, execution_id: str) -> bool:
        """Whether it was kicked, now or for later, and has not been advanced since, or is being advanced."""
        ...

    def carried(self) -> int:
        """How many are carried."""
        ...

    def waiting(self) -> int:
        """How many were kicked to run now, and wait until they can."""
        ...

    def is_idle(self) -> bool:
        """Whether nothing runs, and nothing was kicked to run now."""
        ...

    def lending(self) -> AbstractContextManager[None]:
        """While an execution that is being advanced waits for another one, the other has its place."""
        ...

    def give_up(self, execution_id: str) -> None:
        """Whoever advances it does not stop: leave that behind, and let it be advanced by another when it is kicked."""
        ...

    async def drain(self, seconds: float) -> None:
        """Begin nothing any more, and wait at most so long for what runs."""
        ...

    async def close(self, seconds: float | None = None) -> None:
        """Stop advancing; what runs is cancelled, and left behind if it goes on for so long."""
        ...


class EmbeddedDispatcher:
    """A few asyncio tasks on the running loop: at most `concurrency` executions advance at once.

    What is kicked for later costs an entry in one heap; one timer rings for the first of them.
    """

    def __init__(self, clock: Clock, concurrency: int) -> None:
        self._clock = clock
        self._concurrency = concurrency
        self._closed = False
        self._advance: Advance | None = None
        self._ready: deque[str] = deque()
        self._queued: set[str] = set()
        self._running: dict[str, asyncio.Task[None]] = {}
        self._again: set[str] = set()
        self._workers: set[asyncio.Task[None]] = set()
        self._alarms: dict[str, datetime] = {}
        self._heap: list[tuple[datetime, str]] = []
        self._timer: asyncio.Task[None] | None = None

    def serve(self, advance: Advance) -> None:
        """Call `advance` for what is kicked."""
        self._advance = advance
        self._employ()

    def has_room(self) -> bool:
        """Whether a kick would be served at once."""
        return not self._ready and len(self._running) < self._concurrency

    def room(self) -> int:
        """How many more may be kicked before as many wait as can run at once."""
        return max(0, 2 * self._concurrency - len(self._running) - len(self._ready))

    def carries(self, execution_id: str) -> bool:
        """Whether it was kicked, now or for later, and has not been advanced since, or is being advanced."""
        return execution_id in self._running or execution_id in self._queued or execution_id in self._alarms

    def carried(self) -> int:
        """How many executions wait to be advanced, now or later, or are being advanced."""
        return len(self._running) + len(self._queued) + len(self._alarms)

    def waiting(self) -> int:
        """How many were kicked to run now, and wait until they can."""
        return len(self._ready)

    def is_idle(self) -> bool:
        """Whether nothing runs, and nothing was kicked to run now."""
        return not self._running and not self._ready

    def kick(self, execution_id: str, queue: str = "default", not_before: datetime | None = None) -> None:
        """Ask that the execution be advanced; one that is being advanced will be once more."""
        if self._closed:
            return
        if not_before is not None:
            self._set_alarm(execution_id, not_before)
        elif execution_id in self._running:
            self._again.add(execution_id)
        elif execution_id not in self._queued:
            self._queued.add(execution_id)
            self._ready.append(execution_id)
            self._employ()

    @contextmanager
    def lending(self) -> Iterator[None]:
        """One more may advance meanwhile: else those who wait for each other's places would wait for ever."""
        self._concurrency += 1
        self._employ()
        try:
            yield
        finally:
            self._concurrency -= 1

    async def drain(self, seconds: float) -> None:
        """Begin nothing any more, and wait at most so long for what runs."""
        self._closed = True
        self._ready.clear()
        self._queued.clear()
        if self._workers and seconds > 0:
            await asyncio.wait(self._workers, timeout=seconds)

    def give_up(self, execution_id: str) -> None:
        """Leave behind who advances it: its place is free, and it may be advanced again at once."""
        worker = self._running.pop(execution_id, None)
        if worker is not None:
            self._workers.discard(worker)
            leave_behind(worker)
            _LOGGER.warning("left behind, for its code does not stop: %s", execution_id)
            self._employ()

    async def close(self, seconds: float | None = None) -> None:
        """Cancel what runs, and wait at most so long (`ABANDON_AFTER_SECONDS`) until it has stopped.

        Whatever cuts that wait short, the end of the loop does not wait for it.
        """
        self._closed = True
        self._ready.clear()
        self._alarms.clear()
        self._heap.clear()
        tasks = {*self._workers, *([self._timer] if self._timer is not None else [])}
        for task in tasks:
            task.cancel()
            leave_behind(task)  # now: the wait that follows may be cut short
        if not tasks:
            return
        try:
            await asyncio.wait(tasks, timeout=ABANDON_AFTER_SECONDS if seconds is None else seconds)
        finally:
            left = [task for task in tasks if isinstance(task, DriverTask) and not task.done()]
            for task in left:
                task.give_up()
        if left:
            _LOGGER.warning("left behind, for their code does not stop: %s", ", ".join(sorted(self._running)))

    def _set_alarm(self, execution_id: str, due: datetime) -> None:
        """The latest alarm of an execution is the one that rings; an outdated one is passed over when it comes up."""
        self._alarms[execution_id] = due
        heappush(self._heap, (due, execution_id))
        if len(self._heap) > 2 * len(self._alarms) + ALARMS_OUTDATED_MAX:
            self._heap = [(moment, name) for name, moment in self._alarms.items()]
            heapify(self._heap)
        if self._heap[0] == (due, execution_id) or self._timer is None:
            self._set_timer()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().create_task(self._ring())

    async def _ring(self) -> None:
        """Kick what is due, until nothing is left; clocks differ: who rings too early sleeps on."""
        while self._heap:
            due, execution_id = self._heap[0]
            seconds = (due - self._clock.now()).total_seconds()
            if self._alarms.get(execution_id) != due:
                heappop(self._heap)
            elif seconds > 0:
                await self._clock.sleep(min(seconds, TIMER_MAX_SECONDS))
            else:
                heappop(self._heap)
                del self._alarms[execution_id]
                self.kick(execution_id)
        self._timer = None

    def _employ(self) -> None:
        if self._advance is None:
            return
        wanted = min(self._concurrency, len(self._ready) + len(self._running))
        while len(self._workers) < wanted:
            self._workers.add(DriverTask(self._work(self._advance), loop=asyncio.get_running_loop()))

    async def _work(self, advance: Advance) -> None:
        """Advance what is ready, then leave: at once, so that a kick that finds no worker employs one."""
        worker = cast("asyncio.Task[None]", asyncio.current_task())
        try:
            await self._serve_ready(advance, worker)
        finally:
            self._workers.discard(worker)

    async def _serve_ready(self, advance: Advance, worker: asyncio.Task[None]) -> None:
        while self._ready and len(self._workers) <= self._concurrency:
            execution_id = self._ready.popleft()
            self._queued.discard(execution_id)
            self._running[execution_id] = worker
            try:
                await advance(execution_id)
            finally:
                if self._running.get(execution_id) is worker:
                    del self._running[execution_id]
            if worker not in self._workers:
                return  # it was given up meanwhile
            if execution_id in self._again:
                self._again.discard(execution_id)
                self.kick(execution_id)
