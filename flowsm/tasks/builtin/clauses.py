"""`filter`: clauses that a record must meet, with the operators of conditions."""

from __future__ import annotations

from typing import Any, Final

from flowsm.definition.compare import holds, is_number
from flowsm.definition.model import Operator
from flowsm.definition.pointer import MISSING
from flowsm.tasks.builtin.declared import Declared
from flowsm.tasks.builtin.records import Records
from flowsm.tasks.builtin.values import field_getter

__all__ = ["FieldClause", "filter_records"]

_ORDER: Final = frozenset({"lt", "le", "gt", "ge"})


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
        records = [
            record for record in records if holds(clause.op, seen := get(record), seen is not MISSING, clause.value)
        ]
    return records
