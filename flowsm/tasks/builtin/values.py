"""How the declared operations look at values: by field, by JSON equality, in one order over all types."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import msgspec

from flowsm.definition.compare import is_number
from flowsm.definition.pointer import MISSING, parse_pointer, resolve_pointer
from flowsm.tasks.builtin.records import Record

__all__ = [
    "Getter",
    "field_getter",
    "field_key",
    "group_key",
    "mean",
    "order_key",
    "total",
]

Getter: TypeAlias = Callable[[Record], Any]

_ENCODE: Final = msgspec.json.Encoder(order="sorted").encode


def field_getter(field: str) -> Getter:
    """Reads a field: by its name, or by a JSON Pointer if it starts with `/`.

    Raises:
        ValueError: it is no JSON Pointer.
    """
    if not field.startswith("/"):
        return lambda record: record.get(field, MISSING)
    steps = _tokens(field)
    return lambda record: resolve_pointer(record, steps)


def field_key(field: str) -> str:
    """The name under which a field is put into a new record: the last step of a pointer."""
    return _tokens(field)[-1] if field.startswith("/") else field


def _tokens(pointer: str) -> tuple[str, ...]:
    try:
        return parse_pointer(pointer)
    except ValueError as error:
        raise ValueError(f"{pointer!r} is no JSON Pointer: {error}") from None


def order_key(value: Any) -> tuple[int, Any]:
    """Orders values of any type but null: false, true, numbers, texts, then the others by their JSON text."""
    if isinstance(value, bool):
        return (0, value)
    if is_number(value):
        return (1, value)
    return (2, value) if isinstance(value, str) else (3, _ENCODE(value))


def group_key(value: Any) -> tuple[str, Any]:
    """What is the same for equal values, and can be the key of a dict; a missing field counts as null."""
    if value is None or value is MISSING:
        return ("null", None)
    if isinstance(value, bool):
        return ("bool", value)
    if is_number(value):
        return ("number", value)
    return ("text", value) if isinstance(value, str) else ("json", _ENCODE(value))


def total(numbers: list[Any]) -> int | float | None:
    """The sum, exact for integers and correctly rounded for floats; None where no float can hold it."""
    if all(type(number) is int for number in numbers):
        exact: int = sum(numbers)
        return exact
    try:
        return math.fsum(numbers)
    except OverflowError:
        return None


def mean(numbers: list[Any]) -> float | None:
    """The mean; None where there is nothing, or no float can hold it."""
    result = total(numbers)
    try:
        return None if result is None or not numbers else result / len(numbers)
    except OverflowError:
        return None
