"""Overrides: values that an operator puts in the place of recorded ones, for the tasks that come after.

Their places are JSON Pointers: `/input…`, and of the latest result of a task `/results/TASK/data…`, `…/outcome` and
`…/message`. What happened stays in the events; who overrode what is one of them.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any, Final

from msgspec.structs import replace

from flowsm.definition.pointer import MISSING, join_pointer, parse_pointer, resolve_pointer
from flowsm.definition.user_schema import schema_misfits
from flowsm.machine.compile import FlowMachine
from flowsm.machine.state import ExecutionState
from flowsm.status import TaskStatus

__all__ = ["is_place", "kept_overrides", "override_problem", "with_overrides"]

_FIELDS: Final = ("data", "outcome", "message")
_RESULT_TOKENS: Final = 3
"""`results`, the task, the field."""
_CONTRADICTIONS: Final = {TaskStatus.SUCCESS.value: "failure", TaskStatus.FAILURE.value: "success"}
_NAMES_SHOWN: Final = 20


def is_place(state: ExecutionState, pointer: str) -> bool:
    """Whether it names the input, or a field of a result that may be overridden, or, unasked, something inside these."""
    try:
        tokens = parse_pointer(pointer)
    except ValueError:
        return False
    if tokens[:1] == ("input",):
        return True
    return (
        tokens[:1] == ("results",)
        and len(tokens) >= _RESULT_TOKENS
        and tokens[1] in state.results
        and tokens[2] in _FIELDS
    )


def with_overrides(state: ExecutionState, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of the state that are others with these values in their places; a place that is not there is left out.

    A fold that reads no large values has not all of them: whether each is there is asked when it is decided.
    """
    value = state.input
    results = dict(state.results)
    for pointer, given in overrides.items():
        tokens = parse_pointer(pointer)
        if tokens[0] == "input":
            value = _put(value, tokens[1:], given)
            continue
        result = results[tokens[1]]
        field = tokens[2]
        if field == "data":
            results[tokens[1]] = replace(result, data=_put(result.data, tokens[_RESULT_TOKENS:], given))
        else:
            results[tokens[1]] = replace(result, **{field: given})
    kept = {place: old for place, old in state.overrides.items() if not any(_covers(new, place) for new in overrides)}
    return {"input": value, "results": results, "overrides": {**kept, **overrides}}


def kept_overrides(overrides: Mapping[str, Any], task: str) -> dict[str, Any]:
    """Those that are in force still when the task has another result."""
    outdated = join_pointer(("results", task))
    return {pointer: value for pointer, value in overrides.items() if not _covers(outdated, pointer)}


def override_problem(
    machine: FlowMachine, state: ExecutionState, overrides: dict[str, Any], *, again: str | None = None
) -> tuple[str, str]:
    """The first place where these values cannot stand, and why not; nothing where all can.

    Args:
        machine: whose schemas they have to fit.
        state: in which they are put.
        overrides: values by JSON Pointers.
        again: the task that runs again, and so gives a result of its own.
    """
    present = state
    for pointer, given in overrides.items():
        tokens = parse_pointer(pointer)
        reason = _unknown(present, tokens, given, again)
        if reason:
            return pointer, reason
        present = replace(present, **with_overrides(present, {pointer: given}))
    for pointer in reversed(overrides):
        reason = _misfit(machine, present, parse_pointer(pointer))
        if reason:
            return pointer, reason
    return "", ""


def _unknown(state: ExecutionState, tokens: tuple[str, ...], given: Any, again: str | None) -> str:
    """Why there is no such place, or why it takes no such value."""
    if tokens[:1] == ("input",):
        return _absent(state.input, tokens[1:], "input")
    if tokens[:1] != ("results",) or len(tokens) < _RESULT_TOKENS or tokens[2] not in _FIELDS:
        known = [("input",), *(("results", "TASK", field) for field in _FIELDS)]
        return (
            f"expected a place in {', '.join('.'.join(names) for names in known)}: what else is recorded stays as it is"
        )
    task, field = tokens[1], tokens[2]
    result = state.results.get(task)
    if result is None:
        return f"task {task!r} has no result here: expected one that ran{_near(task, state.results)}"
    if task == again:
        return (
            f"task {task!r} runs again, and gives a result of its own: override what it is given, or go on from another"
        )
    if field == "data":
        return _absent(result.data, tokens[_RESULT_TOKENS:], f"results.{task}.data")
    if len(tokens) > _RESULT_TOKENS:
        return f"the {field} of a result is a text, with nothing inside it"
    if field == "message" and (given is None or isinstance(given, str)):
        return ""
    if not isinstance(given, str) or not given:
        return f"expected a text as the {field} of a result"
    if given == _CONTRADICTIONS.get(result.status):
        return f"the outcome {given!r} contradicts the status of that result, {result.status}"
    return ""


def _absent(document: Any, tokens: tuple[str, ...], name: str) -> str:
    """Why there is nothing at a place of a JSON document; nothing where there is something."""
    if resolve_pointer(document, tokens) is not MISSING:
        return ""
    for depth in range(len(tokens)):
        value = resolve_pointer(document, tokens[:depth])
        inner = resolve_pointer(document, tokens[: depth + 1])
        if inner is MISSING:
            where = ".".join((name, *tokens[:depth]))
            known = _near(tokens[depth], value) if isinstance(value, dict) else f", it is {_kind(value)}"
            return f"{where} has nothing at {tokens[depth]!r}{known}; to add it, give the whole of {where}"
    raise AssertionError("nothing is missing")  # pragma: no cover


def _misfit(machine: FlowMachine, state: ExecutionState, tokens: tuple[str, ...]) -> str:
    """How what the place belongs to does not fit its schema, with all overrides in it."""
    if tokens[0] == "input":
        schema, value, name = machine.flow.input_schema, state.input, "the flow's input_schema"
    else:
        task = machine.tasks.get(tokens[1])
        result = state.results[tokens[1]]
        if task is None or tokens[2] != "data" or result.status != TaskStatus.SUCCESS.value:
            return ""
        schema, value, name = task.result_schema, result.data, f"the result_schema of task {tokens[1]!r}"
    misfits = () if schema is None else schema_misfits(schema, value)
    listed = "; ".join(f"at {misfit.pointer or 'the whole'}: {misfit.message}" for misfit in misfits)
    return f"it does not fit {name}: {listed}" if listed else ""


def _put(document: Any, tokens: tuple[str, ...], value: Any) -> Any:
    """A copy of the document with the value at that place, which shares the rest; itself where the place is not there."""
    if not tokens:
        return value
    inner = resolve_pointer(document, tokens[:1])
    if inner is MISSING:
        return document
    changed = _put(inner, tokens[1:], value)
    if isinstance(document, dict):
        return {**document, tokens[0]: changed}
    items = list(document)
    items[int(tokens[0])] = changed
    return items


def _covers(outer: str, inner: str) -> bool:
    """Whether a place is another one, or within it."""
    return inner == outer or inner.startswith(f"{outer}/")


def _near(word: str, known: Iterable[str]) -> str:
    names = list(known)
    near = difflib.get_close_matches(word, names, n=1)
    if near:
        return f": did you mean {near[0]!r}?"
    shown = ", ".join(map(repr, names[:_NAMES_SHOWN])) + (", …" if len(names) > _NAMES_SHOWN else "")
    return f": there {'are' if len(names) > 1 else 'is'} {shown or 'none'}"


def _kind(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    return "no object" if value is not None else "null"
