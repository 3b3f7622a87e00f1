"""Which size a screen takes where several are told."""

from __future__ import annotations

from textual import on
from textual.events import Resize
from textual.message_pump import MessagePump

__all__ = ["SizeOfTerminal"]


class SizeOfTerminal(MessagePump):
    """Mixed into a screen (before `Screen`): it takes no size but that which the terminal has now.

    A screen lays itself out for each size that it is told, and then tells itself that size once more. If the terminal
    has meanwhile another one, old and new would be told in turn without end. The new one is told by the app anyway.
    """

    @on(Resize)
    def let_go_of_old(self, event: Resize) -> None:
        """Let go of a size that the terminal had before."""
        if event.size != self.app.size:
            event.prevent_default()
