"""Reading JSON text, so that whatever is wrong with it becomes a finding."""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final

from flowsm.definition.plain import HugeNumber, NotANumber, RepeatedKeys
from flowsm.definition.pointer import MISSING
from flowsm.definition.report import Report
from flowsm.limits import DOCUMENT_MAX_DEPTH

__all__ = ["read_json"]

_INT_MAX_CHARS: Final = 20
_STRING_OR_BRACKET: Final = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?+|[\[\]{}]', re.DOTALL)


def read_json(text: str, report: Report) -> Any:
    """The raw document, or `MISSING` where the text is not JSON."""
    deep = _too_deep_at(text)
    if deep is not None:
        line, column = text.count("\n", 0, deep) + 1, deep - text.rfind("\n", 0, deep)
        message = f"expected at most {DOCUMENT_MAX_DEPTH} levels of nesting, found more at line {line}, column {column}"
        report.error("too_deep", None, message)
        return MISSING
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        message = f"not JSON: {error.msg}, at line {error.lineno}, column {error.colno}"
        report.error("not_json", None, message, hint="" if text.strip() else "the document is empty")
        return MISSING


def _too_deep_at(text: str) -> int | None:
    """Where the nesting passes the limit: asked before parsing, for the parser answers with a RecursionError."""
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(text):
        first = text[match.start()]
        if first in "[{":
            depth += 1
            if depth > DOCUMENT_MAX_DEPTH:
                return match.start()
        elif first != '"':
            depth -= 1
    return None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) == len(pairs):
        return document
    seen: set[str] = set()
    repeated: dict[str, None] = {}
    for key, _ in pairs:
        if key in seen:
            repeated[key] = None
        seen.add(key)
    marked = RepeatedKeys(document)
    marked.repeated = tuple(repeated)
    return marked


def _float(text: str) -> float | HugeNumber:
    value = float(text)
    return value if math.isfinite(value) else HugeNumber(text)


def _int(text: str) -> int | HugeNumber:
    return int(text) if len(text) <= _INT_MAX_CHARS else HugeNumber(text)


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_float, parse_int=_int, parse_constant=NotANumber
)
