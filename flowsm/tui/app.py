"""The program that fills the terminal: its first screen, and its look."""

from __future__ import annotations

from collections.abc import Callable
from shutil import get_terminal_size
from typing import Any, ClassVar, Final

from textual import on
from textual.app import App
from textual.binding import Binding
from textual.events import Resize
from textual.geometry import Size
from textual.screen import Screen
from textual.timer import Timer

__all__ = ["FlowsmApp"]

_SETTLED_SECONDS: Final = 0.1


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
        self._settling: Timer | None = None

    def get_default_screen(self) -> Screen[Any]:
        """The first one."""
        return self._first()

    @on(Resize)
    def look_again(self) -> None:
        """Look once more how large the terminal is: signals of sizes that come fast overtake each other."""
        if not self.is_headless and self._settling is None:
            self._settling = self.set_timer(_SETTLED_SECONDS, self._take_size)

    def _take_size(self) -> None:
        self._settling = None
        size = Size(*get_terminal_size())
        if size != self.size:
            self.post_message(Resize(size, size))
