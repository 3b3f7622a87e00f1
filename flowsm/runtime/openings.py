"""Who is held back by a limit is woken when there is room: at once for room made here, else at the next look."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from heapq import heapify, heappop, heappush
from typing import Final

from flowsm.clock import Clock, timestamp
from flowsm.errors import LogError
from flowsm.limits import ALARMS_OUTDATED_MAX, TIMER_MAX_SECONDS
from flowsm.projections.agenda import Agenda, Waiter
from flowsm.runtime.recovery import Recovery
from flowsm.runtime.settings import Limits

__all__ = ["Openings"]

_LOGGER: Final = logging.getLogger("flowsm.runtime")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Openings:
    """Kicks as many of the first in each queue as there is room for, on one event loop.

    Args:
        limits: the queues.
        agenda: who is in them, and how much is in use.
        clock: says when a rate lets the next one through.
        kick: has an execution advanced.
    """

    def __init__(self, limits: Limits, agenda: Agenda, clock: Clock, kick: Callable[[str], None]) -> None:
        self._rates = limits.rates
        self._queues: list[tuple[str, str, int]] = [
            *(("flow", name, most) for name, most in limits.flows.items()),
            *(("task", name, most) for name, most in limits.task_types.items()),
            *(("rate", name, rate.burst) for name, rate in limits.rates.items()),
        ]
        self.queues = limits.keys
        self._agenda = agenda
        self._clock = clock
        self._kick = kick
        self._waiting: dict[str, str | None] = {}
        self._expiring: list[tuple[str, str]] = []
        self._looking: asyncio.Task[None] | None = None
        self._again = False
        self._alarm: asyncio.Task[None] | None = None
        self._rings_at = 0.0
        self.recovery: Recovery | None = None
        """Takes up those of other processes too."""

    def waits(self) -> bool:
        """Whether an execution that was to be advanced here is held back."""
        return bool(self._waiting)

    def is_held(self, execution_id: str) -> bool:
        """Whether this one is."""
        return execution_id in self._waiting

    def hold(self, execution_id: str, expires: str | None) -> None:
        """Have it kicked when there is room, as from the next look of the watch; or when its own time is over."""
        self._waiting[execution_id] = expires
        if expires is None:
            return
        heappush(self._expiring, (expires, execution_id))
        if len(self._expiring) > 2 * len(self._waiting) + ALARMS_OUTDATED_MAX:
            self._expiring = [(due, name) for name, due in self._waiting.items() if due is not None]
            heapify(self._expiring)
        self._set_alarm(self._seconds_to(expires))

    def soon(self) -> None:
        """Look as soon as the loop comes to it, if anybody waits here."""
        if not self._waiting:
            return
        if self._looking is None:
            self._looking = asyncio.get_running_loop().create_task(self._look_in_spite())
        else:
            self._again = True

    async def look(self) -> None:
        """Kick those for whom there is room, and those whose own time is over.

        Raises:
            LogError: the file could not be read.
        """
        if self.recovery is None and not self._waiting:
            return
        await self._see_those_who_went_on()
        await self._fill()

    def close(self) -> None:
        """Wake nobody any more."""
        self._waiting.clear()
        self._expiring.clear()
        for task in (self._looking, self._alarm):
            if task is not None:
                task.cancel()
        self._looking = self._alarm = None

    async def _fill(self) -> None:
        self._wake_those_whose_time_is_over()
        for kind, name, most in self._queues:
            if kind == "rate":
                room, due_us = await self._tokens(name)
            else:
                room, due_us = most - await self._agenda.in_use(kind, name), None
            if room <= 0 and due_us is None:
                continue
            queue = await self._queue(kind, name, max(1, room))
            if queue and due_us is not None:
                self._set_alarm(due_us / 1_000_000)
            for waiter in queue[:room]:
                await self._wake(waiter)

    def _wake_those_whose_time_is_over(self) -> None:
        """Kick them, and ring for the next one."""
        now = timestamp(self._clock.now())
        while self._expiring:
            expires, execution_id = self._expiring[0]
            if self._waiting.get(execution_id) == expires:
                if expires > now:
                    self._set_alarm(self._seconds_to(expires))
                    return
                del self._waiting[execution_id]
                self._kick(execution_id)
            heappop(self._expiring)

    def _seconds_to(self, moment: str) -> float:
        return max(0.0, (datetime.fromisoformat(moment) - self._clock.now()).total_seconds())

    async def _see_those_who_went_on(self) -> None:
        """Some were told something meanwhile, or others took them up: what that means is seen when they are advanced."""
        asked = set(self._waiting)
        if asked:
            for execution_id in asked - await self._agenda.held(asked):
                self._waiting.pop(execution_id, None)
                self._kick(execution_id)

    async def _queue(self, kind: str, name: str, limit: int) -> list[Waiter]:
        if self.recovery is None:
            return await self._agenda.queue(kind, name, limit, only=self._waiting)
        flows, aside = self.recovery.left_alone
        return await self._agenda.queue(kind, name, limit, flows=flows, aside=aside)

    async def _tokens(self, name: str) -> tuple[int, int]:
        """How many a rate lets through now, as the log reckons it; in how many microseconds it lets through the next one."""
        rate = self._rates[name]
        interval_us = max(1, round(rate.seconds * 1_000_000 / rate.count))
        now_us = (self._clock.now() - _EPOCH) // timedelta(microseconds=1)
        arrival_us = min(await self._agenda.arrival_us(name), now_us + rate.burst * interval_us)
        over_us = now_us + (rate.burst - 1) * interval_us - arrival_us
        tokens = 0 if over_us < 0 else min(rate.burst, over_us // interval_us + 1)
        return tokens, -over_us if tokens == 0 else interval_us

    async def _wake(self, waiter: Waiter) -> None:
        if self.recovery is None or await self.recovery.can_run(waiter.flow_digest, waiter.execution_id):
            self._waiting.pop(waiter.execution_id, None)
            self._kick(waiter.execution_id)

    def _set_alarm(self, seconds: float) -> None:
        """Look in so many seconds, or earlier, if an earlier look is due."""
        seconds = min(seconds, TIMER_MAX_SECONDS)
        rings_at = self._clock.monotonic() + seconds
        if self._alarm is not None:
            if self._rings_at <= rings_at:
                return
            self._alarm.cancel()
        self._rings_at = rings_at
        self._alarm = asyncio.get_running_loop().create_task(self._ring(seconds))

    async def _ring(self, seconds: float) -> None:
        await self._clock.sleep(seconds)
        self._alarm = None
        await self._look_in_spite()

    async def _look_in_spite(self) -> None:
        """Look; what hinders it is logged: there is another look soon."""
        try:
            await self._fill()
            while self._again:
                self._again = False
                await self._fill()
        except LogError as error:
            _LOGGER.warning("who is held back by a limit is not known for now: %s", error)
        finally:
            if self._looking is asyncio.current_task():
                self._looking = None
