"""The slider: where the cursor stands among all events; a click goes there."""

from __future__ import annotations

from textual.content import Content
from textual.events import Click
from textual.message import Message
from textual.widget import Widget

from flowsm.tui.paint import FAINT, STYLES, plain

__all__ = ["Slider"]


class Slider(Widget):
    """A line from 0 to the last event."""

    DEFAULT_CSS = "Slider { height: 1; }"

    class Moved(Message):
        """Somebody clicked at the place of this event."""

        def __init__(self, seq: int) -> None:
            self.seq = seq
            super().__init__()

    seq = 0
    last = 0

    def put(self, seq: int, last: int) -> None:
        """Show the place of an event among so many."""
        self.seq, self.last = seq, last
        self.refresh()

    def render(self) -> Content:
        """The line, and figures after it."""
        wide = self._wide()
        place = self._place(self.seq, wide)
        return (
            plain("├", FAINT)
            + plain("━" * place, STYLES["running"])
            + plain("●", "bold")
            + plain("─" * (wide - place - 1), FAINT)
            + plain("┤", FAINT)
            + plain(self._figures(), "bold")
        )

    def on_click(self, event: Click) -> None:
        """Say where it was clicked."""
        wide = self._wide()
        within = min(max(event.x - 1, 0), wide - 1)
        self.post_message(self.Moved(round(within * self.last / max(wide - 1, 1))))

    def _figures(self) -> str:
        return f" {self.seq:>{len(str(self.last))}}/{self.last}"

    def _wide(self) -> int:
        return max(self.size.width - len(self._figures()) - 2, 2)

    def _place(self, seq: int, wide: int) -> int:
        return round(seq * (wide - 1) / self.last) if self.last else 0
