"""Bytes to records: CSV, JSON, NDJSON."""

from __future__ import annotations

import csv
import io
import itertools
import math
import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from flowsm.errors import DataInvalid
from flowsm.tasks.builtin.records import Record, Records, records_of

__all__ = ["FORMATS", "read_csv", "read_json", "read_ndjson"]

_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,17})(?P<fraction>\.[0-9]{1,17}(?:[eE][+-]?[0-9]{1,3})?)?")
_NUMBER_STARTS: Final = frozenset("-0123456789")
_BYTE: Final = re.compile(r"byte (\d+)")
_ERRORS: Final = (msgspec.DecodeError, UnicodeError, RecursionError)


def read_csv(text: str, source: str, limit: int | None, delimiter: str) -> Records:
    """The rows below a header row, by its names.

    A value becomes a number when it is written as JSON writes one: `12`, `-0.5`, `1.5e3`, but not `007`, `+1`, `1e5`, or an
    integer of more than 18 digits, which are likelier to be codes. An empty value becomes null. Blank lines are skipped.

    Raises:
        DataInvalid: a row does not fit the header, or is not CSV; the sentence names the line.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: Records = []
    try:
        header = next((row for row in reader if row), [])
        _check_header(header, source, reader.line_num)
        width = len(header)
        for row in itertools.islice(filter(None, reader), limit):
            if len(row) != width:
                raise DataInvalid(
                    source, f"line {reader.line_num}", f"expected {width} values, as the header has, found {len(row)}"
                )
            rows.append(dict(zip(header, map(_value, row), strict=True)))
    except csv.Error as error:
        raise DataInvalid(source, f"line {reader.line_num}", f"not CSV: {error}") from error
    return rows


def read_json(text: str, source: str, limit: int | None) -> Records:
    """The records of a JSON document.

    Raises:
        DataInvalid: it is not JSON, or holds no records.
    """
    try:
        document = msgspec.json.decode(text)
    except _ERRORS as error:
        raise DataInvalid(source, _line_of(error, text), f"not JSON: {error}") from error
    return records_of(document, source)[:limit]


def read_ndjson(text: str, source: str, limit: int | None) -> Records:
    """One object per line; blank lines are skipped.

    Raises:
        DataInvalid: a line is not a JSON object; the sentence names it.
    """
    return list(itertools.islice(_objects(text, source), limit))


FORMATS: Final = ("csv", "json", "ndjson")


def _objects(text: str, source: str) -> Iterator[Record]:
    decode = msgspec.json.Decoder().decode
    for number, line in enumerate(text.split("\n"), start=1):
        if line.isspace() or not line:
            continue
        try:
            row = decode(line)
        except _ERRORS as error:
            raise DataInvalid(source, f"line {number}", f"not JSON: {error}") from error
        if not isinstance(row, dict):
            raise DataInvalid(source, f"line {number}", f"expected an object, found a {type(row).__name__}")
        yield row


def _check_header(header: list[str], source: str, line: int) -> None:
    if not header:
        raise DataInvalid(source, "line 1", "expected a header row, found nothing")
    seen: set[str] = set()
    for place, name in enumerate(header, start=1):
        if not name:
            raise DataInvalid(source, f"line {line}", f"column {place} of the header has no name")
        if name in seen:
            raise DataInvalid(source, f"line {line}", f"the header names {name!r} twice")
        seen.add(name)


def _value(text: str) -> Any:
    if not text:
        return None
    if text[0] not in _NUMBER_STARTS:
        return text
    match = _NUMBER.fullmatch(text)
    if match is None or text == "-0":
        return text
    if match["fraction"] is None:
        return int(text)
    number = float(text)
    return number if math.isfinite(number) else text


def _line_of(error: Exception, text: str) -> str:
    place = _BYTE.search(str(error))
    if place is None:
        return ""
    line = text.encode("utf-8", "surrogatepass")[: int(place[1])].count(b"\n") + 1
    return f"line {line}"
