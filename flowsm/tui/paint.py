"""Text with colours: a shape or a word always says the same, for those who see no colours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from textual.content import Content

from flowsm.wording.text import MARKS, safe

__all__ = ["FAINT", "STYLES", "hint_line", "marked", "plain"]

FAINT: Final = "$foreground 55%"
"""What is not yet, or matters less."""

STYLES: Final = {
    "completed": "$text-success",
    "success": "$text-success",
    "failed": "$text-error",
    "failure": "$text-error",
    "timed_out": "$text-error",
    "cancelled": "$text-warning",
    "interrupted": "$text-warning",
    "paused": "$text-warning",
    "skipped": FAINT,
    "never": FAINT,
    "running": "$text-primary",
    "waiting": "$text-primary",
    "current": "bold $text-primary",
}
"""Colours by status."""


def plain(text: object, style: str = "") -> Content:
    """Text as it is, on one line: nothing in it is markup, or obeyed by a terminal."""
    return Content.styled(safe(text), style)


def marked(status: str) -> Content:
    """A status with its mark and its colour."""
    return plain(f"{MARKS.get(status, '·')} {status}", STYLES.get(status, ""))


def hint_line(hints: Sequence[tuple[str, str]], width: int) -> Content:
    """Keys and what they do, on one line; the last two are always there, of the others as many as there is room for.

    A key that is the first letter of what it does is lit there.
    """
    parts = [_hint(key, what) for key, what in hints]
    roomy = sum(part.cell_length + 2 for part in parts) <= width
    parts = [part + plain("  " if roomy else " ") for part in parts]
    last = Content().join(parts[-2:])
    line = Content()
    for part in parts[:-2]:
        if line.cell_length + part.cell_length + last.cell_length > width:
            break
        line += part
    return line + last


def _hint(key: str, what: str) -> Content:
    if what.startswith(key):
        return plain(key, "reverse bold") + plain(what.removeprefix(key))
    return plain(key, "reverse bold") + plain(f" {what}")
