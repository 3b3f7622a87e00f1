"""What callers send, made into structs: the body within its bounds, and every misfit at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from functools import cache
from http import HTTPStatus
from types import NoneType, UnionType
from typing import Any, Final, Literal, TypeVar, Union, get_args, get_origin

import msgspec

from flowsm.definition.json_text import read_json
from flowsm.definition.plain import plain_document
from flowsm.definition.report import Place, Report
from flowsm.service.problems import MALFORMED_CODES, Refusal

__all__ = ["checked_json", "json_document", "plain_json", "struct_from"]

_T = TypeVar("_T", bound=msgspec.Struct)
_D = TypeVar("_D")
_AT: Final = re.compile(r" - at `\$?(?:key in )?(.*?)`$", re.DOTALL)
_STEP: Final = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")


def json_document(data: bytes) -> Any:
    """The document of a body, repeated keys marked as the flow loader knows them.

    Raises:
        Refusal: 400, it is no JSON.
    """
    report = Report()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        report.error("not_utf8", None, f"expected UTF-8, found a byte that is not at {error.start}")
    else:
        document = read_json(text, report)
        if not report.errors:
            return document
    raise _refused(report)


def plain_json(data: bytes) -> Any:
    """The document of a body that is no flow: JSON values and nothing else, bounded in depth and size.

    Raises:
        Refusal: 400 or 413, it cannot be one.
    """
    report = Report()
    document = plain_document(json_document(data), report)
    if report.errors:
        raise _refused(report)
    return document


def checked_json(document: _D) -> _D:
    """A document of `json_document` as it is, if nothing is in it but JSON values; errors as those of `plain_json`."""
    report = Report()
    plain_document(document, report)
    if report.errors:
        raise _refused(report)
    return document


def struct_from(document: Any, kind: type[_T], *, within: tuple[str, ...] = (), lax: bool = False) -> _T:
    """A struct of what was sent.

    Args:
        document: a JSON value, or texts by their names.
        kind: the struct.
        within: where it was: pointers begin there.
        lax: whether texts may stand for numbers and booleans, as in a query; none stands for null.

    Raises:
        Refusal: 422, with everything that does not fit.
    """
    report = Report()
    root: Place = None
    for name in within:
        root = (root, name)
    if not isinstance(document, Mapping):
        report.error("wrong_type", root, "expected an object", document)
        raise _refused(report)
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    values: dict[str, Any] = {}
    for name, value in document.items():
        field = fields.get(name)
        if field is None:
            expected = f"expected only {', '.join(fields)}" if fields else "expected nothing beside it"
            report.error("unknown_field", (root, name), expected, value, report.nearest(name, fields))
            continue
        expected = _without_null(field.type) if lax else field.type
        try:
            values[field.name] = msgspec.convert(value, expected, strict=not lax)
        except msgspec.ValidationError as error:
            message, place = _said(error, (root, name))
            message += _choices(expected) if message.startswith("invalid enum value") else ""
            message += ", expected one such as 2027-01-31T09:30:00Z" if message.startswith("invalid RFC3339") else ""
            report.error("wrong_value", place, message, value)
    for name, field in fields.items():
        if field.required and name not in document:
            report.error("missing_field", root, f"expected {name!r}")
    if report.errors:
        raise _refused(report)
    return kind(**values)


@cache
def _choices(kind: Any) -> str:
    """The words that a parameter may be, for a sentence about one that it may not."""
    if isinstance(kind, type) and issubclass(kind, Enum):
        return f", expected one of {', '.join(str(one.value) for one in kind)}"
    if get_origin(kind) is Literal:
        return f", expected one of {', '.join(get_args(kind))}"
    return next((found for part in get_args(kind) if (found := _choices(part))), "")


@cache
def _without_null(kind: Any) -> Any:
    """A type of a parameter that may be left out, without the None that it has then."""
    members = get_args(kind) if get_origin(kind) in {Union, UnionType} else ()
    return Union[tuple(one for one in members if one is not NoneType)] if members else kind  # noqa: UP007


def _said(error: msgspec.ValidationError, place: Place) -> tuple[str, Place]:
    """The sentence without the place in it, and the place."""
    text = str(error)
    found = _AT.search(text)
    if found is None:
        return text[:1].lower() + text[1:], place
    for name, index in _STEP.findall(found[1]):
        place = (place, name or index)
    sentence = text[: found.start()]
    return sentence[:1].lower() + sentence[1:], place


def _refused(report: Report) -> Refusal:
    findings = report.findings()
    codes = {finding.code for finding in findings}
    status, code = HTTPStatus.UNPROCESSABLE_ENTITY, "invalid"
    if codes & {"too_large"}:
        status, code = HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large"
    elif codes <= MALFORMED_CODES:
        status, code = HTTPStatus.BAD_REQUEST, "malformed"
    first = findings[0]
    place = f" at {first.pointer}" if first.pointer else ""
    more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
    return Refusal(status, code, f"{first.message}{place}{more}", findings=findings)
