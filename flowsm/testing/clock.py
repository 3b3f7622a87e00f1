"""A clock that tests turn by hand."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Final

__all__ = ["ManualClock"]

_START: Final = datetime(2026, 1, 31, 12, tzinfo=UTC)


class ManualClock:
    """A `Clock` whose time stands still until `advance` is called: no test of timers need sleep.

    Use it on one event loop at a time.

    Args:
        start: the wall time at first, aware.
    """

    def __init__(self, start: datetime = _START) -> None:
        self._now = start
        self._monotonic = 0.0
        self._sleepers: list[tuple[datetime, asyncio.Future[None]]] = []
        self._watchers: list[tuple[int, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        """The wall time, aware, in UTC."""
        return self._now

    def monotonic(self) -> float:
        """Seconds that were advanced since the clock was made."""
        return self._monotonic

    async def sleep(self, seconds: float) -> None:
        """Return once the clock has been advanced by that many seconds."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        sleeper = (self._now + timedelta(seconds=seconds), woken)
        self._sleepers.append(sleeper)
        self._tell_watchers()
        try:
            await woken
        finally:
            if sleeper in self._sleepers:
                self._sleepers.remove(sleeper)

    def advance(self, seconds: float) -> None:
        """Let time pass: those who sleep no longer than that are woken, the earliest first."""
        self._now += timedelta(seconds=seconds)
        self._monotonic += seconds
        due = sorted((sleeper for sleeper in self._sleepers if sleeper[0] <= self._now), key=lambda pair: pair[0])
        for sleeper in due:
            self._sleepers.remove(sleeper)
            if not sleeper[1].done():
                sleeper[1].set_result(None)

    def next_due(self) -> datetime | None:
        """When the first of those who sleep wants to be woken; None when nobody sleeps."""
        return min((due for due, _ in self._sleepers), default=None)

    async def sleepers(self, count: int = 1) -> None:
        """Return once at least that many sleep: then there is something to advance to."""
        if len(self._sleepers) < count:
            enough: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._watchers.append((count, enough))
            await enough

    def _tell_watchers(self) -> None:
        waiting = []
        for count, enough in self._watchers:
            if len(self._sleepers) < count:
                waiting.append((count, enough))
            elif not enough.done():
                enough.set_result(None)
        self._watchers = waiting
