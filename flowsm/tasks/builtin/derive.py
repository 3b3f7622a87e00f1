"""`derive`: new fields from others, by a closed set of operations."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final, Literal

import msgspec

from flowsm.definition.compare import is_number
from flowsm.definition.pointer import MISSING
from flowsm.limits import DERIVED_MAX_BITS, DERIVED_MAX_CHARS, ROUND_MAX_DIGITS
from flowsm.tasks.builtin.declared import Declared
from flowsm.tasks.builtin.records import Record, Records
from flowsm.tasks.builtin.values import Getter, field_getter

__all__ = ["Derivation", "derive_fields"]

_ENCODE: Final = msgspec.json.encode
_MANY: Final = 100
_ARITY: Final = {
    "add": (2, _MANY),
    "subtract": (2, 2),
    "multiply": (2, _MANY),
    "divide": (2, 2),
    "concat": (1, _MANY),
    "lower": (1, 1),
    "upper": (1, 1),
    "round": (1, 2),
    "length": (1, 1),
    "coalesce": (1, _MANY),
}


class Derivation(Declared, frozen=True, kw_only=True):
    """`field` becomes `op` of `args`, each a constant or `{"field": name}`.

    A null among the arguments gives null, except for `coalesce`, which gives the first that is not null.
    """

    field: str
    op: Literal["add", "subtract", "multiply", "divide", "concat", "lower", "upper", "round", "length", "coalesce"]
    args: list[Any]

    def __post_init__(self) -> None:
        if not self.field or self.field.startswith("/"):
            raise ValueError("`field` is the name of the new field, not a pointer")
        least, most = _ARITY[self.op]
        if not least <= len(self.args) <= most:
            number = f"{least}" if least == most else f"{least} to {most}"
            raise ValueError(f"operation {self.op!r} takes {number} arguments, found {len(self.args)}")
        for index, arg in enumerate(self.args):
            _operand(arg, index)


class _Unusable(Exception):
    """An argument that the operation cannot use."""


def derive_fields(records: Records, derivations: list[Derivation], warnings: list[str]) -> Records:
    """New records with the derived fields; where an argument cannot be used the field is null, with one warning."""
    for index, derivation in enumerate(derivations):
        operands = [_operand(arg, place) for place, arg in enumerate(derivation.args)]
        compute = _OPERATIONS[derivation.op]
        unusable = 0
        derived: Records = []
        for record in records:
            try:
                value = _apply(derivation.op, compute, record, operands)
            except (_Unusable, ZeroDivisionError, OverflowError):
                value = None
                unusable += 1
            derived.append({**record, derivation.field: value})
        records = derived
        if unusable:
            warnings.append(
                f"/derive/{index}: {derivation.op} could not use the values of {unusable} records "
                f"(of another type, zero as divisor, or out of range): {derivation.field!r} is null there"
            )
    return records


def _operand(arg: Any, index: int) -> Getter:
    if isinstance(arg, dict):
        if arg.keys() != {"field"} or not isinstance(arg["field"], str):
            raise ValueError(f'args/{index}: expected a constant or {{"field": name}}, found {_ENCODE(arg).decode()}')
        return field_getter(arg["field"])
    return lambda _: arg


def _apply(op: str, compute: Callable[[list[Any]], Any], record: Record, operands: list[Getter]) -> Any:
    values = [operand(record) for operand in operands]
    present = [value for value in values if value is not None and value is not MISSING]
    if op == "coalesce":
        return present[0] if present else None
    if len(present) < len(values):
        return None
    result = compute(present)
    if isinstance(result, float) and not math.isfinite(result):
        raise _Unusable
    if isinstance(result, int) and result.bit_length() > DERIVED_MAX_BITS:
        raise _Unusable
    return result


def _numbers(values: list[Any]) -> list[Any]:
    if not all(map(is_number, values)):
        raise _Unusable
    return values


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _Unusable
    return value


def _subtract(values: list[Any]) -> Any:
    left, right = _numbers(values)
    return left - right


def _divide(values: list[Any]) -> Any:
    left, right = _numbers(values)
    return left / right


def _round(values: list[Any]) -> Any:
    number, *digits = _numbers(values)
    if not digits:
        return round(number)
    if not isinstance(digits[0], int) or abs(digits[0]) > ROUND_MAX_DIGITS:
        raise _Unusable
    return round(number, digits[0])


def _length(values: list[Any]) -> int:
    if not isinstance(values[0], str | list | dict):
        raise _Unusable
    return len(values[0])


def _concat(values: list[Any]) -> str:
    texts = [value if isinstance(value, str) else _ENCODE(value).decode() for value in values]
    if sum(map(len, texts)) > DERIVED_MAX_CHARS:  # a chain of derivations could double it each time
        raise _Unusable
    return "".join(texts)


_OPERATIONS: Final[dict[str, Callable[[list[Any]], Any]]] = {
    "add": lambda values: sum(_numbers(values)),
    "subtract": _subtract,
    "multiply": lambda values: math.prod(_numbers(values)),
    "divide": _divide,
    "concat": _concat,
    "lower": lambda values: _text(values[0]).lower(),
    "upper": lambda values: _text(values[0]).upper(),
    "round": _round,
    "length": _length,
    "coalesce": lambda values: values[0],
}
