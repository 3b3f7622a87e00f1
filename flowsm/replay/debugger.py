"""The debugger's core: a place in a history, moved forth and back, and what it stops at. It executes nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, Literal, TypeVar

import msgspec

from flowsm.definition.pointer import MISSING
from flowsm.errors import UsageError
from flowsm.events.envelope import Recorded
from flowsm.events.facts import (
    TaskCompleted,
    TaskInterrupted,
    TaskSkipped,
    TaskStarted,
    TaskTimedOut,
    TransitionTaken,
)
from flowsm.machine.compile import FlowMachine
from flowsm.machine.state import ExecutionState
from flowsm.replay.history import History, Step
from flowsm.replay.paths import parse_path
from flowsm.replay.stops import Breakpoint, Hit, Watch, breakpoint_of, watch_of

__all__ = ["Debugger", "Stop"]

_BEGINS = (TaskStarted, TaskSkipped)
_ENDS = (TaskCompleted, TaskTimedOut, TaskInterrupted, TaskSkipped)
_Until = Callable[[Recorded], bool]
_Made = TypeVar("_Made")
_Place = tuple[Recorded, Step | None]


class Stop(msgspec.Struct, frozen=True, kw_only=True):
    """Where a motion stopped, and why.

    `why`: `arrived` where the motion goes; `hit` at breakpoints or watches, before that or just there; `end` or
    `beginning` of the history. `came_from` is where it began.
    """

    seq: int
    came_from: int
    why: Literal["arrived", "hit", "end", "beginning"]
    hits: tuple[Hit, ...] = ()

    @property
    def moved(self) -> bool:
        """Whether it is another place now."""
        return self.seq != self.came_from


class Debugger:
    """A place in a history, `seq`: after that event, 0 being before the first.

    A motion in either direction stops at the same events: those that a breakpoint matches, and those that changed what
    a watch looks at. It may raise what `History.state_at` raises; then one is where one was.

    Raises:
        UsageError: there is no such event.
    """

    def __init__(self, history: History, seq: int = 0) -> None:
        self.history = history
        self.seq = 0
        self.breakpoints: dict[int, Breakpoint] = {}
        self.watches: dict[int, Watch] = {}
        self._numbered = 0
        if seq:
            self.goto(seq)

    # -- what is here --------------------------------------------------------------------------

    @property
    def state(self) -> ExecutionState:
        """The whole state here."""
        return self.history.state_at(self.seq)

    @property
    def event(self) -> Recorded | None:
        """The event that led here; None before the first."""
        return self.history.event(self.seq) if self.seq else None

    @property
    def machine(self) -> FlowMachine:
        """The machine of the flow that the execution runs here."""
        return self.history.machine_at(self.seq)

    def look(self, path: str) -> Any:
        """What stands at a path of the state here, as JSON data; `MISSING` where nothing does.

        Raises:
            UsageError: it is no path, or none that a state could have.
        """
        found = self._in_any(lambda machine: parse_path(machine, path)).look(self.state)
        return found if found is MISSING else msgspec.to_builtins(found)

    # -- what it stops at ----------------------------------------------------------------------

    def add_break(self, kind: str, pattern: str) -> Breakpoint:
        """Stop at a `task`, `type` or `outcome`; see `breakpoint_of`."""
        history, number = self.history, self._numbered + 1
        made = self._in_any(
            lambda machine: breakpoint_of(machine, number, kind, pattern, lambda: history.state_at(history.last))
        )
        self._numbered += 1
        self.breakpoints[made.number] = made
        return made

    def add_watch(self, path: str) -> Watch:
        """Stop where what stands at a path changes; see `watch_of`."""
        made = self._in_any(lambda machine: watch_of(machine, self._numbered + 1, path))
        self._numbered += 1
        self.watches[made.number] = made
        return made

    def _in_any(self, make: Callable[[FlowMachine], _Made]) -> _Made:
        """What is made of the names of the flow here, or of the version that came first, or last."""
        here = self.machine
        try:
            return make(here)
        except UsageError:
            for seq in (self.history.last, 0):
                other = self.history.machine_at(seq)
                if other is not here:
                    with contextlib.suppress(UsageError):
                        return make(other)
            raise

    def delete(self, number: int | None = None) -> None:
        """Forget a breakpoint or a watch, or all of them.

        Raises:
            UsageError: there is none of that number.
        """
        if number is None:
            self.breakpoints.clear()
            self.watches.clear()
        elif self.breakpoints.pop(number, None) is None and self.watches.pop(number, None) is None:
            raise UsageError(f"there is no breakpoint or watch {number}")

    # -- motions -------------------------------------------------------------------------------

    def step(self) -> Stop:
        """One event on."""
        return self._move(self._ahead(), lambda _: True, "end")

    def reverse_step(self) -> Stop:
        """One event back."""
        return self._move(self._back(), lambda _: True, "beginning")

    def next(self) -> Stop:
        """On to the end of an attempt: the present one, or the next; a skipped task counts as one."""
        return self._move(self._ahead(), lambda event: isinstance(event.fact, _ENDS), "end")

    def reverse_next(self) -> Stop:
        """Back to the beginning of an attempt: the present one, or the one before; a skipped task counts as one."""
        return self._move(self._back(), lambda event: isinstance(event.fact, _BEGINS), "beginning")

    def continue_(self) -> Stop:
        """On to a breakpoint, a watch that changes, or the end."""
        if not (self.breakpoints or self.watches):
            return self._arrive(self.history.last, "end")
        return self._move(self._ahead(), None, "end")

    def reverse_continue(self) -> Stop:
        """Back to a breakpoint, a watch that changes, or the beginning."""
        if not (self.breakpoints or self.watches):
            return self._arrive(0, "beginning")
        return self._move(self._back(), None, "beginning")

    def finish(self) -> Stop:
        """On to the transition that leaves the task in which it stands.

        Raises:
            UsageError: it stands in none.
        """
        if self.state.current_task is None:
            raise UsageError("there is no visit to finish: it stands in no task here; `next` goes to one")
        return self._move(self._ahead(), lambda event: isinstance(event.fact, TransitionTaken), "end")

    def goto(self, seq: int) -> Stop:
        """To the place after an event, 0 being before the first.

        Raises:
            UsageError: there is no such event.
        """
        return self._arrive(seq, "arrived")

    # -- how it moves --------------------------------------------------------------------------

    def _ahead(self) -> Iterator[_Place]:
        """The events from here to the last; with their states where a watch needs them."""
        if self.watches:
            for step in self.history.steps(self.seq):
                yield step.event, step
        else:
            for seq in range(self.seq + 1, self.history.last + 1):
                yield self.history.event(seq), None

    def _back(self) -> Iterator[_Place]:
        """The events before the one here, to the first; likewise."""
        if self.watches:
            for step in self.history.steps_back(self.seq - 1):
                yield step.event, step
        else:
            for seq in range(self.seq - 1, 0, -1):
                yield self.history.event(seq), None

    def _move(self, places: Iterator[_Place], until: _Until | None, edge: Literal["end", "beginning"]) -> Stop:
        """Go along these events until one is arrived at, or hit, or there are no more."""
        for event, step in places:
            hits = self._hits(event, step)
            if hits or (until is not None and until(event)):
                return self._arrive(event.seq, "hit" if hits else "arrived", hits)
        if edge == "end":
            return self._arrive(self.history.last, edge)
        return self._arrive(0, edge)

    def _hits(self, event: Recorded, step: Step | None) -> tuple[Hit, ...]:
        hits = [Hit(at=one) for one in self.breakpoints.values() if one.matches(event)]
        for watch in self.watches.values() if step is not None else ():
            change = watch.change(step) if step is not None else None
            if change is not None:
                hits.append(Hit(at=watch, change=change))
        return tuple(sorted(hits, key=lambda hit: hit.at.number))

    def _arrive(self, seq: int, why: Literal["arrived", "hit", "end", "beginning"], hits: tuple[Hit, ...] = ()) -> Stop:
        self.history.state_at(seq)  # what has no state is no place to be: the error leaves it where it was
        stop = Stop(seq=seq, came_from=self.seq, why=why, hits=hits)
        self.seq = seq
        return stop
