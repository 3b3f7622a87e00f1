"""`filter`: clauses that a record must meet, with the operators of conditions."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, Final

from flowsm.definition.model import Operator
from flowsm.tasks.builtin.declared import Declared
from flowsm.tasks.builtin.records import Records
from flowsm.tasks.builtin.values import MISSING, equal, field_getter, is_number

__all__ = ["FieldClause", "filter_records"]

_ORDER: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}


class FieldClause(Declared, frozen=True, kw_only=True):
    """A comparison of a field, named or at a JSON Pointer, with a constant."""

    field: str
    op: Operator
    value: Any = None

    def __post_init__(self) -> None:
        field_getter(self.field)
        if self.op in ("in", "not_in") and not isinstance(self.value, list):
            raise ValueError(f"operator {self.op!r} needs an array as `value`")
        if self.op in _ORDER and not (is_number(self.value) or isinstance(self.value, str)):
            raise ValueError(f"operator {self.op!r} needs a number or a text as `value`")
        if self.op == "starts_with" and not isinstance(self.value, str):
            raise ValueError("operator 'starts_with' needs a text as `value`")
        if self.op in ("exists", "empty") and not (self.value is None or isinstance(self.value, bool)):
            raise ValueError(f"operator {self.op!r} takes true, false or no `value`")


def filter_records(records: Records, clauses: list[FieldClause]) -> Records:
    """The records that meet every clause.

    A missing field meets `ne`, `not_in`, `empty` and `exists` false; values that cannot be ordered
    (a text with a number, null) meet none of `lt le gt ge`.
    """
    for clause in clauses:
        get = field_getter(clause.field)
        records = [record for record in records if _holds(clause.op, get(record), clause.value)]
    return records


def _holds(op: str, seen: Any, wanted: Any) -> bool:
    if op in _ORDER:
        comparable = (is_number(seen) and is_number(wanted)) or (isinstance(seen, str) and isinstance(wanted, str))
        return comparable and _ORDER[op](seen, wanted)
    match op:
        case "eq":
            return seen is not MISSING and equal(seen, wanted)
        case "ne":
            return seen is MISSING or not equal(seen, wanted)
        case "in":
            return seen is not MISSING and any(equal(seen, item) for item in wanted)
        case "not_in":
            return seen is MISSING or not any(equal(seen, item) for item in wanted)
        case "contains":
            return _contains(seen, wanted)
        case "starts_with":
            return isinstance(seen, str) and seen.startswith(wanted)
        case "exists":
            return (seen is not MISSING) is (wanted is not False)
        case _:
            is_empty = seen is MISSING or seen is None or (isinstance(seen, str | list | dict) and not seen)
            return is_empty is (wanted is not False)


def _contains(seen: Any, wanted: Any) -> bool:
    if isinstance(seen, str):
        return isinstance(wanted, str) and wanted in seen
    if isinstance(seen, list):
        return any(equal(item, wanted) for item in seen)
    return isinstance(seen, dict) and isinstance(wanted, str) and wanted in seen
