"""Log records as lines: JSON for programs, text for people. For those who set up `logging` of their own, too."""

from __future__ import annotations

import logging
import re
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from flowsm.runtime.served import served_execution
from flowsm.tasks.veil import Veil, veil_of_all
from flowsm.tasks.veiled_logger import VEILED_EXCEPTION, told_of
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
_LATE: Final = frozenset({"asyncio", "py.warnings"})
"""Whose records are about what tasks left behind, or did, and do not pass by `context.logger`."""
_NOTHING: Final = Veil()
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
        exception = _exception(record)
        if exception is not None:
            line["exception"] = exception
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
        exception = _exception(record)
        return line if exception is None else f"{line}\n{visible_lines(exception['traceback'].rstrip())}"


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _message(record: logging.LogRecord) -> str:
    try:
        return _veil(record).text(record.getMessage())
    except Exception:  # noqa: BLE001 - arguments bring their own code, and what fits badly is still told
        return f"{record.msg!r}, with arguments that do not fit it"


def _exception(record: logging.LogRecord) -> dict[str, str] | None:
    """The exception that a record is about, in texts; None where it is about none."""
    told: dict[str, str] | None = record.__dict__.get(VEILED_EXCEPTION)
    error = record.exc_info[1] if record.exc_info else None
    return told if told is not None or error is None else told_of(error, _veil(record))


def _veil(record: logging.LogRecord) -> Veil:
    """What hides the secrets that a record may hold."""
    return veil_of_all() if record.name in _LATE else _NOTHING


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
