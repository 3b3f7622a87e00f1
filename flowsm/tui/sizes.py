"""Which size a screen takes where several are told."""

from __future__ import annotations

from textual import on
from textual.events import Resize
from textual.message_pump import MessagePump

__all__ = ["SizeOfTerminal"]


class SizeOfTerminal(MessagePump):
    """Mixed into a screen (before `Screen`): it takes no size but that which the terminal has now.

    A screen lays itself out for each size that it is told, and then tells itself that size once more. If the terminal
    has meanwhile another one, old and new would be told in turn without end. And of sizes that wait to be heard only
    the last one is: what the screen told itself may have taken the place of the new one.
    """

    @on(Resize)
    def let_go_of_old(self, event: Resize) -> None:
        """Let go of a size that the terminal had before, and take the one that it has."""
        size = self.app.size
        if event.size != size:
            event.prevent_default()
            self.post_message(Resize(size, size))
