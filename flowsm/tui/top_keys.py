"""The keys of the list of executions: which action each does, and what is said of it."""

from __future__ import annotations

from typing import Final

from textual.binding import Binding, BindingType

__all__ = ["BINDINGS", "HELP", "HINTS"]

_KEYS: Final = (
    ("down,j", "move(1)", "↓ j", "the next execution"),
    ("up,k", "move(-1)", "↑ k", "the one before"),
    ("pagedown", "page(1)", "PgDn", "a screen on"),
    ("pageup", "page(-1)", "PgUp", "a screen back"),
    ("home", "goto(0)", "Home", "the first"),
    ("end", "goto(-1)", "End", "the last"),
    ("enter", "open", "Enter", "the debugger for this execution"),
    ("s", "sort(1)", "s", "sort by the next column"),
    ("S", "sort(-1)", "S", "sort by the column before"),
    ("r", "reverse", "r", "the other way round"),
    ("f", "filter(1)", "f", "only those of one status: the next one"),
    ("F", "filter(-1)", "F", "only those of one status: the one before"),
    ("slash", "ask_text", "/", "only those in whose id, flow, task or error a text occurs"),
    ("escape", "all", "Esc", "all of them again"),
    ("question_mark", "help", "?", "these keys"),
    ("q", "leave", "q", "leave"),
)
"""Keys, the action, how the keys are shown, what it does."""

BINDINGS: Final[list[BindingType]] = [Binding(keys, action) for keys, action, _, _ in _KEYS]

HELP: Final = (
    *((shown, what) for _, _, shown, what in _KEYS),
    ("", "`since` is when the execution moved last; `time` how long it takes, or took."),
    ("", "Nothing is executed here, and nothing is written."),
)
"""Keys as they are shown, and what they do."""

HINTS: Final = (
    ("Enter", "debug"),
    ("↑↓", "move"),
    ("sS", "sort"),
    ("r", "reverse"),
    ("fF", "status"),
    ("/", "filter"),
    ("Esc", "all"),
    ("?", "help"),
    ("q", "quit"),
)
"""What stands on the last line, as far as there is room."""
