"""Paths into an execution's state, as people type them: `results.fetch.data.total`, or a JSON Pointer."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from flowsm.definition.places import place_tokens
from flowsm.definition.pointer import MISSING, join_pointer, resolve_pointer
from flowsm.errors import UsageError
from flowsm.machine.compile import FlowMachine
from flowsm.machine.state import ExecutionState, StoredResult
from flowsm.replay.difference import Change

__all__ = ["StatePath", "change_of", "hint", "parse_path"]

_BY_TASK: Final = frozenset({"results", "visits"})


class StatePath(msgspec.Struct, frozen=True):
    """A place in a state; `text` is as it was typed."""

    text: str
    tokens: tuple[str, ...]

    @property
    def pointer(self) -> str:
        """As a JSON Pointer."""
        return join_pointer(self.tokens)

    def look(self, state: ExecutionState) -> Any:
        """What is there: of the state's own structs the struct, else JSON data; `MISSING` where nothing is."""
        value: Any = state
        for token in self.tokens:
            if isinstance(value, msgspec.Struct):
                value = getattr(value, token) if token in value.__struct_fields__ else MISSING
            else:
                value = resolve_pointer(value, (token,))
        return value


def parse_path(machine: FlowMachine, text: str) -> StatePath:
    """The path, whose fixed parts (the state's fields, the flow's tasks) must exist; empty is the whole state.

    Raises:
        UsageError: it is no path, or names something that no state has; with the nearest name.
    """
    path = StatePath(text.strip(), place_tokens(text.strip()))
    expected: list[tuple[str, Iterable[str]]] = [("field of the state", ExecutionState.__struct_fields__)]
    if path.tokens[:1] and path.tokens[0] in _BY_TASK:
        expected.append(("task", machine.tasks))
    if path.tokens[:1] == ("results",):
        expected.append(("field of a result", StoredResult.__struct_fields__))
    for token, (what, known) in zip(path.tokens, expected, strict=False):
        if token not in known:
            raise UsageError(f"no {what} is called {token!r}{hint(token, known)}")
    return path


def hint(word: str, known: Iterable[str]) -> str:
    """Words that lead to the nearest of the known names, or to all of them where they are few."""
    names = list(known)
    near = difflib.get_close_matches(word, names, n=1)
    if near:
        return f": did you mean {near[0]!r}?"
    return (
        f": expected one of {', '.join(names)}" if names and len(names) <= len(ExecutionState.__struct_fields__) else ""
    )


def change_of(path: StatePath, before: Any, after: Any) -> Change | None:
    """What changed there between two looks at it; None where nothing did."""
    if before is after or (before is not MISSING and after is not MISSING and _text(before) == _text(after)):
        return None
    if before is MISSING:
        return Change(op="add", path=path.pointer, after=msgspec.to_builtins(after))
    if after is MISSING:
        return Change(op="remove", path=path.pointer, before=msgspec.to_builtins(before))
    return Change(op="replace", path=path.pointer, before=msgspec.to_builtins(before), after=msgspec.to_builtins(after))


def _text(value: Any) -> bytes:
    return msgspec.json.encode(value, order="sorted")
