"""A log that dies at an append, before or after its commit, and leaves its files to the next life."""

from __future__ import annotations

import asyncio
import itertools
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn, TypeAlias

from flowsm.events.facts import Fact
from flowsm.log.port import Append, Appended

__all__ = ["CrashPoint", "Mortal", "ProcessEnded", "bury", "points"]

Side: TypeAlias = Literal["before", "after"]


@dataclass(frozen=True)
class CrashPoint:
    """The append (1, 2, …) of a life at which it ends, and on which side of the commit."""

    append: int
    side: Side


class ProcessEnded(BaseException):
    """What a call that cannot wait raises when the process has ended: it is to reach nobody but who made the call."""


class Mortal:
    """Takes the place of a log's ways to write, counts the appends, and dies at one of them.

    Args:
        log: is written to by nobody else.
    """

    def __init__(self, log: Any) -> None:
        self._append, self._append_sync, self._append_after = log.append, log.append_sync, log.append_after
        self._write = log.write
        log.append, log.append_sync, log.append_after = self.append, self.append_sync, self.append_after
        log.write = self.write
        self._point: CrashPoint | None = None
        self.appends = 0
        self.ended = asyncio.Event()
        self.last: tuple[Fact, ...] = ()
        """What is in the append that was made last; nothing of a task's transaction, which is decided inside it."""

    async def alive(self) -> None:
        """Return unless the process has ended: whatever it read meanwhile, it does nothing more."""
        if self.ended.is_set():
            await asyncio.Event().wait()

    def dies_at(self, point: CrashPoint | None) -> None:
        """Count from here on, and die at this point."""
        self._point, self.appends = point, 0

    async def append(self, batch: Append) -> Appended:
        """Record, unless the process ends before; answer, unless it ends before that."""
        self.last = batch.facts
        await self._go_on("before")
        appended: Appended = await self._append(batch)
        await self._go_on("after")
        return appended

    def append_sync(self, batch: Append) -> Appended:
        """The same for a caller that cannot wait."""
        if self._ends("before"):
            self._end()
        appended: Appended = self._append_sync(batch)
        if self._ends("after"):
            self._end()
        return appended

    async def append_after(self, gate: Append, guarded: Any) -> Appended:
        """The same for what a task does in the transaction that records its result."""
        self.last = ()
        await self._go_on("before")
        appended: Appended = await self._append_after(gate, guarded)
        await self._go_on("after")
        return appended

    async def write(self, function: Any) -> Any:
        """Other writes are no crash points, but nothing is written after the end either."""
        await self.alive()
        return await self._write(function)

    def _ends(self, side: Side) -> bool:
        if side == "before":
            self.appends += 1
        return self.ended.is_set() or self._point == CrashPoint(self.appends, side)

    async def _go_on(self, side: Side) -> None:
        if self._ends(side):
            self.ended.set()
            await asyncio.Event().wait()

    def _end(self) -> NoReturn:
        self.ended.set()
        raise ProcessEnded


def points() -> Iterator[CrashPoint]:
    """All crash points, in order; it is for the caller to see that a life ended before its point."""
    for append in itertools.count(1):
        yield CrashPoint(append, "before")
        yield CrashPoint(append, "after")


def bury(old: Path, new: Path, endings: Sequence[str] = ("", "-wal")) -> None:
    """Give the next life a log's files as they are now, while the dead one's connections are still open."""
    for ending in endings:
        left = old.with_name(old.name + ending)
        if left.exists():
            shutil.copy(left, new.with_name(new.name + ending))
