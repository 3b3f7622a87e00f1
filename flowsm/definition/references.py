"""References: `{"$from": "/results/fetch/data"}` in parameters, replaced by the value when the task starts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from flowsm.definition.pointer import MISSING, join_pointer, parse_pointer, resolve_pointer
from flowsm.errors import UnresolvedReference

__all__ = ["DEFAULT", "FROM", "has_references", "is_reference", "resolve_references", "walk_references"]

FROM: Final = "$from"
DEFAULT: Final = "default"
_FIELDS: Final = frozenset({FROM, DEFAULT})


def is_reference(value: Any) -> bool:
    """Whether a value is a well-formed reference: a `$from` of text, at most with a `default`."""
    return type(value) is dict and isinstance(value.get(FROM), str) and value.keys() <= _FIELDS


def walk_references(parameters: Any) -> Iterator[tuple[tuple[str | int, ...], dict[str, Any]]]:
    """Every object with a `$from`, well-formed or not, with the tokens of its place, in document order."""
    stack: list[tuple[tuple[str | int, ...], Any]] = [((), parameters)]
    while stack:
        place, value = stack.pop()
        if isinstance(value, dict):
            if FROM in value:
                yield place, value
            stack.extend(((*place, key), item) for key, item in reversed(value.items()))
        elif isinstance(value, (list, tuple)):
            stack.extend(((*place, index), value[index]) for index in reversed(range(len(value))))


def has_references(parameters: Any) -> bool:
    """Whether there is a `$from` anywhere in the parameters."""
    return next(walk_references(parameters), None) is not None


def resolve_references(parameters: dict[str, Any], scope: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters with every reference replaced by the value at its place in `scope`.

    A reference that points at nothing takes its `default`, in which references are replaced too.
    Values of the scope are handed on as they are: not copied, and not searched for references. The
    parameters as a whole are never a reference.

    Args:
        parameters: the parameters of a task, which are left as they are.
        scope: `{"input": …, "results": {task: {"status", "outcome", "message", "data", "error"}}}`.

    Raises:
        UnresolvedReference: nothing is at the place and the reference has no default.
    """
    document = dict(scope)
    root: list[Any] = [None]
    stack: list[tuple[Any, Any, Any, tuple[str | int, ...]]] = [(parameters, root, 0, ())]
    while stack:
        value, holder, key, place = stack.pop()
        if place and is_reference(value):
            found = _look_up(value[FROM], document)
            if found is not MISSING:
                holder[key] = found
            elif DEFAULT in value:
                stack.append((value[DEFAULT], holder, key, (*place, DEFAULT)))
            else:
                raise UnresolvedReference(value[FROM], join_pointer(place))
        elif isinstance(value, dict):
            copied: dict[str, Any] = dict.fromkeys(value)
            holder[key] = copied
            stack.extend((item, copied, name, (*place, name)) for name, item in reversed(value.items()))
        elif isinstance(value, (list, tuple)):
            items: list[Any] = [None] * len(value)
            holder[key] = items
            stack.extend((value[index], items, index, (*place, index)) for index in reversed(range(len(value))))
        else:
            holder[key] = value
    resolved: dict[str, Any] = root[0]
    return resolved


def _look_up(pointer: str, document: dict[str, Any]) -> Any:
    try:
        tokens = parse_pointer(pointer)
    except ValueError:
        return MISSING
    return resolve_pointer(document, tokens)
