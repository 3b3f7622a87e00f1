"""What changed between two points of an execution, or between two executions of one flow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, Literal

import msgspec

from flowsm.definition.pointer import join_pointer
from flowsm.errors import UsageError
from flowsm.machine.state import ExecutionState
from flowsm.replay.decisions import Decision, decision_of
from flowsm.replay.history import History

__all__ = ["Change", "Comparison", "Parting", "between", "compare", "json_patch", "state_json"]

_NOTHING: Final = object()


class Change(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One value that differs: `path` is a JSON Pointer into the state; an added value has no `before`."""

    op: Literal["add", "remove", "replace"]
    path: str
    before: Any = None
    after: Any = None


class Parting(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where two routes part: after so many transitions in common, each takes its own, or has none any more."""

    common: int
    task: str | None
    """Where both stood."""
    first: Decision | None = None
    second: Decision | None = None


class Comparison(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Two executions side by side: `parting` is None where they took the same route; `results` are the differences."""

    first: str
    second: str
    same_flow: bool
    parting: Parting | None = None
    input: tuple[Change, ...] = ()
    results: tuple[Change, ...] = ()


def state_json(state: ExecutionState) -> Any:
    """A state as JSON data; what has its default is left out."""
    return msgspec.to_builtins(state)


def between(before: ExecutionState, after: ExecutionState) -> list[Change]:
    """What changed from one state to another."""
    return list(_changes("", state_json(before), state_json(after)))


def json_patch(changes: list[Change]) -> list[dict[str, Any]]:
    """The changes as a JSON Patch (RFC 6902), which makes the second value of the first."""
    return [
        {"op": change.op, "path": change.path} | ({} if change.op == "remove" else {"value": change.after})
        for change in changes
    ]


def compare(first: History, second: History) -> Comparison:
    """Two executions, up to their last events.

    Raises:
        UsageError: they are executions of flows with different ids.
        IllegalEvent: the machine would not allow one of the events.
    """
    one, two = first.state_at(first.last), second.state_at(second.last)
    if one.flow_id != two.flow_id:
        raise UsageError(
            f"{first.stream} is of flow {one.flow_id!r}, {second.stream} of {two.flow_id!r}: compare executions of one flow"
        )
    return Comparison(
        first=first.stream,
        second=second.stream,
        same_flow=one.digest == two.digest,
        parting=_parting(first, second),
        input=tuple(_changes("/input", one.input, two.input)),
        results=tuple(_changes("/results", _results(one), _results(two))),
    )


def _results(state: ExecutionState) -> dict[str, Any]:
    """What the tasks came to, without when and how long."""
    return {
        task: {
            "status": result.status,
            "outcome": result.outcome,
            "data": result.data,
            "error": None if result.error is None else {"type": result.error.type, "message": result.error.message},
        }
        for task, result in state.results.items()
    }


def _parting(first: History, second: History) -> Parting | None:
    one, two = _route(first), _route(second)
    common = 0
    task: str | None = None
    while True:
        left, right = next(one, None), next(two, None)
        if left is None and right is None:
            return None
        if left is None or right is None or (left.source, left.target) != (right.source, right.target):
            return Parting(common=common, task=task, first=left, second=right)
        common += 1
        task = left.target


def _route(history: History) -> Iterator[Decision]:
    decisions = (decision_of(step.machine, step) for step in history.steps())
    return (decision for decision in decisions if decision is not None)


def _changes(path: str, before: Any, after: Any) -> Iterator[Change]:
    """The changes in the order in which a JSON Patch may make them."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in [*before, *(key for key in after if key not in before)]:
            place = path + join_pointer((key,))
            yield from _changes(place, before.get(key, _NOTHING), after.get(key, _NOTHING))
    elif isinstance(before, list | tuple) and isinstance(after, list | tuple):
        for index in range(min(len(before), len(after))):
            yield from _changes(f"{path}/{index}", before[index], after[index])
        for index in range(len(before), len(after)):
            yield Change(op="add", path=f"{path}/{index}", after=after[index])
        for index in reversed(range(len(after), len(before))):
            yield Change(op="remove", path=f"{path}/{index}", before=before[index])
    elif before is _NOTHING:
        yield Change(op="add", path=path, after=after)
    elif after is _NOTHING:
        yield Change(op="remove", path=path, before=before)
    elif type(before) is not type(after) or before != after:
        yield Change(op="replace", path=path, before=before, after=after)
