"""Screens that lie above another one: a text to read, until a key is pressed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen

from flowsm.tui.lines import TextLines
from flowsm.tui.paint import plain
from flowsm.tui.sizes import SizeOfTerminal

__all__ = ["TextBox", "key_lines"]

_KEYS_COLUMNS: Final = 12


class TextBox(SizeOfTerminal, ModalScreen[None]):
    """Lines of text under a title; the arrows scroll."""

    BINDINGS = [
        Binding("escape,q,enter,question_mark,i,f", "leave"),
        Binding("down,j", "scroll(1)"),
        Binding("up,k", "scroll(-1)"),
        Binding("pagedown,space", "scroll(10)"),
        Binding("pageup", "scroll(-10)"),
    ]

    def __init__(self, title: str, lines: Sequence[Content]) -> None:
        super().__init__()
        self._title = title
        self._lines = lines

    def compose(self) -> ComposeResult:
        """A frame with the lines in it."""
        with Vertical(id="box") as frame:
            frame.border_title = plain(self._title).markup
            frame.border_subtitle = "Esc: back   ↑ ↓: scroll"
            yield TextLines(id="text")

    def on_mount(self) -> None:
        """Fill it, once its width is known."""
        self.call_after_refresh(self.query_one(TextLines).put, self._lines)

    def action_leave(self) -> None:
        """Go back."""
        self.dismiss()

    def action_scroll(self, rows: int) -> None:
        """Scroll by so many rows."""
        text = self.query_one(TextLines)
        text.scroll_to(y=text.scroll_offset.y + rows, animate=False)


def key_lines(keys: Sequence[tuple[str, str]]) -> list[Content]:
    """A line for each key, or keys, with what they do; a line of its own for words without a key."""
    return [
        plain(f"{key:<{_KEYS_COLUMNS}}", "bold") + plain(what) if key else plain(what, "bold") for key, what in keys
    ]
