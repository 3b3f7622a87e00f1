"""Crash points: a log that dies at an append, before or after its commit, and what must hold when it is opened again.

A life is one manager on one file, in an event loop of its own. It dies at a chosen append: that append never returns,
nothing is written any more, and the next life gets a copy of the files as they were at that moment, WAL included.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import re
import shutil
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn

import msgspec
from random_flows import HurriedClock, Key, Script

from flowsm import FlowManager
from flowsm.events.envelope import Recorded
from flowsm.log.port import Append, Appended

__all__ = ["CrashPoint", "Lives", "Mortal", "check_calls", "family", "outline", "points", "results_in", "tables"]

UNTOLD = {
    *(
        "worker",
        "duration_us",
        "due",
        "expires",
        "delay_seconds",
        "late_seconds",
        "start_at",
        "traceback",
        "signal_seq",
    ),
}
"""What of an event depends on who recorded it, and when, and where."""
_DIGEST = re.compile(":[0-9a-f]{16}(?![0-9a-f])")


@dataclass(frozen=True)
class CrashPoint:
    """The append (1, 2, …) of a life at which it ends, and on which side of the commit."""

    append: int
    side: Literal["before", "after"]


class ProcessEnded(BaseException):
    """What a call that cannot wait raises when the process has ended: it is to reach nobody but who made the call."""


class Mortal:
    """Takes the place of a manager's ways to write, counts the appends, and dies at one of them."""

    def __init__(self, manager: FlowManager) -> None:
        log: Any = manager._log
        self._append, self._append_sync, self._append_after = log.append, log.append_sync, log.append_after
        self._write = log.write
        log.append, log.append_sync, log.append_after = self.append, self.append_sync, self.append_after
        log.write = self.write
        self._point: CrashPoint | None = None
        self.appends = 0
        self.ended = asyncio.Event()

    async def alive(self) -> None:
        """Return unless the process has ended: whatever it read meanwhile, it does nothing more."""
        if self.ended.is_set():
            await asyncio.Event().wait()

    def dies_at(self, point: CrashPoint | None) -> None:
        """Count from here on, and die at this point."""
        self._point, self.appends = point, 0

    async def append(self, batch: Append) -> Appended:
        """Record, unless the process ends before; answer, unless it ends before that."""
        await self._go_on("before")
        appended = await self._append(batch)
        await self._go_on("after")
        return appended

    def append_sync(self, batch: Append) -> Appended:
        """The same for a caller that cannot wait."""
        if self._ends("before"):
            self._end()
        appended = self._append_sync(batch)
        if self._ends("after"):
            self._end()
        return appended

    async def append_after(self, gate: Append, guarded: Any) -> Appended:
        """The same for what a task does in the transaction that records its result."""
        await self._go_on("before")
        appended = await self._append_after(gate, guarded)
        await self._go_on("after")
        return appended

    async def write(self, function: Any) -> Any:
        """Other writes are no crash points, but nothing is written after the end either."""
        await self.alive()
        return await self._write(function)

    def _ends(self, side: str) -> bool:
        if side == "before":
            self.appends += 1
        return self.ended.is_set() or self._point == CrashPoint(self.appends, side)  # type: ignore[arg-type]

    async def _go_on(self, side: str) -> None:
        if self._ends(side):
            self.ended.set()
            await asyncio.Event().wait()

    def _end(self) -> NoReturn:
        self.ended.set()
        raise ProcessEnded


Work = Callable[[FlowManager, Mortal], Awaitable[None]]


@dataclass
class Lives:
    """One life after another on one file.

    Args:
        folder: where the file is.
        script: what tasks do.
        clock: the time, which goes on over all lives.
        downtime: seconds that pass between two lives.
        kept: the endings of the names of the files that a life leaves to the next.
    """

    folder: Path
    script: Script
    clock: HurriedClock
    downtime: float = 0.0
    count: int = 0
    kept: tuple[str, ...] = ("", "-wal")

    @property
    def path(self) -> Path:
        """The present file."""
        return self.folder / f"life-{self.count}.db"

    def live(self, work: Work, *, recover: bool = False) -> bool:
        """Work until it is done, or until the crash point that it chooses; whether it was done."""
        manager = FlowManager(
            self.path, tasks=self.script.tasks, durability="normal", clock=self.clock, recover=recover
        )
        mortal = Mortal(manager)
        with contextlib.suppress(ProcessEnded):
            asyncio.run(_life(manager, mortal, work))
        if not mortal.ended.is_set():
            return True
        self._bury()
        manager._log.release()
        (self.folder / f"life-{self.count - 1}.db").unlink()
        self.clock.advance(self.downtime)
        self.clock.reboot()  # the process that ended is this one, and lives: its lease must not count
        return False

    def _bury(self) -> None:
        """Give the next life the files as they are now, while the dead one's connections are still open."""
        old = self.path
        self.count += 1
        for ending in self.kept:
            left = old.with_name(old.name + ending)
            if left.exists():
                shutil.copy(left, self.path.with_name(self.path.name + ending))


