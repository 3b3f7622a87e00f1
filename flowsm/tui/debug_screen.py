"""The debugger's screen: machine, events, what is here, and where among all events that is."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from functools import partial
from typing import Final

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from flowsm.errors import FlowsmError, UsageError
from flowsm.manager import FlowManager
from flowsm.replay.debugger import Debugger, Stop
from flowsm.replay.explain import explain
from flowsm.replay.history import History
from flowsm.replay.stops import Breakpoint, Watch
from flowsm.tui import debug_keys
from flowsm.tui.boxes import TextBox, key_lines
from flowsm.tui.details import TABS, lines_of, tab_has
from flowsm.tui.event_list import EventList
from flowsm.tui.explanation import explanation_lines
from flowsm.tui.hints import Hints
from flowsm.tui.lines import TextLines
from flowsm.tui.machine_rows import machine_rows
from flowsm.tui.paint import FAINT, STYLES, hint_line, marked, plain
from flowsm.tui.prompt import Prompt
from flowsm.tui.search import find
from flowsm.tui.sizes import SizeOfTerminal
from flowsm.tui.slider import Slider
from flowsm.wording.stops import hit_text, name_of

__all__ = ["DebugScreen"]

_LOOK_AGAIN_SECONDS: Final = 0.5
_KINDS: Final = ("task", "type", "outcome")
_MARKED_TABS: Final = {"error": "✗"}


class DebugScreen(SizeOfTerminal, Screen[None]):
    """A debugger at work; it only looks.

    Args:
        manager: the log in which the execution is.
        history: what it is to go through, as `FlowManager.browse` gives it.
        seq: where to begin; None at the last event, where it follows what happens.
        hints: about the command that opened it.
    """

    AUTO_FOCUS = ""
    BINDINGS = debug_keys.BINDINGS

    def __init__(self, manager: FlowManager, history: History, seq: int | None, hints: Hints) -> None:
        super().__init__()
        self.debugger = Debugger(history, history.last if seq is None else seq)
        self.tab = TABS[0]
        self._tab_before = TABS[0]
        self._manager = manager
        self._hints = hints
        self._sought = ""

    def compose(self) -> ComposeResult:
        """The panes."""
        yield Static(id="head", markup=False)
        with Horizontal(id="panes"):
            yield TextLines(id="machine", breaks=False)
            with Vertical():
                yield EventList(self.debugger, id="events")
                yield Static(id="tabs", markup=False)
                yield TextLines(id="detail")
        yield Slider(id="slider")
        yield Prompt(id="prompt")
        yield Static(id="keys", markup=False)

    def on_mount(self) -> None:
        """Fill the panes, and look again and again for new events."""
        self.call_after_refresh(self.look)
        self.set_interval(_LOOK_AGAIN_SECONDS, self.look_again)

    def on_resize(self) -> None:
        """As many keys are named as there is room for."""
        self.query_one("#keys", Static).update(hint_line(debug_keys.HINTS, self.size.width))
        self.call_after_refresh(self.look)

    # -- what is shown -------------------------------------------------------------------------

    def look(self, *, from_top: bool = False) -> None:
        """Show the place where the debugger stands."""
        try:
            self._show(from_top=from_top)
        except FlowsmError as error:
            self.say(str(error), "failed")

    def _show(self, *, from_top: bool) -> None:
        debugger, history = self.debugger, self.debugger.history
        self.query_one("#head", Static).update(self._head())
        found = machine_rows(debugger.machine, debugger.state)
        self.query_one("#machine", TextLines).put(found.rows, bring=found.current)
        self.query_one(EventList).look()
        self.query_one("#tabs", Static).update(self._tab_line())
        self.query_one("#detail", TextLines).put(lines_of(debugger, self.tab), bring=0 if from_top else None)
        self.query_one(Slider).put(debugger.seq, history.last)

    def _head(self) -> Content:
        history = self.debugger.history
        flow = self.debugger.machine.flow
        names = plain(f"  {flow.name} ({flow.id})", "bold") + plain(f"  execution {history.stream}", FAINT)
        try:
            latest = history.state_at(history.last)
        except FlowsmError:  # the log is broken further on: here it can be looked at all the same
            return plain("✗ broken", STYLES["failed"]) + names
        live = plain("" if latest.ended_at is not None else "  ● followed live", STYLES["running"])
        return marked(latest.status.value) + names + live

    def _tab_line(self) -> Content:
        line = Content()
        for number, tab in enumerate(TABS, start=1):
            has = tab_has(self.debugger, tab)
            sign = _MARKED_TABS.get(tab, "") if has else ""
            style = "reverse bold" if tab == self.tab else "" if has else FAINT
            line += plain(f" {number} {tab}{sign} ", style) + plain("─", FAINT)
        return line + plain("─" * self.size.width, FAINT)

    def say(self, words: str, status: str = "") -> None:
        """Say something on the line of the prompt."""
        self.query_one(Prompt).say(words, status)

    async def look_again(self) -> None:
        """Show events that were recorded meanwhile; at the last one it stays at the last one."""
        history = self.debugger.history
        before = history.last
        try:
            last = await self._manager.refresh(history)
        except FlowsmError as error:  # the log is locked, say: there is another time
            self.say(str(error), "failed")
            return
        if last != before:
            if self.debugger.seq == before:
                self._try(partial(self.debugger.goto, last))
            else:
                self.look()

    # -- motions -------------------------------------------------------------------------------

    def action_move(self, motion: str) -> None:
        """A motion of the debugger, by its name."""
        self._try(getattr(self.debugger, motion))

    def action_goto(self, seq: int) -> None:
        """To an event, -1 for the last."""
        self._try(partial(self.debugger.goto, self.debugger.history.last if seq < 0 else seq))

    def on_event_list_chosen(self, message: EventList.Chosen) -> None:
        """To the one that was clicked."""
        self.action_goto(message.seq)

    def on_slider_moved(self, message: Slider.Moved) -> None:
        """To the place that was clicked."""
        self.action_goto(message.seq)

    def _try(self, motion: Callable[[], Stop]) -> None:
        self.workers.cancel_group(self, "search")
        try:
            stop = motion()
        except FlowsmError as error:
            self.say(str(error), "failed")
            return
        words = [hit_text(hit) for hit in stop.hits]
        if stop.why in {"end", "beginning"}:
            words.append(f"the {stop.why} of the execution")
        self.say("; ".join(words))
        self.look()

    # -- questions -----------------------------------------------------------------------------

    def _ask(self, words: str, answer: Callable[[str], None], value: str = "") -> None:
        def take(line: str) -> None:
            try:
                answer(line.strip())
            except FlowsmError as error:
                self.say(str(error), "failed")
            else:
                self.look()

        self.query_one(Prompt).ask(words, take, value)

    def action_ask_goto(self) -> None:
        """To which event?"""
        self._ask(f"go to event (0 to {self.debugger.history.last})", self._goto)

    def _goto(self, line: str) -> None:
        if not (line.isascii() and line.isdecimal()):
            raise UsageError(f"expected an event's seq, found {line!r}")
        self.action_goto(int(line))

    def action_ask_break(self) -> None:
        """Where to stop?"""
        task = self.debugger.state.current_task
        self._ask("break task|type|outcome NAME, delete N:", self._break, f"task {task}" if task else "task ")

    def _break(self, line: str) -> None:
        kind, _, pattern = line.partition(" ")
        if kind == "delete":
            self._delete(pattern.strip())
            return
        if kind not in _KINDS or not pattern.strip():
            raise UsageError(f"expected task NAME, type TYPE, outcome WORD or delete NUMBER, found {line!r}")
        self.say(name_of(self.debugger.add_break(kind, pattern.strip())))

    def _delete(self, number: str) -> None:
        self.debugger.delete(int(number) if number.isascii() and number.isdecimal() else None)
        left: list[Breakpoint | Watch] = [*self.debugger.breakpoints.values(), *self.debugger.watches.values()]
        self.say("; ".join(name_of(one) for one in left) or "no breakpoints, no watches")

    def action_ask_watch(self) -> None:
        """Which value?"""
        self._ask("watch path:", self._watch, "results.")

    def _watch(self, line: str) -> None:
        self.say(name_of(self.debugger.add_watch(line)))

    def action_ask_search(self) -> None:
        """Which text?"""
        self._ask("search:" + (f" ({self._sought})" if self._sought else ""), self._search)

    def _search(self, line: str) -> None:
        self._sought = line or self._sought
        if self._sought:
            self.run_worker(self._find(self._sought), group="search", exclusive=True)

    async def _find(self, text: str) -> None:
        self.say(f"searching {text!r} …")
        try:
            seq = await find(self.debugger.history, self.debugger.seq, text)
            if seq is not None:
                self.debugger.goto(seq)
        except FlowsmError as error:
            self.say(str(error), "failed")
            return
        self.say(f"no event has {text!r} in it" if seq is None else f"{text!r} is in event {seq}")
        self.look()

    # -- looks ---------------------------------------------------------------------------------

    def action_tab(self, number: int) -> None:
        """Show a tab."""
        self.tab = TABS[number]
        self.look(from_top=True)

    def action_tab_on(self) -> None:
        """Show the next tab."""
        self.action_tab((TABS.index(self.tab) + 1) % len(TABS))

    def action_diff(self) -> None:
        """Show what the event changed, or the tab before that."""
        if self.tab == "diff":
            self.action_tab(TABS.index(self._tab_before))
        else:
            self._tab_before = self.tab
            self.action_tab(TABS.index("diff"))

    def action_scroll(self, rows: int) -> None:
        """Scroll what the tab shows."""
        detail = self.query_one("#detail", TextLines)
        detail.scroll_to(y=detail.scroll_offset.y + rows, animate=False)

    async def action_explain(self) -> None:
        """Why does it stand here?"""
        history, seq = self.debugger.history, self.debugger.seq
        try:
            if seq == history.last:  # then it matters, too, who has it now
                found = await self._manager.explain(history.stream, seq)
            else:
                found = explain(history, seq)
        except FlowsmError as error:
            self.say(str(error), "failed")
            return
        self.app.push_screen(TextBox("Why it stands here", explanation_lines(found)))

    def action_fork(self) -> None:
        """How is it forked here?"""
        command = ["flowsm", "fork", self.debugger.history.stream, "--at", str(self.debugger.seq), *self._hints.options]
        lines = [plain(shlex.join(command), "bold"), Content()]
        if self._manager.opened:
            lines.append(plain("This is a file: import it into a log first (flowsm import), and fork it there."))
        else:
            lines.append(
                plain("makes a new execution that shares the history up to this event, and goes on by itself.")
            )
            lines.append(plain("With --dry-run it only says what would be shared, and done again."))
            lines.append(Content())
            lines.append(plain("It is not run here: the debugger only looks.", FAINT))
        self.app.push_screen(TextBox("Fork", lines))

    def action_help(self) -> None:
        """Which keys are there?"""
        self.app.push_screen(TextBox("Keys", key_lines(debug_keys.HELP)))

    def action_leave(self) -> None:
        """Back to the list of executions, or out."""
        if self.app.screen_stack[0] is self:
            self.app.exit()
        else:
            self.dismiss()
