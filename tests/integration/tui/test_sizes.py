"""Sizes that are told to the screens late, or mixed."""

from __future__ import annotations

import os

import pytest
from screens import Driven, debugging, topping
from textual.events import Resize
from textual.geometry import Size

from flowsm import FlowManager
from flowsm.tui import app
from flowsm.tui.app import FlowsmApp
from flowsm.tui.boxes import TextBox


async def tell(driven: Driven, *sizes: tuple[int, int]) -> None:
    for columns, lines in sizes:
        size = Size(columns, lines)
        driven.app.screen.post_message(Resize(size, size))
        driven.app.screen.call_later(lambda: None)  # two that stand side by side would be taken for one
    await driven.pilot.pause()


async def test_a_size_of_before(manager: FlowManager) -> None:
    """Each screen keeps the size that the terminal has now when it is told another one, and takes the next one."""
    async with debugging(manager, "bad") as driven:
        await tell(driven, (70, 20))
        assert driven.app.screen.size == (80, 24)
        await driven.press("question_mark")
        assert isinstance(driven.app.screen, TextBox)
        await tell(driven, (70, 20))
        assert driven.app.screen.size == (80, 24)
        await driven.pilot.resize_terminal(90, 30)
        await driven.until(lambda: driven.app.screen.size == driven.screen.size == (90, 30))
    async with topping(manager) as driven:
        await tell(driven, (70, 20))
        assert driven.screen.size == (80, 24)
        await driven.pilot.resize_terminal(90, 30)
        await driven.until(lambda: driven.screen.size == (90, 30))


async def test_sizes_in_turn(manager: FlowManager) -> None:
    """Sizes that were told mixed come to rest at that of the terminal, and keys are answered."""
    async with debugging(manager, "bad") as driven:
        await tell(driven, (70, 20), (80, 24), (60, 30), (80, 24), (70, 20))
        assert driven.screen.size == (80, 24)
        await driven.press("p")
        assert driven.screen.debugger.seq == 15
    async with topping(manager) as driven:
        await tell(driven, (70, 20), (80, 24), (60, 30), (80, 24), (70, 20))
        assert driven.screen.size == (80, 24)
        await driven.press("down")
        assert driven.screen.cursor == 1


async def test_sizes_that_overtake_each_other(manager: FlowManager, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where an old size is told last, the screen has the one that the terminal has, a moment later."""
    async with debugging(manager, "bad") as driven:
        monkeypatch.setattr(FlowsmApp, "is_headless", False)
        monkeypatch.setattr(app, "get_terminal_size", lambda: os.terminal_size((90, 30)))
        for size in (Size(90, 30), Size(70, 20)):
            driven.app.post_message(Resize(size, size))
        await driven.until(lambda: driven.app.size == driven.screen.size == (90, 30))
