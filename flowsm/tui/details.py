"""What the tabs beside the event list say of the place where the cursor stands, line by line."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

import msgspec
from textual.content import Content

from flowsm.events.facts import ErrorInfo
from flowsm.machine.state import ExecutionState, StoredResult
from flowsm.replay.debugger import Debugger
from flowsm.replay.difference import between, state_json
from flowsm.replay.waiting import waits_for, why_asked
from flowsm.tui.paint import FAINT, STYLES, marked, plain
from flowsm.wording.changes import change_text
from flowsm.wording.text import seconds_text, visible_lines

__all__ = ["TABS", "lines_of", "tab_has"]

TABS: Final = ("state", "result", "error", "diff")
_LINES_MAX: Final = 2_000
_LINE_CHARS_MAX: Final = 2_000
_MICROSECONDS: Final = 1_000_000
_CHANGES: Final = {"add": STYLES["success"], "remove": STYLES["failure"], "replace": STYLES["interrupted"]}


def lines_of(debugger: Debugger, tab: str) -> list[Content]:
    """The lines of a tab; of very many the first ones, and where the others are.

    Raises:
        FlowsmError: the log is not what was recorded.
    """
    making = {"state": _state, "result": _result, "error": _errors, "diff": _diff}[tab]
    lines = list(islice(making(debugger), _LINES_MAX + 1))
    if len(lines) > _LINES_MAX:
        lines[-1] = plain("… and more: flowsm debug without --full-screen prints all of it", FAINT)
    return lines


def tab_has(debugger: Debugger, tab: str) -> bool:
    """Whether a tab has something to say here; the error that a state carries on is not new, and yet said."""
    state = debugger.state
    if tab == "result":
        return _result_here(debugger) is not None
    if tab == "error":
        result = _result_here(debugger)
        return state.error is not None or (result is not None and result.error is not None)
    return True


def _state(debugger: Debugger) -> Iterator[Content]:
    state = debugger.state
    yield marked(state.status.value) + plain(_place(state))
    for sentence in waits_for(debugger.machine, state, asked=why_asked(debugger.history, state)):
        yield plain(f"… {sentence}", STYLES["waiting"])
    yield plain(f"{state.transitions} transitions, {state.attempts} attempts, {state.failures} failures")
    yield from _json(state_json(state))


def _place(state: ExecutionState) -> str:
    if state.current_task is None:
        return ""
    attempt = state.attempt
    tries = f", visit {attempt.visit}, attempt {attempt.attempt}" if attempt is not None else ""
    return f" at {state.node} ({state.phase}{tries})"


def _result(debugger: Debugger) -> Iterator[Content]:
    result = _result_here(debugger)
    if result is None:
        yield plain("no task has given a result yet", FAINT)
        return
    outcome = "" if result.outcome == result.status else f", outcome {result.outcome}"
    took = seconds_text(result.duration_us / _MICROSECONDS)
    yield marked(result.status) + plain(
        f"  {result.task} (visit {result.visit}, attempt {result.attempt}){outcome}, {took}"
    )
    if result.message:
        yield from _text(result.message)
    for warning in result.warnings:
        yield plain(f"! {warning}", STYLES["interrupted"])
    yield plain("data", "bold")
    yield from _json(msgspec.to_builtins(result.data))


def _result_here(debugger: Debugger) -> StoredResult | None:
    """The result of the task that the event is of, else the latest one."""
    state, event = debugger.state, debugger.event
    task = getattr(event.fact, "task", None) if event is not None else None
    found = state.results.get(task) if isinstance(task, str) else None
    return found if found is not None else next(reversed(state.results.values()), None)


def _errors(debugger: Debugger) -> Iterator[Content]:
    state, result = debugger.state, _result_here(debugger)
    found: list[tuple[str, ErrorInfo]] = []
    if result is not None and result.error is not None:
        found.append((f"{result.task} (visit {result.visit}, attempt {result.attempt})", result.error))
    if state.error is not None:
        found.append(("the execution", state.error))
    if state.last_error is not None and all(error != state.last_error for _, error in found):
        found.append(("the latest one before", state.last_error))
    if not found:
        yield plain("no error here", FAINT)
    for whose, error in found:
        yield plain(whose, "bold")
        yield from _text(f"✗ {error.type}: {error.message}", STYLES["failure"])
    for whose, error in found:
        if error.traceback:
            yield plain(f"where: {whose}", "bold")
            yield from _text(error.traceback)


def _diff(debugger: Debugger) -> Iterator[Content]:
    if not debugger.seq:
        yield plain("before the first event nothing has changed", FAINT)
        return
    yield plain(f"event {debugger.seq - 1} → {debugger.seq}", "bold")
    for change in between(debugger.history.state_at(debugger.seq - 1), debugger.state):
        yield plain(change_text(change), _CHANGES[change.op])


def _json(value: Any) -> Iterator[Content]:
    text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    return (plain(_cut(line)) for line in text.split("\n"))


def _text(text: str, style: str = "") -> Iterator[Content]:
    return (plain(_cut(line), style) for line in visible_lines(text.rstrip("\n")).split("\n") if text)


def _cut(line: str) -> str:
    more = len(line) - _LINE_CHARS_MAX
    return f"{line[:_LINE_CHARS_MAX]}… {more:,} more characters" if more > 0 else line
