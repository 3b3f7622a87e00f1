"""The list of all executions, live: what is on the screen is asked for again when the log has changed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import msgspec
from textual.app import ComposeResult
from textual.content import Content
from textual.events import Click
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Static

from flowsm.errors import FlowsmError
from flowsm.manager import FlowManager
from flowsm.projections.listing import ORDERS, Listed, Wanted
from flowsm.projections.queries import ExecutionRow
from flowsm.status import FlowStatus
from flowsm.tui import top_keys
from flowsm.tui.boxes import TextBox, key_lines
from flowsm.tui.debug_screen import DebugScreen
from flowsm.tui.hints import Hints
from flowsm.tui.lines import Lines
from flowsm.tui.paint import FAINT, hint_line, marked, plain
from flowsm.tui.prompt import Prompt
from flowsm.tui.sizes import SizeOfTerminal
from flowsm.tui.top_rows import heading, row_content
from flowsm.wording.owner import deserted
from flowsm.wording.text import counted

__all__ = ["TopScreen"]

_LOOK_AGAIN_SECONDS: Final = 1.0
_SHOWN_STATUSES: Final = (
    FlowStatus.RUNNING,
    FlowStatus.FAILED,
    FlowStatus.WAITING,
    FlowStatus.PAUSED,
    FlowStatus.CREATED,
    FlowStatus.CANCELLED,
    FlowStatus.COMPLETED,
)
"""What needs a look stands first."""
_STATUSES: Final = (None, *_SHOWN_STATUSES)
_MARGIN_ROWS: Final = 50
"""Rows that are asked for before and after those on the screen."""


class ExecutionLines(Lines):
    """The rows of a window; those outside it are not known yet."""

    class Scrolled(Message):
        """Other rows are on the screen now."""

    class Chosen(Message):
        """Somebody clicked at a row."""

        def __init__(self, place: int) -> None:
            self.place = place
            super().__init__()

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.notes: dict[str, str] = {}
        self.now = datetime.now(UTC)
        self._items: dict[int, ExecutionRow] = {}

    def put(self, listed: Listed, cursor: int) -> None:
        """Show a window of a list."""
        self._items = dict(enumerate(listed.items, start=listed.offset))
        self.show(listed.total, cursor)

    def item(self, place: int) -> ExecutionRow | None:
        """The execution in a row; None where it is not known yet."""
        return self._items.get(place)

    def place_of(self, execution_id: str) -> int | None:
        """The row of an execution, if it is in the window."""
        return next((place for place, item in self._items.items() if item.execution_id == execution_id), None)

    def row(self, place: int, width: int) -> Content:
        """See `Lines`."""
        item = self._items.get(place)
        if item is None:
            return plain("…", FAINT)
        return row_content(item, self.now, width, self.notes.get(item.execution_id, ""))

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Have what is on the screen now asked for."""
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self.post_message(self.Scrolled())

    def on_click(self, event: Click) -> None:
        """Say at which row."""
        self.post_message(self.Chosen(self.scroll_offset.y + event.y))


