"""The last line of a screen: what there is to say, or to be answered."""

from __future__ import annotations

from collections.abc import Callable

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.widgets import Input, Static

from flowsm.tui.paint import STYLES, plain

__all__ = ["Prompt"]

Answer = Callable[[str], None]


class Prompt(Horizontal):
    """A line that says something, or asks for one line and hands it on."""

    BINDINGS = [Binding("escape", "cancel", priority=True)]
    DEFAULT_CSS = """
    Prompt { height: 1; }
    Prompt Input { height: 1; border: none; padding: 0; width: 1fr; display: none; }
    Prompt Input:focus { border: none; }
    Prompt #said { width: 1fr; }
    Prompt.asks Input { display: block; }
    Prompt.asks #said { width: auto; max-width: 60%; }
    """

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._answer: Answer | None = None
        self.words = ""
        """What it says."""

    def compose(self) -> ComposeResult:
        """Words, and the place for an answer."""
        yield Static(id="said", markup=False)
        yield Input(id="answer", select_on_focus=False)

    def say(self, words: str, status: str = "") -> None:
        """Say something, in the colour of a status."""
        self.words = words
        self.query_one("#said", Static).update(plain(words, STYLES.get(status, "")))

    def ask(self, words: str, answer: Answer, value: str = "") -> None:
        """Ask for a line, which begins as `value`, and hand it to `answer`; Esc leaves it."""
        self._answer = answer
        self.add_class("asks")
        self.say(f"{words} ", "running")
        entry = self.query_one(Input)
        entry.value = value
        entry.cursor_position = len(value)
        entry.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Hand the line on."""
        event.stop()
        answer = self._answer
        self.action_cancel()
        if answer is not None:
            answer(event.value)

    def action_cancel(self) -> None:
        """Ask no more."""
        self._answer = None
        self.remove_class("asks")
        self.say("")
        self.screen.set_focus(None)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Esc is the prompt's own only while it asks."""
        return action != "cancel" or self._answer is not None
