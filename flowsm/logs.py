"""Log records as lines: JSON for programs, text for people. For those who set up `logging` of their own, too."""

from __future__ import annotations

import logging
import re
import traceback
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from flowsm.runtime.served import served_execution
from flowsm.wording.text import safe, visible_lines

__all__ = ["FIELDS", "PRINTED", "JsonFormatter", "TextFormatter"]

PRINTED: Final = "flowsm.printed"
"""The logger of what tasks print, where that is logged."""

FIELDS: Final = (
    "execution_id",
    "flow_id",
    "task",
    "visit",
    "attempt",
    "seq",
    "event",
    "outcome",
    "duration_ms",
    "error",
    "trace_id",
)
"""What a record may carry besides its message; left out where it does not."""

_ENGINES: Final = frozenset({"asyncio", "flowsm", "uvicorn"})
"""Whose records name the executions that they are about: they may come from anywhere, whatever code runs there."""
_PLAIN: Final = (str, int, float, bool)
_OBEYED: Final = re.compile("[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""What JSON may hold as it is, but some readers of lines, or terminals, obey."""


class JsonFormatter(logging.Formatter):
    """A record as one line of JSON, whatever its message holds.

    It has `time` (RFC 3339, UTC), `level`, `logger` and `message`; those of `FIELDS` that the record carries, and of
    what tasks' own code logs the execution that it is part of; and `exception` (`type`, `message`, `traceback`).
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        line: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname,
            "logger": record.name,
            "message": _message(record),
            **_fields(record),
        }
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            line["exception"] = {
                "type": type(error).__qualname__,
                "message": str(error),
                "traceback": "".join(traceback.format_exception(error)),
            }
        if record.stack_info:
            line["stack"] = record.stack_info
        try:
            text = msgspec.json.encode(line).decode()
        except UnicodeEncodeError:  # half a character, which is no text
            text = msgspec.json.encode(_whole(line)).decode()
        return _OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


class TextFormatter(logging.Formatter):
    """A record as a line for people: time, level, logger, message, and what it carries of `FIELDS`; then its traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, and those of the traceback, without the last one's end."""
        carried = "".join(f" {name}={safe(value)}" for name, value in _fields(record).items())
        line = f"{_time(record)} {record.levelname} {safe(record.name)} {safe(_message(record))}{carried}"
        error = record.exc_info[1] if record.exc_info else None
        if error is None:
            return line
        return f"{line}\n{visible_lines(''.join(traceback.format_exception(error)).rstrip())}"


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - arguments bring their own code, and what fits badly is still told
        return f"{record.msg!r}, with arguments that do not fit it"


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    carried = record.__dict__
    found = {name: carried[name] for name in FIELDS if carried.get(name) is not None}
    if "execution_id" not in found and (record.name == PRINTED or record.name.partition(".")[0] not in _ENGINES):
        execution_id = served_execution()
        if execution_id is not None:
            found = {"execution_id": execution_id} | found
    return {name: value if type(value) in _PLAIN else str(value) for name, value in found.items()}


def _whole(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _whole(item) for name, item in value.items()}
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value