class TopScreen(SizeOfTerminal, Screen[None]):
    """All executions; it only looks.

    Args:
        manager: the log that they are in.
        hints: about the command that opened it.
    """

    AUTO_FOCUS = ""
    BINDINGS = top_keys.BINDINGS

    def __init__(self, manager: FlowManager, hints: Hints) -> None:
        super().__init__()
        self.wanted = Wanted()
        self.cursor = 0
        self._chosen = ""
        self._manager = manager
        self._hints = hints
        self._version: int | None = None
        self._listed = Listed(items=[], offset=0, total=0, counts={})

    def compose(self) -> ComposeResult:
        """The panes."""
        yield Static(id="counts", markup=False)
        yield Static(id="columns", markup=False)
        yield ExecutionLines(id="executions")
        yield Prompt(id="prompt")
        yield Static(id="keys", markup=False)

    @property
    def lines(self) -> ExecutionLines:
        """The list itself."""
        return self.query_one(ExecutionLines)

    def on_mount(self) -> None:
        """Ask for the first rows, and look again and again."""
        self.call_after_refresh(self.ask)
        self.set_interval(_LOOK_AGAIN_SECONDS, self.look_again)

    def on_resize(self) -> None:
        """As many keys are named as there is room for."""
        self.query_one("#keys", Static).update(hint_line(top_keys.HINTS, self.size.width))
        self.call_after_refresh(self.ask)

    # -- what is shown -------------------------------------------------------------------------

    async def look_again(self) -> None:
        """Ask for what is on the screen if the log has changed; those that run grow older anyway."""
        if not self.is_current:
            return
        try:
            version = self._manager.version()
        except FlowsmError as error:  # the log is locked, say: there is another time
            self._say(str(error), "failed")
            return
        if version != self._version:
            self._version = version
            await self.ask()
        else:
            self.lines.now = datetime.now(UTC)
            self.lines.refresh()

    async def ask(self, *, brings: bool = False) -> None:
        """Ask for what is on the screen, and show it; the lit execution stays the lit one, if it is still near.

        With `brings` it will be on the screen.
        """
        height = max(self.lines.size.height, 1)
        top = self.cursor - height if brings else self.lines.scroll_offset.y
        listed = await self._read(max(top - _MARGIN_ROWS, 0), 2 * (height + _MARGIN_ROWS))
        if listed is not None:
            self._listed = listed
            self._show(brings=brings)

    async def _read(self, offset: int, limit: int) -> Listed | None:
        """A window, and what there is to say of its rows; None, and said, where the log cannot be read now."""
        try:
            listed = await self._manager.listing(self.wanted, offset=offset, limit=limit)
            lines = self.lines
            lines.notes = await deserted(self._manager, ((item.execution_id, item.status) for item in listed.items))
        except FlowsmError as error:
            self._say(str(error), "failed")
            self._version = None  # the next look asks again
            return None
        return listed

    def _show(self, *, brings: bool) -> None:
        lines, listed = self.lines, self._listed
        lines.now = datetime.now(UTC)
        follows = lines.can_be_seen(self.cursor)
        lines.put(listed, self.cursor)
        place = lines.place_of(self._chosen)
        self.cursor = max(min(self.cursor if place is None else place, listed.total - 1), 0)
        if not self._chosen or lines.item(self.cursor) is not None:  # else it is far from the screen, and stays chosen
            self._choose()
        lit = self.cursor if listed.total else None
        lines.show(listed.total, lit, bring=lit if follows or brings else None)
        width = lines.scrollable_content_region.width
        self.query_one("#columns", Static).update(heading(width, self.wanted.order, descending=self.wanted.descending))
        self.query_one("#counts", Static).update(self._counts())

    def _choose(self) -> None:
        item = self.lines.item(self.cursor)
        self._chosen = item.execution_id if item is not None else ""

    def _counts(self) -> Content:
        counts, wanted = self._listed.counts, self.wanted
        count = sum(counts.values())
        words = counted(count, "execution")
        if wanted.status is not None or wanted.text:
            text = f" with {wanted.text!r}" if wanted.text else ""
            words = f"{self._listed.total:,} of {words}: {wanted.status or 'those'}{text}"
        parts = [
            marked(status.value) + plain(f" {counts[status.value]:,}", "bold")
            for status in _SHOWN_STATUSES
            if counts.get(status.value)
        ]
        return Content("  ").join([plain(words, "bold"), *parts])

    def _say(self, words: str, status: str = "") -> None:
        self.query_one(Prompt).say(words, status)

    # -- motions -------------------------------------------------------------------------------

    async def action_goto(self, place: int) -> None:
        """To a row, -1 for the last."""
        total = self._listed.total
        self.cursor = max(min(total - 1 if place < 0 else place, total - 1), 0)
        self._choose()
        if self._chosen:
            self.lines.show(total, self.cursor, bring=self.cursor)
        else:
            await self.ask(brings=True)

    async def action_move(self, rows: int) -> None:
        """So many rows on."""
        await self.action_goto(max(self.cursor + rows, 0))

    async def action_page(self, screens: int) -> None:
        """So many screens on."""
        await self.action_move(screens * max(self.lines.size.height - 1, 1))

    async def on_execution_lines_scrolled(self) -> None:
        """Ask for rows that are not known yet."""
        top = self.lines.scroll_offset.y
        shown = range(top, min(top + self.lines.size.height, self._listed.total))
        if any(self.lines.item(place) is None for place in shown):
            listed = await self._read(max(top - _MARGIN_ROWS, 0), self.lines.size.height + 2 * _MARGIN_ROWS)
            if listed is not None:
                self.lines.put(listed, self.cursor)

    async def on_execution_lines_chosen(self, message: ExecutionLines.Chosen) -> None:
        """To the one that was clicked."""
        if message.place < self._listed.total:
            await self.action_goto(message.place)

    # -- which of them, and in which order -----------------------------------------------------

    async def _want(self, **changes: object) -> None:
        self.wanted = msgspec.structs.replace(self.wanted, **changes)
        self.cursor, self._chosen = 0, ""
        await self.ask(brings=True)

    async def action_sort(self, columns: int) -> None:
        """By another column."""
        order = ORDERS[(ORDERS.index(self.wanted.order) + columns) % len(ORDERS)]
        self._say(f"sorted by {order}")
        await self._want(order=order)

    async def action_reverse(self) -> None:
        """The other way round."""
        await self._want(descending=not self.wanted.descending)

    async def action_filter(self, statuses: int) -> None:
        """Those of another status."""
        place = _STATUSES.index(self.wanted.status) + statuses
        await self._want(status=_STATUSES[place % len(_STATUSES)])

    async def action_all(self) -> None:
        """All of them again."""
        await self._want(status=None, text="")

    def action_ask_text(self) -> None:
        """Those with which text?"""

        def take(line: str) -> None:
            self.run_worker(self._want(text=line.strip()), exclusive=True)

        self.query_one(Prompt).ask("show those with:", take, self.wanted.text)

    # -- looks ---------------------------------------------------------------------------------

    async def action_open(self) -> None:
        """The debugger for the lit one."""
        if not self._chosen:
            return
        try:
            history = await self._manager.browse(self._chosen)
            screen = DebugScreen(self._manager, history, None, self._hints)
        except FlowsmError as error:
            self._say(str(error), "failed")
            return
        self.app.push_screen(screen)

    def action_help(self) -> None:
        """Which keys are there?"""
        self.app.push_screen(TextBox("Keys", key_lines(top_keys.HELP)))

    def action_leave(self) -> None:
        """Out."""
        self.app.exit()
