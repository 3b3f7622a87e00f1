"""Crash points: a log that dies at an append, before or after its commit, and what must hold when it is opened again.

A life is one manager on one file, in an event loop of its own. It dies at a chosen append: that append never returns,
nothing is written any more, and the next life gets a copy of the files as they were at that moment, WAL included.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from random_flows import HurriedClock, Key, Script

from flowsm import FlowManager
from flowsm.events.envelope import Recorded
from flowsm.testing.mortal import CrashPoint, Mortal, ProcessEnded, bury, points

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
        mortal = Mortal(manager._log)
        with contextlib.suppress(ProcessEnded):
            asyncio.run(_life(manager, mortal, work))
        if not mortal.ended.is_set():
            return True
        old = self.path
        self.count += 1
        bury(old, self.path, self.kept)
        manager._log.release()
        old.unlink()
        self.clock.advance(self.downtime)
        self.clock.reboot()  # the process that ended is this one, and lives: its lease must not count
        return False


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