async def _life(manager: FlowManager, mortal: Mortal, work: Work) -> None:
    """Work, or die: then whoever still waits is cancelled with the loop, and nobody writes."""
    working = asyncio.ensure_future(work(manager, mortal))
    ending = asyncio.ensure_future(mortal.ended.wait())
    await asyncio.wait({working, ending}, return_when=asyncio.FIRST_COMPLETED)
    if mortal.ended.is_set():
        working.add_done_callback(lambda task: task.cancelled() or task.exception())
        return
    ending.cancel()
    await working
    await manager.close()


def outline(events: Sequence[Recorded]) -> list[dict[str, Any]]:
    """What a stream tells, whoever recorded it and when, without the attempts that a crash cut off.

    Neither what was asked about those is told: of a probe, which found nothing, or of a person, who had them run again.
    """
    told: list[dict[str, Any]] = []
    names = ("task", "visit", "attempt")
    for event in events:
        data = _plain(event) | {"type": event.type}
        if event.type == "task.interrupted" and event.fact.by in {"crash", "probe"}:
            if told[-1]["type"] == "task.started" and all(told[-1][name] == data[name] for name in names):
                told.pop()
                continue
            assert events[event.seq - 2].type == "probe.started", "it interrupts what was started"
        elif event.type not in {"probe.started", "resolution.awaited", "resolution.given"}:
            told.append(data)
    return told


def _plain(event: Recorded) -> dict[str, Any]:
    """What an event says, with the names of executions as they are in every life."""
    text = json.dumps(_without(msgspec.to_builtins(event.fact)))
    root = event.stream.partition(":")[0]
    said: dict[str, Any] = json.loads(_DIGEST.sub("", text.replace(root, root.partition(".")[0])))
    return said


def _without(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without(item) for name, item in value.items() if name not in UNTOLD}
    return [_without(item) for item in value] if isinstance(value, list | tuple) else value


def results_in(events: Sequence[Recorded]) -> Counter[Key]:
    """The attempts whose code gave the results that are recorded, and how often."""
    waits = _attempts(events, "wait.started")
    results = _attempts(events, "task.completed", "task.timed_out")
    return Counter({key: times for key, times in results.items() if key not in waits})


def _attempts(events: Sequence[Recorded], *types: str) -> Counter[Key]:
    facts: list[tuple[str, Any]] = [(event.stream, event.fact) for event in events if event.type in types]
    return Counter((stream, fact.task, fact.visit, fact.attempt) for stream, fact in facts)


def check_calls(calls: Sequence[Key], events: Sequence[Recorded]) -> None:
    """Every recorded result was made, once for each time that its attempt was not interrupted, and nothing else ran."""
    called = Counter(calls)
    starts, lost = _attempts(events, "task.started"), _attempts(events, "task.interrupted")
    waits = _attempts(events, "wait.started")
    for key, times in results_in(events).items():
        assert times == 1, f"{key} has {times} results"
        assert 1 <= called[key] <= 1 + lost[key], f"{key} ran {called[key]} times, was interrupted {lost[key]} times"
    for key, times in called.items():
        assert key not in waits, f"{key} is a wait, and ran"
        assert times <= starts[key], f"{key} ran {times} times, was started {starts[key]} times"


async def tables(manager: FlowManager) -> list[list[tuple[Any, ...]]]:
    """The rows of the projections in use."""
    names = ("executions", "attempts", "statistics")
    return [await manager._log.query(f"SELECT * FROM {name}_{{g}} ORDER BY 1, 2, 3") for name in names]


async def family(manager: FlowManager, root: str) -> list[str]:
    """The ids of an execution and of all below it, as far as they exist."""
    statement = "SELECT execution_id FROM executions_{g} WHERE execution_id = :root OR (execution_id >= :a AND execution_id < :b)"
    rows = await manager._log.query(statement, {"root": root, "a": f"{root}:", "b": f"{root};"})
    return sorted(row[0] for row in rows)


def points() -> Iterator[CrashPoint]:
    """All crash points, in order; it is for the caller to see that a life ended before its point."""
    for append in itertools.count(1):
        yield CrashPoint(append, "before")
        yield CrashPoint(append, "after")
