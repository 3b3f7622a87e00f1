"""A clock that tests turn by hand."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Final

__all__ = ["ManualClock"]

_START: Final = datetime(2026, 1, 31, 12, tzinfo=UTC)
_BOOTED_MS: Final = 3_600_000
"""The machine had been up for an hour when the clock was made."""


class ManualClock:
    """A `Clock` whose time stands still until `advance` is called: no test of timers need sleep.

    Use it on one event loop at a time.

    Args:
        start: the wall time at first, aware.
    """

    def __init__(self, start: datetime = _START) -> None:
        self._now = start
        self._monotonic = timedelta()
        self._boot = timedelta(milliseconds=_BOOTED_MS)
        self._boots = 1
        self._sleepers: list[tuple[timedelta, asyncio.Future[None]]] = []
        self._watchers: list[tuple[int, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        """The wall time, aware, in UTC."""
        return self._now

    def monotonic(self) -> float:
        """Seconds that were advanced since the clock was made."""
        return self._monotonic.total_seconds()

    def boot_ms(self) -> int:
        """Milliseconds since the machine was started."""
        return self._boot // timedelta(milliseconds=1)

    def boot_id(self) -> str:
        """Which start of the machine that was: `boot-1`, until `reboot`."""
        return f"boot-{self._boots}"

    async def sleep(self, seconds: float) -> None:
        """Return once the clock has been advanced by that many seconds."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        sleeper = (self._monotonic + timedelta(seconds=seconds), woken)
        self._sleepers.append(sleeper)
        self._tell_watchers()
        try:
            await woken
        finally:
            if sleeper in self._sleepers:
                self._sleepers.remove(sleeper)

    def advance(self, seconds: float) -> None:
        """Let time pass: those who sleep no longer than that are woken, the earliest first."""
        passed = timedelta(seconds=seconds)
        self._now += passed
        self._boot += passed
        self._monotonic += passed
        due = sorted((sleeper for sleeper in self._sleepers if sleeper[0] <= self._monotonic), key=lambda pair: pair[0])
        for sleeper in due:
            self._sleepers.remove(sleeper)
            if not sleeper[1].done():
                sleeper[1].set_result(None)

    def jump(self, seconds: float) -> None:
        """Set the wall clock, ahead or back: no time passes, nobody is woken."""
        self._now += timedelta(seconds=seconds)

    def suspend(self, seconds: float) -> None:
        """Let the machine sleep: wall and boot time go on, nobody is woken."""
        self.jump(seconds)
        self._boot += timedelta(seconds=seconds)

    def reboot(self) -> None:
        """Start the machine again: its boot time begins at zero, with another id."""
        self._boot = timedelta()
        self._boots += 1

    def next_due(self) -> datetime | None:
        """When, by the wall clock as it is now, the first of those who sleep is woken; None when nobody sleeps."""
        first = min((due for due, _ in self._sleepers), default=None)
        return None if first is None else self._now + (first - self._monotonic)

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
