"""`verify` names the first wrong event of a stream, and what became of it, wherever in the stream it is."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fast_folder import fast_folder

from flowsm import FlowManager, TaskContext, TaskFactory, TaskResult, TaskStatus
from flowsm.log.chain import GENESIS, event_digest

CASES = 200
COLUMNS = "position, stream, seq, type, version, at, data, digest"
PUT = f"INSERT INTO events ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
FLOW = {
    "id": "f",
    "name": "F",
    "start_task": "a",
    "tasks": [{"name": "a", "task_type": "play"}, {"name": "b", "task_type": "play"}],
    "conditions": [
        {"source_task": "a", "target_task_success": "b"},
        {"source_task": "b", "outcome": "again", "target_task_success": "a"},
    ],
}
Row = tuple[Any, ...]


class Damaged:
    """A file whose events are changed from outside, and put back."""

    def __init__(self, path: Path, chance: random.Random) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.chance = chance
        for (trigger,) in self.connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            self.connection.execute(f"DROP TRIGGER {trigger}")

    def rows(self, stream: str) -> list[Row]:
        found = self.connection.execute(f"SELECT {COLUMNS} FROM events WHERE stream = ? ORDER BY seq", (stream,))
        return found.fetchall()

    def put(self, stream: str, rows: list[Row]) -> None:
        """Let the stream have these events and no others."""
        self.connection.execute("BEGIN IMMEDIATE")
        self.connection.execute("DELETE FROM events WHERE stream = ?", (stream,))
        self.connection.executemany(PUT, rows)
        self.connection.execute("COMMIT")

    def flipped(self, value: Any) -> Any:
        """Another value of the same kind that differs in one byte."""
        if isinstance(value, int):
            return value ^ 1
        place = self.chance.randrange(len(value))
        byte = ord(value[place])
        return (
            value[:place] + chr(next(other for other in (byte ^ 1, byte ^ 2) if 32 <= other < 127)) + value[place + 1 :]
        )


def changed(damaged: Damaged, rows: list[Row]) -> tuple[list[Row], int, str]:
    """One byte of one column of one event."""
    place = damaged.chance.randrange(len(rows))
    row = list(rows[place])
    column = damaged.chance.randrange(3, 8)
    row[column] = damaged.flipped(row[column])
    return [*rows[:place], tuple(row), *rows[place + 1 :]], place + 1, "its digest does not fit what is stored"


def missing(damaged: Damaged, rows: list[Row]) -> tuple[list[Row], int, str]:
    """One event less."""
    place = damaged.chance.randrange(len(rows))
    return [*rows[:place], *rows[place + 1 :]], place + 1, "the event is missing"


def reordered(damaged: Damaged, rows: list[Row]) -> tuple[list[Row], int, str]:
    """Two events in each other's places."""
    one, two = sorted(damaged.chance.sample(range(len(rows)), 2))
    swapped = rows.copy()
    for place, other in ((one, two), (two, one)):
        swapped[place] = (*rows[other][:2], place + 1, *rows[other][3:])
    words = f"the events are in another order: the one that was recorded here is now seq {two + 1}"
    return swapped, one + 1, words


def added(damaged: Damaged, rows: list[Row]) -> tuple[list[Row], int, str]:
    """One event more, before some other; half of the time with a digest that fits."""
    place = damaged.chance.randrange(len(rows))
    like = damaged.chance.choice(rows)
    digest = damaged.flipped(like[7])
    if damaged.chance.random() < 0.5:
        previous = rows[place - 1][7] if place else GENESIS
        digest = event_digest(previous, like[1], place + 1, like[5], (like[3], like[4], like[6].encode()))
    new = (damaged.chance.randrange(10**6, 10**9), like[1], place + 1, *like[3:7], digest)
    later = [(*row[:2], row[2] + 1, *row[3:]) for row in rows[place:]]
    words = f"an event was added here: the one that was recorded with this seq is now seq {place + 2}"
    return [*rows[:place], new, *later], place + 1, words


@pytest.fixture
async def manager() -> AsyncIterator[FlowManager]:
    tasks = TaskFactory()

    @tasks.task("play")
    def play(context: TaskContext) -> Any:

        again = context.task_name == "b" and context.visit < context.input
        return TaskResult(status=TaskStatus.SUCCESS, outcome="again" if again else None, data={"visit": context.visit})

    with fast_folder() as folder:
        async with FlowManager(folder / "flowsm.db", tasks=tasks, durability="normal") as made:
            yield made


@pytest.mark.parametrize("damage", [changed, missing, reordered, added])
async def test_the_first_wrong_event_is_named(
    manager: FlowManager, damage: Callable[[Damaged, list[Row]], tuple[list[Row], int, str]]
) -> None:
    """Whichever event it is, its seq is told, and whether it was changed, is missing, was added, or changed places."""
    streams = [(await manager.run(FLOW, rounds)).execution_id for rounds in (1, 3, 12)]
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    damaged = Damaged(Path(manager._log.path), random.Random(seed))
    with closing(damaged.connection):
        for _ in range(CASES):
            stream = damaged.chance.choice(streams)
            rows = damaged.rows(stream)
            wrong, seq, words = damage(damaged, rows)
            damaged.put(stream, wrong)
            problem = (await manager.verify(stream)).problems[0]
            assert (problem.stream, problem.seq, problem.message) == (stream, seq, words)
            damaged.put(stream, rows)
        assert (await manager.verify()).ok
