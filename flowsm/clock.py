"""Time, as an argument: a `Clock` is handed to whoever needs one."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Final, Protocol

import msgspec

_ENCODE: Final = msgspec.json.Encoder().encode  # twenty times as fast as isoformat, on every step's way
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_BOOT_CLOCK: Final[int | None] = getattr(time, "CLOCK_BOOTTIME", None)
_MS_PER_NS: Final = 1_000_000

__all__ = ["Clock", "SystemClock", "elapsed_us", "timestamp"]


class Clock(Protocol):
    """What the engine asks of time."""

    def now(self) -> datetime:
        """The wall time, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds of a clock that never jumps, for measuring durations."""
        ...

    def boot_ms(self) -> int:
        """Milliseconds since the machine was started: the same for all its processes, and no setting of the time moves it."""
        ...

    def boot_id(self) -> str:
        """Which start of the machine `boot_ms` counts from."""
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

    def boot_ms(self) -> int:
        """Milliseconds of `CLOCK_BOOTTIME`, which counts while the machine sleeps too; elsewhere of the monotonic clock."""
        if _BOOT_CLOCK is None:
            return time.monotonic_ns() // _MS_PER_NS
        return time.clock_gettime_ns(_BOOT_CLOCK) // _MS_PER_NS

    def boot_id(self) -> str:
        """The kernel's random id of this start; where there is none, `unknown`."""
        return _boot_id()

    async def sleep(self, seconds: float) -> None:
        """Sleep on the running event loop."""
        await asyncio.sleep(seconds)


@cache
def _boot_id() -> str:
    try:
        return _BOOT_ID.read_text("ascii").strip()
    except OSError:
        return "unknown"


def elapsed_us(start: str, end: str) -> int:
    """Microseconds from one timestamp to another; 0 where the wall clock was set back in between."""
    span = datetime.fromisoformat(end) - datetime.fromisoformat(start)
    return max(0, (span.days * 86_400 + span.seconds) * 1_000_000 + span.microseconds)


def timestamp(moment: datetime) -> str:
    """The one textual form of an aware moment, in UTC: `2026-01-31T12:00:00.000000Z`, which sorts as time does."""
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    text = _ENCODE(moment).decode()
    return text[1:-1] if moment.microsecond else f"{text[1:20]}.000000Z"
