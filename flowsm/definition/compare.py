"""The closed list of operators: comparisons of JSON values, never of text that is evaluated."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, Final

__all__ = ["equal", "holds", "is_number"]

_ORDER: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}


def holds(op: str, seen: Any, found: bool, wanted: Any) -> bool:
    """Whether `seen op wanted`, total over all JSON values.

    What is not there (`found` False) fulfils only `ne`, `not_in`, `exists: false` and `empty: true`. Values of
    unlike types are unequal and have no order; a boolean is no number.
    """
    if op == "exists":
        return found is (wanted is not False)
    if op == "empty":
        return (not found or seen is None or seen in ("", [], {})) is (wanted is not False)
    if op in {"ne", "not_in"}:
        return not (found and holds("eq" if op == "ne" else "in", seen, found, wanted))
    if not found:
        return False
    if op == "eq":
        return equal(seen, wanted)
    if op == "in":
        return isinstance(wanted, list) and any(equal(seen, item) for item in wanted)
    return _ordered_or_contained(op, seen, wanted)


def _ordered_or_contained(op: str, seen: Any, wanted: Any) -> bool:
    if op in _ORDER:
        return _comparable(seen, wanted) and _ORDER[op](seen, wanted)
    if op == "starts_with":
        return isinstance(seen, str) and isinstance(wanted, str) and seen.startswith(wanted)
    if op == "contains":
        if isinstance(seen, str):
            return isinstance(wanted, str) and wanted in seen
        if isinstance(seen, dict):
            return isinstance(wanted, str) and wanted in seen
        return isinstance(seen, list) and any(equal(item, wanted) for item in seen)
    return False


def is_number(value: Any) -> bool:
    """Whether a value is a JSON number."""
    return type(value) is int or type(value) is float


def _comparable(left: Any, right: Any) -> bool:
    return (is_number(left) and is_number(right)) or (isinstance(left, str) and isinstance(right, str))


def equal(left: Any, right: Any) -> bool:
    """JSON equality: `1` equals `1.0`, but not `true`; containers by their items."""
    stack = [(left, right)]
    while stack:
        one, other = stack.pop()
        if is_number(one) and is_number(other):
            if one != other:
                return False
        elif type(one) is not type(other):
            return False
        elif isinstance(one, list):
            if len(one) != len(other):
                return False
            stack.extend(zip(one, other, strict=True))
        elif isinstance(one, dict):
            if one.keys() != other.keys():
                return False
            stack.extend((one[key], other[key]) for key in one)
        elif one != other:
            return False
    return True
