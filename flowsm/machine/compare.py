"""The closed list of operators: comparisons of JSON values, never of text that is evaluated."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, Final

__all__ = ["holds"]

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
        return _equal(seen, wanted)
    if op == "in":
        return isinstance(wanted, list) and any(_equal(seen, item) for item in wanted)
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
        return isinstance(seen, list) and any(_equal(item, wanted) for item in seen)
    return False


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _comparable(left: Any, right: Any) -> bool:
    return (_is_number(left) and _is_number(right)) or (isinstance(left, str) and isinstance(right, str))


def _equal(left: Any, right: Any) -> bool:
    """JSON equality: `1` equals `1.0`, but not `true`; containers by their items."""
    stack = [(left, right)]
    while stack:
        one, other = stack.pop()
        if _is_number(one) and _is_number(other):
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
