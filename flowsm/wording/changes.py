"""What differs between two states, in words."""

from __future__ import annotations

from typing import Final

from flowsm.replay.difference import Change
from flowsm.wording.text import safe, short

__all__ = ["SIGNS", "change_text"]

SIGNS: Final = {"add": "+", "remove": "-", "replace": "~"}


def change_text(change: Change) -> str:
    """A change on one line: its sign, where, the value that was, and the one that is."""
    values = [short(change.before)] if change.op != "add" else []
    values += [short(change.after)] if change.op != "remove" else []
    return f"{SIGNS[change.op]} {safe(change.path)}: {' → '.join(values)}"
