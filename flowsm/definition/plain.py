"""Plain data: a raw document as a copy of its own that holds JSON values and nothing else.

What JSON, or the engine's own encoder, cannot hold becomes a finding here: NaN, numbers out of
range, lone surrogates, values and keys of other types, repeated keys, nesting and size beyond the
limits. Integral floats become integers, so that `1` and `1.0`, which are one number in JSON, are one here.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from flowsm.definition.model import Clause
from flowsm.definition.pointer import MISSING, Missing
from flowsm.definition.report import Place, Report
from flowsm.limits import DOCUMENT_MAX_BYTES, DOCUMENT_MAX_DEPTH, DOCUMENT_MAX_VALUES

__all__ = ["INT_MAX", "INT_MIN", "HugeNumber", "NotANumber", "RepeatedKeys", "plain_document"]

INT_MIN: Final = -(2**63)
INT_MAX: Final = 2**64 - 1
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_Task = tuple[Any, Any, Any, Place, int]


@dataclass(frozen=True, slots=True)
class NotANumber:
    """What a reader puts where the text has NaN or Infinity."""

    text: str


@dataclass(frozen=True, slots=True)
class HugeNumber:
    """What a reader puts where the text has a number that nothing here can hold."""

    text: str


class RepeatedKeys(dict[Any, Any]):
    """What a reader makes of an object in which a key stands more than once."""

    repeated: tuple[str, ...] = ()


def plain_document(document: Any, report: Report) -> Any:
    """A deep copy of a raw document that holds JSON values only; what does not fit is `MISSING`, and a finding."""
    root: list[Any] = [None]
    stack: list[_Task] = [(document, root, 0, None, 0)]
    values = chars = 0
    while stack:
        value, holder, key, place, depth = stack.pop()
        values += 1
        if isinstance(value, str):
            chars += len(value)
            holder[key] = _text(value, place, report)
            continue
        if not isinstance(value, (dict, list, tuple, msgspec.Struct)):
            holder[key] = _scalar(value, place, report)
            continue
        if depth >= DOCUMENT_MAX_DEPTH:
            holder[key] = MISSING
            report.error("too_deep", place, f"expected at most {DOCUMENT_MAX_DEPTH} levels of nesting")
            continue
        inner = len(value) if isinstance(value, (dict, list, tuple)) else 0
        if values + len(stack) + inner > DOCUMENT_MAX_VALUES or chars > DOCUMENT_MAX_BYTES:
            report.error("too_large", None, _TOO_LARGE)
            return MISSING
        children = _list(value) if isinstance(value, (list, tuple)) else _object(value, place, report)
        copied: Any = [None] * len(value) if isinstance(value, (list, tuple)) else dict.fromkeys(k for k, _ in children)
        holder[key] = copied
        stack.extend((item, copied, name, (place, name), depth + 1) for name, item in reversed(children))
    return root[0]


_TOO_LARGE: Final = f"expected at most {DOCUMENT_MAX_VALUES} values and {DOCUMENT_MAX_BYTES} bytes"


def _list(value: list[Any] | tuple[Any, ...]) -> list[tuple[Any, Any]]:
    return list(enumerate(value))


def _object(value: dict[Any, Any] | msgspec.Struct, place: Place, report: Report) -> list[tuple[Any, Any]]:
    if isinstance(value, msgspec.Struct):
        return [(name, item) for name, item in msgspec.structs.asdict(value).items() if _is_said(value, name, item)]
    if isinstance(value, RepeatedKeys):
        for key in value.repeated:
            report.error("duplicate_key", (place, key), "expected each key once, found it again", key)
    children = []
    for key, item in value.items():
        if not isinstance(key, str):
            report.error("wrong_type", place, "expected keys that are text", key, 'put it in quotes: "…"')
        elif _SURROGATE.search(key):
            report.error("lone_surrogate", place, "expected keys that are Unicode text", key)
        else:
            children.append((str.__str__(key), item))
    return children


def _is_said(struct: msgspec.Struct, name: str, item: Any) -> bool:
    """Whether a field of a parsed flow is a field of its document: null stands for absence, but for `value`."""
    return item is not None or (isinstance(struct, Clause) and name == "value" and struct.op not in {"exists", "empty"})


def _text(value: str, place: Place, report: Report) -> str | Missing:
    if _SURROGATE.search(value):
        report.error("lone_surrogate", place, "expected Unicode text, found half of a surrogate pair", value)
        return MISSING
    return str.__str__(value)


def _scalar(value: Any, place: Place, report: Report) -> Any:
    if value is None or value is MISSING or isinstance(value, bool):
        return value
    if isinstance(value, int):
        if INT_MIN <= value <= INT_MAX:
            return int(value)
        report.error("number_too_large", place, f"expected an integer from {INT_MIN} to {INT_MAX}", value, _AS_TEXT)
    elif isinstance(value, float):
        if math.isfinite(value):
            whole = value.is_integer() and INT_MIN <= value <= INT_MAX
            return int(value) if whole else float(value)
        report.error("not_a_number", place, f"expected a number, found {value}", hint=_NULL)
    elif isinstance(value, NotANumber):
        report.error("not_a_number", place, f"expected a number, found {value.text}", hint=_NULL)
    elif isinstance(value, HugeNumber):
        report.error("number_too_large", place, "expected a number that fits 64 bits", value.text, _AS_TEXT)
    else:
        report.error("wrong_type", place, f"expected a JSON value, found {type(value).__name__}", hint=_JSON)
    return MISSING


_AS_TEXT: Final = "write it as text, in quotes"
_NULL: Final = "write null, or text"
_JSON: Final = "write an object, an array, text, a number, true, false or null"
