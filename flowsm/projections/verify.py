"""verify: is the log whole, is every event legal, and do the stored rows follow from it?

It reads page by page while work goes on; a stream's last events and its rows are read in one transaction.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any, Final

import msgspec

from flowsm.errors import ExecutionNotFound, LogBroken
from flowsm.ids import SYSTEM_STREAM
from flowsm.limits import PROBLEMS_MAX, REFOLD_PAGE_EVENTS, REFOLD_PAGE_STREAMS
from flowsm.log.port import Increment, LogView, RowStore
from flowsm.projections.project import ENDED_TASK
from flowsm.projections.queries import AttemptRow, ExecutionRow
from flowsm.projections.refold import Folded, Problem, Refold
from flowsm.storage.statements import load_statements

__all__ = ["VerifyReport", "typed", "verify"]

_SQL: Final = load_statements("flowsm.projections", "sql", "verify.sql")
_EXECUTION: Final = ExecutionRow.__struct_fields__
_ATTEMPT: Final = AttemptRow.__struct_fields__
_STRAYS: Final = {
    "stray_events": "has events, but no row in `streams`",
    "stray_executions": "has a row in `executions`, but is not in the log",
    "stray_attempts": "has rows in `attempts`, but is not in the log",
}
_VALUE_MAX_CHARS: Final = 60


class VerifyReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a verification found.

    `problems` holds the first 200 of `problem_count`. `statistics_checked` is whether the sums over all executions
    were compared: not for one execution, not when events that they come from cannot be read, nor when some were purged
    meanwhile.
    """

    streams: int
    events: int
    problem_count: int
    problems: tuple[Problem, ...]
    statistics_checked: bool

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return self.problem_count == 0


async def verify(store: RowStore, execution_id: str | None = None, *, unlisted: Collection[str] = ()) -> VerifyReport:
    """Check all streams and their rows, or one; those that are `unlisted` are to have no row of their own.

    Raises:
        ExecutionNotFound: there is no trace of that execution.
        LogUnavailable: the file cannot be read.
    """
    check = _Check(store, unlisted)
    if execution_id is None:
        await check.everything()
    else:
        await check.one(execution_id)
    return check.report()


