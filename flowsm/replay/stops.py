"""What a motion through a history stops at: breakpoints, which look at events, and watches, which look at states."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from typing import Final, Literal, get_args

import msgspec

from flowsm.errors import UsageError
from flowsm.events.envelope import Recorded
from flowsm.events.facts import FACTS, TaskCompleted, TaskSkipped, TaskStarted, TaskTimedOut
from flowsm.machine.compile import FlowMachine
from flowsm.machine.state import ExecutionState
from flowsm.replay.difference import Change
from flowsm.replay.history import Step
from flowsm.replay.paths import StatePath, change_of, hint, parse_path

__all__ = ["Breakpoint", "BreakpointKind", "Hit", "Watch", "breakpoint_of", "outcome_of", "watch_of"]

BreakpointKind = Literal["task", "type", "outcome"]
_WILD: Final = frozenset("*?[")
_STATUSES: Final = ("success", "failure", "skipped")
_TYPES: Final = tuple(fact.TYPE for fact in FACTS)


class Breakpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Events to stop at; `pattern` is a name, or has `*`, `?` and `[…]` in it.

    `task`: an attempt of that begins, or it is skipped; `type`: the event's type; `outcome`: an attempt ends with it.
    """

    number: int
    kind: BreakpointKind
    pattern: str

    def matches(self, event: Recorded) -> bool:
        """Whether a motion stops at this event."""
        if self.kind == "type":
            found: str | None = event.type
        elif self.kind == "task":
            found = event.fact.task if isinstance(event.fact, TaskStarted | TaskSkipped) else None
        else:
            found = outcome_of(event)
        return found is not None and _fits(found, self.pattern)


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """A place in the state: motions stop at the events that change what is there."""

    number: int
    path: StatePath

    def change(self, step: Step) -> Change | None:
        """What the event changed there; None where it did not."""
        before = self.path.look(step.before)
        return change_of(self.path, before, self.path.look(step.after))


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """A breakpoint, or a watch with what changed, at the event where a motion stopped."""

    at: Breakpoint | Watch
    change: Change | None = None


def breakpoint_of(
    machine: FlowMachine, number: int, kind: str, pattern: str, last: Callable[[], ExecutionState]
) -> Breakpoint:
    """A breakpoint that could be met.

    Args:
        machine: the machine whose tasks, and the outcomes that its conditions want, are known.
        number: by which it is deleted.
        kind: task, type or outcome.
        pattern: a name, or a pattern of names.
        last: gives the latest state, whose results may have outcomes that no condition wants.

    Raises:
        UsageError: there is no such kind, or no such name; with the nearest one. An outcome that is a pattern is never
            refused: tasks may give any.
    """
    kinds: tuple[BreakpointKind, ...] = get_args(BreakpointKind)
    chosen = next((one for one in kinds if one == kind), None)
    if chosen is None:
        raise UsageError(f"expected break task NAME, type TYPE or outcome OUTCOME, found {kind!r}{hint(kind, kinds)}")
    known = {"task": tuple(machine.tasks), "type": _TYPES, "outcome": _outcomes(machine)}[chosen]
    if chosen == "outcome" and pattern not in known:
        given = (result.outcome for result in last().results.values())
        known = (pattern,) if _WILD & set(pattern) else tuple(dict.fromkeys((*known, *given)))
    if pattern not in known and not any(fnmatchcase(name, pattern) for name in known):
        what = {"task": "task of the flow", "type": "type of event", "outcome": "outcome"}[chosen]
        raise UsageError(f"no {what} is called {pattern!r}{hint(pattern, known)}")
    return Breakpoint(number=number, kind=chosen, pattern=pattern)


def watch_of(machine: FlowMachine, number: int, text: str) -> Watch:
    """A watch of a path.

    Raises:
        UsageError: it is no path, or none that a state could have.
    """
    path = parse_path(machine, text)
    if not path.tokens:
        raise UsageError("expected a path to watch, such as results.fetch.data.total")
    return Watch(number=number, path=path)


def outcome_of(event: Recorded) -> str | None:
    """The outcome that an attempt ended with at this event; None where none did."""
    fact = event.fact
    if isinstance(fact, TaskCompleted):
        return fact.outcome
    if isinstance(fact, TaskTimedOut):
        return "failure"
    return "skipped" if isinstance(fact, TaskSkipped) else None


def _outcomes(machine: FlowMachine) -> tuple[str, ...]:
    wanted: Iterable[str] = (condition.outcome for condition in machine.flow.conditions)
    return tuple(dict.fromkeys((*_STATUSES, *wanted)))


def _fits(name: str, pattern: str) -> bool:
    return name == pattern or fnmatchcase(name, pattern)
