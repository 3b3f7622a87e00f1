"""What the debugger's line mode shows of the place where it stands."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Any, Final

import msgspec
from rich.text import Text

from flowsm.cli.output import console_for, local_time, print_text, safe, short, status_text
from flowsm.cli.table import print_table
from flowsm.definition.pointer import MISSING
from flowsm.events.facts import TransitionTaken
from flowsm.machine.compile import ABORT, CANCEL
from flowsm.machine.state import ExecutionState
from flowsm.replay.debugger import Debugger, Stop
from flowsm.replay.decisions import Decision, decision_of
from flowsm.replay.stops import Breakpoint, Watch
from flowsm.replay.waiting import waits_for, why_asked
from flowsm.wording.facts import describe
from flowsm.wording.stops import hit_text, name_of

__all__ = [
    "print_breaks",
    "print_flow",
    "print_place",
    "print_route",
    "print_state",
    "print_stop",
    "print_tasks",
    "print_timers",
    "print_value",
]

_ROUTE_MAX: Final = 30
_AHEAD_MAX: Final = 1_000
_VALUE_LINES_MAX: Final = 100
"""On a terminal; a pipe gets everything."""


def print_stop(debugger: Debugger, stop: Stop) -> None:
    """Say why a motion stopped, and where."""
    for hit in stop.hits:
        console_for(sys.stdout).print(hit_text(hit), style="bold", soft_wrap=True)
    if stop.why in {"end", "beginning"}:
        print_text(f"the {stop.why} of the execution" + ("" if stop.moved else ": it stands there already"))
    print_place(debugger)


def print_place(debugger: Debugger) -> None:
    """One line: which event this is, and what happened."""
    event, last = debugger.event, debugger.history.last
    if event is None:
        print_text(f"0/{last}  before the first event")
        return
    line = Text.assemble(
        (f"{event.seq}/{last}", "bold"),
        (f"  {local_time(datetime.fromisoformat(event.at))}  ", "dim"),
        (safe(event.type), "cyan"),
        f"  {safe(describe(event.fact))}",
    )
    line.rstrip()
    console_for(sys.stdout).print(line, soft_wrap=True)


def print_value(value: Any) -> None:
    """One value as JSON, on lines of its own where it is an object or a list; a terminal gets the beginning."""
    if value is MISSING:
        print_text("nothing is there")
        return
    lines = msgspec.json.format(msgspec.json.encode(value), indent=2).decode().split("\n")
    more = len(lines) - _VALUE_LINES_MAX if sys.stdout.isatty() else 0
    print_text("\n".join(safe(line) for line in (lines[:_VALUE_LINES_MAX] if more > 0 else lines)))
    if more > 0:
        print_text(f"… {more} more lines: give a longer path, or --batch and a pipe")


def print_state(state: ExecutionState) -> None:
    """The state in a few lines: status, place, results."""
    console = console_for(sys.stdout)
    at = f" at {safe(state.node)} ({safe(state.phase)})" if state.current_task is not None else ""
    console.print(Text.assemble(status_text(state.status.value), at), soft_wrap=True)
    attempt = state.attempt
    if attempt is not None:
        print_text(f"visit {attempt.visit}, attempt {attempt.attempt}")
    print_text(f"{state.transitions} transitions, {state.attempts} attempts, {state.failures} failures")
    print_text(f"input: {short(state.input)}")
    for task, result in state.results.items():
        print_text(f"results.{safe(task)}.data: {short(result.data)}")


def print_tasks(debugger: Debugger) -> None:
    """The flow's tasks, with what has become of each so far."""
    state = debugger.state
    rows = []
    for name in debugger.machine.tasks:
        result = state.results.get(name)
        here = "▶" if state.node == name else ""
        status, outcome = (result.status, result.outcome) if result is not None else ("", "")
        error = f"{result.error.type}: {result.error.message}" if result is not None and result.error else ""
        rows.append((here, name, str(state.visits.get(name, 0)), status, outcome, error))
    print_table(("", "task", "visits", "status", "outcome", "error"), rows, styled=3)


def print_timers(debugger: Debugger) -> None:
    """What it waited for here."""
    found = waits_for(debugger.machine, debugger.state, asked=why_asked(debugger.history, debugger.state))
    print_text("".join(f"{safe(line)}\n" for line in found) or "it waits for nothing")


def print_breaks(debugger: Debugger) -> None:
    """The breakpoints and watches, by number."""
    found: dict[int, Breakpoint | Watch] = {**debugger.breakpoints, **debugger.watches}
    print_text("".join(f"{name_of(found[number])}\n" for number in sorted(found)) or "no breakpoints, no watches")


def print_flow(debugger: Debugger) -> None:
    """The task where it stands, those that lead there, and where it may go; `⇒` is the way that was taken next."""
    state, machine = debugger.state, debugger.machine
    edges = [edge for edge in machine.transitions if edge.trigger not in {ABORT, CANCEL}]
    sources = dict.fromkeys(edge.source for edge in edges if edge.target == state.node)
    for source in sources:
        came = " (it came from there)" if state.path[-2:-1] == (source,) else ""
        print_text(f"    {safe(source)} →{came}")
    task = machine.tasks.get(state.node)
    visit = f", visit {state.visits[state.node]}" if state.visits.get(state.node, 0) > 1 else ""
    kind = f" ({task.task_type}{visit})" if task is not None else ""
    console_for(sys.stdout).print(safe(f"▶ {state.node}{kind}"), style="bold", soft_wrap=True)
    taken = _next_way(debugger)
    ways = (edge for edge in edges if edge.source == state.node)
    for target, label, condition in dict.fromkeys((edge.target, edge.label, edge.condition) for edge in ways):
        sign = "⇒" if taken is not None and (target, condition) == (taken.target, taken.condition) else "→"
        asked = f" ({condition})" if condition is not None else ""
        print_text(safe(f"    {sign} {target}   {label}{asked}"))


def _next_way(debugger: Debugger) -> TransitionTaken | None:
    """The transition that was recorded next, if it is near."""
    history = debugger.history
    ahead = range(debugger.seq + 1, min(history.last, debugger.seq + _AHEAD_MAX) + 1)
    facts = (history.event(seq).fact for seq in ahead)
    return next((fact for fact in facts if isinstance(fact, TransitionTaken)), None)


def print_route(debugger: Debugger) -> None:
    """The transitions so far with their reasons, the latest last."""
    found = list(islice(_decisions_back(debugger), _ROUTE_MAX + 1))
    if not found:
        print_text("no transition yet")
        return
    if len(found) > _ROUTE_MAX:
        print_text(f"the last {_ROUTE_MAX} transitions:")
    rows = [(str(one.seq), f"{one.source} → {one.target}", one.reason) for one in reversed(found[:_ROUTE_MAX])]
    print_table(("seq", "way", "why"), rows)


def _decisions_back(debugger: Debugger) -> Iterator[Decision]:
    history = debugger.history
    found = (decision_of(step.machine, step) for step in history.steps_back(debugger.seq))
    return (decision for decision in found if decision is not None)