class _Check:
    """One verification under way."""

    def __init__(self, store: RowStore, unlisted: Collection[str]) -> None:
        self._store = store
        self._unlisted = unlisted
        self._refold = Refold(0)
        self._streams = 0
        self._events = 0
        self._problems: list[Problem] = []
        self._problem_count = 0
        self._expected: dict[Any, tuple[Any, ...]] = {}
        self._position = 0
        self._sums: dict[tuple[str, ...], tuple[int, ...]] = {}
        self._unreadable = 0
        self._purged_until = 0
        self._statistics_checked = False

    # -- what is checked ---------------------------------------------------------------------

    async def one(self, stream: str) -> None:
        """One stream, and its rows."""
        known = await self._store.look(partial(_is_known, stream=stream))
        if not known:
            raise ExecutionNotFound(stream)
        await self._check([stream])

    async def everything(self) -> None:
        """All streams, their rows, the statistics, and what belongs to no stream."""
        base, last_position, last_stream, self._purged_until = await self._store.look(_present)
        if last_position > base:
            self._report("", 0, f"the log's head is at position {base}, its last event at {last_position}")
        self._refold = Refold(base)
        after = 0
        while after < last_stream:
            found = await self._store.look(partial(_streams, after=after))
            after = found[-1][0] if found else last_stream
            await self._check([stream for _, stream in found])
        await self._check_statistics(base)
        for name, sentence in _STRAYS.items():
            await self._check_strays(name, sentence)

    def report(self) -> VerifyReport:
        """What was found."""
        return VerifyReport(
            streams=self._streams,
            events=self._events,
            problem_count=self._problem_count,
            problems=tuple(self._problems),
            statistics_checked=self._statistics_checked,
        )

    # -- streams -----------------------------------------------------------------------------

    async def _check(self, streams: Sequence[str]) -> None:
        queue = deque(streams)
        while queue:
            await self._store.look(partial(self._page, queue))

    def _page(self, queue: deque[str], view: LogView) -> None:
        """The next streams, up to some hundred events; a stream's rows are compared where its events end."""
        room = REFOLD_PAGE_EVENTS
        while queue and room > 0:
            folded = self._refold.read_on(view, queue[0], limit=room)
            room -= len(folded.events) + 1
            self._take(view, folded)
            if folded.done:
                queue.popleft()
                self._streams += 1
                self._end(view, folded)

    def _take(self, view: LogView, folded: Folded) -> None:
        """Count a page's events, and keep what should be in the rows."""
        self._events += folded.fresh
        for event in folded.events:
            if event.position <= self._position:
                self._report(event.stream, event.seq, f"its position {event.position} is not after its predecessor's")
            self._position = event.position
            if getattr(event.fact, "stored", None):
                try:
                    view.check_payloads(event)
                except LogBroken as error:
                    self._report(event.stream, event.seq, error.reason)
        for row in folded.rows:
            if isinstance(row, Increment):
                self._add(row)
            else:
                self._expected[row.key] = row.params

    def _end(self, view: LogView, folded: Folded) -> None:
        """Compare the rows of a stream that was read to its end."""
        expected, self._expected = self._expected, {}
        self._position = 0
        stream = folded.state.stream
        if folded.problem is not None:
            self._unreadable += 1
            self._report_problem(folded.problem)
            return
        if folded.state.seq and self._is_gone(view, stream):
            return  # purged meanwhile; whether rows were left behind is asked later
        self._compare_head(view, stream)
        row = folded.execution_row() if stream not in self._unlisted else None
        stored = view.execute(_SQL["execution"], {"stream": stream})
        self._compare("execution", _EXECUTION, stream, row.params if row else None, stored[0] if stored else None)
        attempts = {(values[0], values[1]): values for values in view.execute(_SQL["attempts"], {"stream": stream})}
        for key in sorted(expected.keys() | attempts.keys(), key=typed):
            self._compare("attempt", _ATTEMPT, stream, expected.get(key), attempts.get(key))

    def _is_gone(self, view: LogView, stream: str) -> bool:
        return view.head(stream) is None and not view.execute(_SQL["last_event"], {"stream": stream})

    def _compare_head(self, view: LogView, stream: str) -> None:
        head = view.head(stream)
        last = view.execute(_SQL["last_event"], {"stream": stream})
        if head is None and last:
            self._report(stream, 0, _STRAYS["stray_events"])
        elif head is not None and last and (head.seq, head.digest) != last[0]:
            self._report(stream, last[0][0], f"`streams` has it at seq {head.seq}, its last event is at {last[0][0]}")

    def _compare(
        self,
        kind: str,
        names: Sequence[str],
        stream: str,
        expected: Sequence[Any] | None,
        stored: Sequence[Any] | None,
    ) -> None:
        """Report what differs between the row that follows from the events and the one that is stored."""
        if expected is None and stored is None:
            return
        row = expected or stored or ()
        place = row[1] if kind == "attempt" else row[names.index("seq")]
        what = f"the row of the {kind}" + (f" started at seq {place}" if kind == "attempt" else "")
        if stored is None:
            self._report(stream, place, f"{what} is missing")
        elif expected is None:
            self._report(stream, place, f"{what} follows from no event")
        else:
            for name, wanted, found in zip(names, expected, stored, strict=True):
                if wanted != found or type(wanted) is not type(found):
                    self._report(
                        stream, place, f"{what} has {name} {_shown(found)}, by its events it is {_shown(wanted)}"
                    )

    # -- statistics --------------------------------------------------------------------------

    def _add(self, row: Increment) -> None:
        sums = self._sums.get(row.key)
        self._sums[row.key] = row.amounts if sums is None else tuple(map(int.__add__, sums, row.amounts))

    async def _check_statistics(self, base: int) -> None:
        """Count what came meanwhile, up to one moment, and compare with the rows of that moment."""
        if self._unreadable > 0:
            return
        touched, stored, purged_until = await self._store.look(
            lambda view: (view.touched(base), view.execute(_SQL["statistics"]), _last_purge(view))
        )
        if purged_until != self._purged_until:
            return  # what was counted may be in the purge's share as well
        self._refold.catch_up()
        queue = deque(touched)
        while queue:
            await self._store.look(partial(self._count, queue))
        if self._unreadable > 0:
            return
        self._statistics_checked = True
        found: Mapping[tuple[str, ...], tuple[int, ...]] = {
            (flow, task, outcome): (count, duration_us) for flow, task, outcome, count, duration_us in stored
        }
        for key in sorted(self._sums.keys() | found.keys(), key=typed):
            self._compare_sums(key, self._sums.get(key), found.get(key))

    def _count(self, queue: deque[tuple[str, int]], view: LogView) -> None:
        room = REFOLD_PAGE_EVENTS
        while queue and room > 0:
            stream, upto = queue[0]
            folded = self._refold.read_on(view, stream, limit=room, upto=upto)
            room -= len(folded.events) + 1
            for row in folded.rows:
                if isinstance(row, Increment):
                    self._add(row)
            if folded.problem is not None:
                self._unreadable += 1
                self._report_problem(folded.problem)
            if folded.done:
                queue.popleft()

    def _compare_sums(
        self, key: tuple[str, ...], expected: tuple[int, ...] | None, stored: tuple[int, ...] | None
    ) -> None:
        if expected == stored:
            return
        flow, task, outcome = key
        what = f"ends of flow {flow!r}" if task == ENDED_TASK else f"attempts of task {task!r} of flow {flow!r}"
        self._report(
            "",
            0,
            f"the statistics of {what} in {outcome!r} are {_sums(stored)}, by the events they are {_sums(expected)}",
        )

    # -- strays ------------------------------------------------------------------------------

    async def _check_strays(self, name: str, sentence: str) -> None:
        """Look for what belongs to no stream, page by page."""
        after = ""
        while True:
            found = await self._store.look(partial(_strays, name=name, after=after))
            for stream, known in found:
                if not known:
                    self._report(stream, 0, sentence)
            if not found:
                return
            after = found[-1][0]

    def _report(self, stream: str, seq: int, message: str) -> None:
        self._report_problem(Problem(stream=stream, seq=seq, message=message))

    def _report_problem(self, problem: Problem) -> None:
        self._problem_count += 1
        if len(self._problems) < PROBLEMS_MAX:
            self._problems.append(problem)


