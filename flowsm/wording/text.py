"""Values, moments and statuses in a few words, without anything that a terminal would obey."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Final

__all__ = ["MARKS", "counted", "local_time", "safe", "seconds_text", "short", "visible_lines"]

_REORDERING: Final = (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x2028, 0x2029)
_UNPRINTABLE: Final = {
    **{code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))},
    **{code: f"\\u{code:04x}" for code in _REORDERING},
    ord("\n"): "\\n",
    ord("\r"): "\\r",
    ord("\t"): "\\t",
}
_LINES_KEPT: Final = _UNPRINTABLE | {ord("\n"): "\n"}

MARKS: Final = {
    "completed": "✓",
    "success": "✓",
    "failed": "✗",
    "failure": "✗",
    "timed_out": "✗",
    "cancelled": "✗",
    "interrupted": "!",
    "skipped": "-",
    "running": "▶",
    "waiting": "…",
    "created": "·",
}
"""The shape that goes with a status, for those who see no colours."""


def counted(number: int, thing: str) -> str:
    """So many of a thing whose plural takes an s: `1 event`, `1,000 events`."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def safe(text: object) -> str:
    """The text on one line, without anything that a terminal would obey."""
    return str(text).translate(_UNPRINTABLE)


def visible_lines(text: str) -> str:
    """The same, on as many lines as the text has."""
    return text.translate(_LINES_KEPT)


def short(value: Any, limit_chars: int = 200) -> str:
    """The beginning of a value's JSON text, on one line."""
    text = safe(json.dumps(value, ensure_ascii=False))
    return text if len(text) <= limit_chars else text[: limit_chars - 1] + "…"


def seconds_text(seconds: float | None) -> str:
    """A duration for people; nothing where there is none."""
    if seconds is None:
        return ""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def local_time(moment: datetime | None) -> str:
    """A moment in the local time zone, to the second; nothing where there is none."""
    return "" if moment is None else moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")
