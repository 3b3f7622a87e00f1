"""Time, as an argument: a `Clock` is handed to whoever needs one."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Final, Protocol

import msgspec

_ENCODE: Final = msgspec.json.Encoder().encode  # twenty times as fast as isoformat, on every step's way

__all__ = ["Clock", "SystemClock", "timestamp"]


class Clock(Protocol):
    """What the engine asks of time."""

    def now(self) -> datetime:
        """The wall time, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds of a clock that never jumps, for measuring durations."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after that many seconds."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The wall time, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds of `time.perf_counter`."""
        return time.perf_counter()

    async def sleep(self, seconds: float) -> None:
        """Sleep on the running event loop."""
        await asyncio.sleep(seconds)


def timestamp(moment: datetime) -> str:
    """The one textual form of an aware moment, in UTC: `2026-01-31T12:00:00.000000Z`, which sorts as time does."""
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    text = _ENCODE(moment).decode()
    return text[1:-1] if moment.microsecond else f"{text[1:20]}.000000Z"
