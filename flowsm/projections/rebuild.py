"""rebuild: the projections' rows once more, from nothing but the log, while work goes on.

The tables of a new generation are filled in small transactions; then, in one transaction, what was appended meanwhile
is added and the new generation comes into use. Until then nothing of it is seen, so a rebuild may die at any moment.
Of two rebuilds the one that was begun later goes on.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import Final

import msgspec

from flowsm.errors import RebuildSuperseded
from flowsm.limits import (
    PROBLEMS_MAX,
    REBUILD_DROP_ROWS,
    REBUILD_ROUNDS_MAX,
    REFOLD_PAGE_EVENTS,
    REFOLD_PAGE_STREAMS,
)
from flowsm.log.port import Increment, LogView, RowChange, RowStore
from flowsm.projections.refold import Problem, Refold
from flowsm.projections.tables import TABLES, VIEWS
from flowsm.storage.migrations import split_script
from flowsm.storage.statements import load_statements

__all__ = ["RebuildReport", "rebuild"]

_Row = RowChange | Increment
_SQL: Final = load_statements("flowsm.projections", "sql", "rebuild.sql")
_TABLE: Final = re.compile(r"(executions|attempts|statistics)_([1-9][0-9]*)")


class RebuildReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a rebuild did.

    `generation` is the number of the tables now in use. `problems` are the streams whose events cannot all be folded
    (at most 200 of them): their rows show what came before. `streams` and `events` count what was folded.
    """

    generation: int
    streams: int
    events: int
    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        """Whether every stream could be folded to its end."""
        return not self.problems


async def rebuild(store: RowStore) -> RebuildReport:
    """Fill new tables from the log, and put them into use.

    Raises:
        RebuildSuperseded: another rebuild was begun meanwhile.
        LogUnavailable: the file cannot be read or written; the rows in use are as before.
    """
    generation = await store.change(_begin)
    await _drop_tables(store, generation)
    run = _Rebuild(store, generation, *await store.look(_present))
    await run.fill()
    await run.catch_up()
    await run.finish()
    await _drop_tables(store, generation)
    return run.report()


class _Rebuild:
    """One rebuild under way."""

    def __init__(self, store: RowStore, generation: int, position: int, last_stream: int) -> None:
        self._store = store
        self._generation = generation
        self._position = position
        self._last_stream = last_stream
        self._refold = Refold(position)
        self._page_events = REFOLD_PAGE_EVENTS
        self._streams = 0
        self._events = 0
        self._problems: dict[str, Problem] = {}

    async def fill(self) -> None:
        """Fold all streams that are there, page by page."""
        after = 0
        while after < self._last_stream:
            found = await self._store.look(partial(_streams, after=after))
            after = found[-1][0] if found else self._last_stream
            await self._fold([stream for _, stream in found])

    async def catch_up(self) -> None:
        """Fold what was appended meanwhile, until little is left.

        The pages grow from round to round, so that it outruns whatever is appended between two of them.
        """
        self._refold.catch_up()
        for _ in range(REBUILD_ROUNDS_MAX):
            position, touched = await self._store.look(partial(_touched, position=self._position))
            if position - self._position <= self._page_events:
                return
            self._page_events *= 2
            await self._fold([stream for stream, _ in touched])
            self._position = position

    async def finish(self) -> None:
        """Fold the rest and switch, while appends wait."""
        await self._store.change(self._switch)

    def report(self) -> RebuildReport:
        """What was done."""
        return RebuildReport(
            generation=self._generation,
            streams=self._streams,
            events=self._events,
            problems=tuple(self._problems.values()),
        )

    async def _fold(self, streams: Sequence[str]) -> None:
        queue = deque(streams)
        while queue:
            rows = await self._store.look(partial(self._page, queue))
            await self._store.change(partial(self._put, rows))

    def _page(self, queue: deque[str], view: LogView) -> list[_Row]:
        """The rows of the next streams, up to some hundred events."""
        rows: list[_Row] = []
        room = self._page_events
        while queue and room > 0:
            folded = self._refold.read_on(view, queue[0], limit=room)
            rows += folded.rows
            room -= len(folded.events) + 1
            self._events += folded.fresh
            self._streams += folded.begins
            if not folded.done:
                continue
            stream = queue.popleft()
            row = folded.execution_row()
            if row is not None:
                rows.append(row)
            if folded.problem is not None and len(self._problems) < PROBLEMS_MAX:
                self._problems[stream] = folded.problem
        return rows

    def _put(self, rows: Sequence[_Row], view: LogView) -> None:
        _check(view, self._generation)
        view.put(rows, generation=self._generation)

    def _switch(self, view: LogView) -> None:
        _check(view, self._generation)
        queue = deque(stream for stream, _ in view.touched(self._position))
        while queue:
            view.put(self._page(queue, view), generation=self._generation)
        for statement in split_script(VIEWS):
            view.execute(statement, generation=self._generation)
        view.execute(_SQL["switch"], generation=self._generation)
        view.execute(_SQL["end"])


def _begin(view: LogView) -> int:
    """Create the tables of a new generation, whose number was not used before."""
    begun = [number for (number,) in view.execute(_SQL["begun"])]
    generation: int = max([view.generation, *begun, *_generations(view)]) + 1
    for statement in split_script(TABLES):
        view.execute(statement, generation=generation)
    view.execute(_SQL["begin"], generation=generation)
    return generation


def _check(view: LogView, generation: int) -> None:
    """Raise `RebuildSuperseded` unless this is the rebuild that was begun last."""
    if view.execute(_SQL["begun"]) != [(generation,)]:
        raise RebuildSuperseded(generation)


def _present(view: LogView) -> tuple[int, int]:
    ((last_stream,),) = view.execute(_SQL["last_stream"])
    return view.position(), last_stream


def _streams(view: LogView, *, after: int) -> list[tuple[int, str]]:
    return view.streams(after, REFOLD_PAGE_STREAMS)


def _touched(view: LogView, *, position: int) -> tuple[int, list[tuple[str, int]]]:
    return view.position(), view.touched(position)


def _generations(view: LogView) -> set[int]:
    """The generations that have tables."""
    found = (_TABLE.fullmatch(name) for (name,) in view.execute(_SQL["tables"]))
    return {int(match[2]) for match in found if match}


async def _drop_tables(store: RowStore, generation: int) -> None:
    """Let go of all tables of generations before this one that are not in use, a little at a time."""
    while await store.change(partial(_drop_some, generation=generation)):
        pass


def _drop_some(view: LogView, *, generation: int) -> bool:
    """Empty one table by some rows, or drop it when it is empty; False when none is left."""
    for (name,) in view.execute(_SQL["tables"]):
        match = _TABLE.fullmatch(name)
        if match is None or int(match[2]) == view.generation or int(match[2]) >= generation:
            continue
        number = int(match[2])
        gone = view.execute(_SQL[f"empty_{match[1]}"], {"limit": REBUILD_DROP_ROWS}, generation=number)
        if not gone:
            view.execute(f"DROP TABLE {match[0]}")
        return True
    return False
