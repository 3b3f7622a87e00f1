"""Sizes that are told to the screens late, or mixed."""

from __future__ import annotations

from screens import Driven, debugging, topping
from textual.events import Resize
from textual.geometry import Size

from flowsm import FlowManager
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


async def test_an_old_size_in_the_place_of_the_new_one(manager: FlowManager) -> None:
    """Of two sizes that wait side by side the last one alone is heard: where it is the old one, the new one is taken."""
    async with debugging(manager, "bad") as driven:
        driven.app._size = Size(90, 30)  # as the terminal has it now
        for size in (Size(90, 30), Size(80, 24)):
            driven.app.screen.post_message(Resize(size, size))
        await driven.until(lambda: driven.screen.size == (90, 30))
