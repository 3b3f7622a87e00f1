"""`aggregate`: one record per group, and `summary`: the figures of every numeric field."""

from __future__ import annotations

from typing import Any, Literal

from flowsm.definition.compare import is_number
from flowsm.definition.pointer import MISSING
from flowsm.tasks.builtin.declared import Declared
from flowsm.tasks.builtin.records import Records
from flowsm.tasks.builtin.values import (
    field_getter,
    field_key,
    group_key,
    mean,
    order_key,
    total,
)

__all__ = ["Aggregation", "Figure", "aggregate_records", "summarise"]


class Figure(Declared, frozen=True, kw_only=True):
    """A figure of a group: `op` over `field`; nulls do not count. `count` without a field counts the records."""

    op: Literal["count", "sum", "min", "max", "mean", "first", "last", "distinct"]
    field: str | None = None

    def __post_init__(self) -> None:
        if self.field is not None:
            field_getter(self.field)
        elif self.op != "count":
            raise ValueError(f"operation {self.op!r} needs a `field`")


class Aggregation(Declared, frozen=True, kw_only=True):
    """One record per group of equal `by` fields (all records, if there is none), with these figures."""

    values: dict[str, Figure]
    by: list[str] = []

    def __post_init__(self) -> None:
        names = [field_key(field) for field in self.by] + list(self.values)
        for field in self.by:
            field_getter(field)
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"the new records would have {twice[0]!r} twice")


def aggregate_records(records: Records, aggregation: Aggregation, warnings: list[str]) -> Records:
    """One record per group, in the order in which the groups first appear."""
    getters = [field_getter(field) for field in aggregation.by]
    groups: dict[tuple[Any, ...], Records] = {}
    for record in records:
        groups.setdefault(tuple(group_key(get(record)) for get in getters), []).append(record)
    if not aggregation.by and not groups:
        groups[()] = []
    names = [field_key(field) for field in aggregation.by]
    rows: Records = []
    unusable = dict.fromkeys(aggregation.values, 0)
    for members in groups.values():
        row: dict[str, Any] = {}
        for name, get in zip(names, getters, strict=True):
            value = get(members[0])
            row[name] = None if value is MISSING else value
        for name, figure in aggregation.values.items():
            row[name], left_out = _figure(figure, members)
            unusable[name] += left_out
        rows.append(row)
    warnings.extend(
        f"/aggregate/values/{name}: {aggregation.values[name].op} left out {count} values that are no numbers"
        for name, count in unusable.items()
        if count
    )
    return rows


def summarise(records: Records) -> dict[str, Any]:
    """`count`, and under `fields` the `total`, `least` and `greatest` of each numeric field.

    A field is numeric when every record that has a value there, null aside, has a number.
    """
    numbers: dict[str, list[Any]] = {}
    others: set[str] = set()
    for record in records:
        for name, value in record.items():
            if type(value) is int or type(value) is float:
                numbers.setdefault(name, []).append(value)
            elif value is not None:
                others.add(name)
    fields = {
        name: {"total": total(values), "least": min(values), "greatest": max(values)}
        for name, values in numbers.items()
        if name not in others
    }
    return {"count": len(records), "fields": fields}


def _figure(figure: Figure, members: Records) -> tuple[Any, int]:
    """The figure, and how many values could not be used for it."""
    if figure.field is None:
        return len(members), 0
    get = field_getter(figure.field)
    values = [value for value in map(get, members) if value is not None and value is not MISSING]
    match figure.op:
        case "count":
            return len(values), 0
        case "distinct":
            return len({group_key(value) for value in values}), 0
        case "sum" | "mean":
            numbers = [value for value in values if is_number(value)]
            return (mean if figure.op == "mean" else total)(numbers), len(values) - len(numbers)
    if not values:
        return None, 0
    match figure.op:
        case "first":
            return values[0], 0
        case "last":
            return values[-1], 0
        case "min":
            return min(values, key=order_key), 0
        case _:
            return max(values, key=order_key), 0