def _is_known(view: LogView, stream: str) -> bool:
    parameters = {"stream": stream}
    return (
        view.head(stream) is not None
        or bool(view.execute(_SQL["last_event"], parameters))
        or bool(view.execute(_SQL["execution"], parameters))
    )


def _streams(view: LogView, *, after: int) -> list[tuple[int, str]]:
    return view.streams(after, REFOLD_PAGE_STREAMS)


def _strays(view: LogView, *, name: str, after: str) -> list[tuple[str, int]]:
    return [
        (stream, known) for stream, known in view.execute(_SQL[name], {"after": after, "limit": REFOLD_PAGE_STREAMS})
    ]


def _present(view: LogView) -> tuple[int, int, int, int]:
    """The log's head, the last event's position, the last stream's number, and the last purge's position."""
    ((last_position,),) = view.execute(_SQL["last_position"])
    ((last_stream,),) = view.execute(_SQL["last_stream"])
    return view.position(), last_position or 0, last_stream, _last_purge(view)


def _last_purge(view: LogView) -> int:
    ((position,),) = view.execute(_SQL["last_purge"], {"stream": SYSTEM_STREAM})
    return position or 0


def typed(key: tuple[Any, ...]) -> list[tuple[str, Any]]:
    """A row's key, to be sorted by: what is damaged may be of any type."""
    return [(type(part).__name__, part) for part in key]


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _VALUE_MAX_CHARS else text[: _VALUE_MAX_CHARS - 1] + "…"


def _sums(amounts: tuple[int, ...] | None) -> str:
    return "missing" if amounts is None else f"{amounts[0]} in {amounts[1]} µs"
