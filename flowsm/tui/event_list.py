"""The event list: a row an event, read when it is shown; the one where the cursor stands is lit."""

from __future__ import annotations

from typing import Final

from textual.content import Content
from textual.events import Click
from textual.message import Message

from flowsm.errors import FlowsmError
from flowsm.replay.debugger import Debugger
from flowsm.tui.event_rows import EventRow, row_of
from flowsm.tui.lines import Lines
from flowsm.tui.paint import FAINT, STYLES, plain
from flowsm.wording.text import MARKS

__all__ = ["EventList"]

_TIME_FROM_COLUMNS: Final = 72
"""Narrower lists do without the times."""
_TYPE_COLUMNS: Final = 16
_KEPT_MAX: Final = 1_000
_STOP: Final = "●"


class EventList(Lines):
    """The rows of a debugger's history; row 0 is the place before the first event."""

    class Chosen(Message):
        """Somebody clicked at an event."""

        def __init__(self, seq: int) -> None:
            self.seq = seq
            super().__init__()

    def __init__(self, debugger: Debugger, *, id: str) -> None:
        super().__init__(id=id)
        self._debugger = debugger
        self._kept: dict[int, EventRow] = {}
        self._last = 0

    def look(self) -> None:
        """Show where the debugger is now."""
        last = self._debugger.history.last
        if last != self._last:
            self._kept.pop(self._last, None)  # its group may go on
            self._last = last
        self.show(last + 1, self._debugger.seq, bring=self._debugger.seq)

    def row(self, place: int, width: int) -> Content:
        """An event: seq, group, mark, type, what happened; greyed where the cursor has not come to it."""
        if place == 0:
            return plain(f"{'0':>{self._digits()}}   before the first event", FAINT)
        try:
            row = self._row(place)
        except FlowsmError as error:
            return plain(f"{place:>{self._digits()}} ✗ {error}", STYLES["failure"])
        return self._content(row, width)

    def on_click(self, event: Click) -> None:
        """Say at which row."""
        place = self.scroll_offset.y + event.y
        if place < self.count:
            self.post_message(self.Chosen(place))

    def _row(self, seq: int) -> EventRow:
        if seq not in self._kept:
            if len(self._kept) >= _KEPT_MAX:
                self._kept.clear()
            self._kept[seq] = row_of(self._debugger.history, seq)
        return self._kept[seq]

    def _digits(self) -> int:
        return max(len(str(self._last)), 2)

    def _content(self, row: EventRow, width: int) -> Content:
        future = row.seq > self._debugger.seq
        colour = FAINT if future else STYLES.get(row.status, "")
        stop = self._stops_at(row.seq)
        time = plain(f" {row.time}", FAINT) if width >= _TIME_FROM_COLUMNS else Content()
        mark = MARKS.get(row.status, " ") if row.status else " "
        return (
            plain(f"{row.seq:>{self._digits()}}", FAINT if future else "bold")
            + plain(_STOP if stop else " ", STYLES["failure"])
            + time
            + plain(f" {row.brace}", FAINT)
            + plain(f"{mark} ", colour)
            + plain(f"{row.type:<{_TYPE_COLUMNS}}", FAINT if future else STYLES["running"])
            + plain(f" {row.words}", colour)
        )

    def _stops_at(self, seq: int) -> bool:
        event = self._debugger.history.event(seq)
        return any(one.matches(event) for one in self._debugger.breakpoints.values())
