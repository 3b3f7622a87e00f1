"""The keys of the debugger's screen: which action each does, and what is said of it."""

from __future__ import annotations

from typing import Final

from textual.binding import Binding, BindingType

__all__ = ["BINDINGS", "HELP", "HINTS"]

_KEYS: Final = (
    ("n,right,down", "move('step')", "n → ↓", "one event on"),
    ("p,left,up", "move('reverse_step')", "p ← ↑", "one event back"),
    ("N", "move('next')", "N", "on to the end of an attempt: the present one, or the next"),
    ("P", "move('reverse_next')", "P", "back to the beginning of an attempt: the present one, or the one before"),
    ("home", "goto(0)", "Home", "before the first event"),
    ("end", "goto(-1)", "End", "to the last event; there it follows what happens"),
    ("g", "ask_goto", "g", "go to an event, by its seq"),
    ("b", "ask_break", "b", "break at a task, a type of event or an outcome; delete N forgets one"),
    ("w", "ask_watch", "w", "watch a value: stop where it changes"),
    ("c", "move('continue_')", "c", "on to a breakpoint, a watch that changes, or the end"),
    ("C", "move('reverse_continue')", "C", "back to one of them, or the beginning"),
    ("d", "diff", "d", "what this event changed; again: the tab before"),
    ("i", "explain", "i", "why it stands here"),
    ("f", "fork", "f", "the command that forks the execution here"),
    ("slash", "ask_search", "/", "search in types, words and data of events; empty repeats it"),
    ("1,2,3,4", "", "1 2 3 4", "the tabs: state, result, error, diff"),
    ("tab", "tab_on", "Tab", "the next tab"),
    ("pagedown", "scroll(10)", "PgDn", "scroll what the tab shows"),
    ("pageup", "scroll(-10)", "PgUp", "scroll it back"),
    ("question_mark", "help", "?", "these keys"),
    ("q", "leave", "q", "leave"),
)
"""Keys, the action, how the keys are shown, what it does."""

_TABS: Final = tuple(Binding(str(number), f"tab({number - 1})") for number in range(1, 5))

BINDINGS: Final[list[BindingType]] = [*(Binding(keys, action) for keys, action, _, _ in _KEYS if action), *_TABS]

HELP: Final = (
    *((shown, what) for _, _, shown, what in _KEYS),
    ("", "Marks: ✓ well  ✗ failed  ▶ here  … waits  - skipped  ! interrupted  · not yet  ● breakpoint"),
    ("", "Nothing is executed here, and nothing is written."),
)
"""Keys as they are shown, and what they do."""

HINTS: Final = (
    ("np", "step"),
    ("NP", "task"),
    ("g", "goto"),
    ("b", "break"),
    ("w", "watch"),
    ("cC", "run"),
    ("d", "diff"),
    ("i", "why"),
    ("f", "fork"),
    ("/", "find"),
    ("?", "help"),
    ("q", "quit"),
)
"""What stands on the last line, as far as there is room."""
