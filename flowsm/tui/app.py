"""The program that fills the terminal: its first screen, and its look."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from textual.app import App
from textual.binding import Binding
from textual.screen import Screen

__all__ = ["FlowsmApp"]


class FlowsmApp(App[None]):
    """Shows one screen, and those that it opens; ends when the first one is left.

    Args:
        first: makes the first screen.
    """

    CSS_PATH = "look.tcss"
    ENABLE_COMMAND_PALETTE = False
    """It could write screenshots."""
    BINDINGS: ClassVar = [Binding("ctrl+c", "quit", priority=True)]
    TITLE = "flowsm"

    def __init__(self, first: Callable[[], Screen[Any]]) -> None:
        super().__init__()
        self._first = first

    def get_default_screen(self) -> Screen[Any]:
        """The first one."""
        return self._first()
