"""The full screens on a file that may only be read: no task's code runs, and nothing is written."""

from __future__ import annotations

import asyncio
from pathlib import Path

from read_only import look_without_writing, shared_folder
from screens import debugging, fill, manager_of, topping
from small_flows import ForbiddenRegistry

from flowsm import FlowManager
from flowsm.errors import LogUnavailable

DEBUG_KEYS = [
    "p", "left", "up", "n", "right", "down", "N", "P", "home", "end", "c", "C", "d", "d", "1", "2", "3", "4", "tab",
    "pagedown", "pageup", "i", "escape", "f", "escape", "question_mark", "escape",
]  # fmt: skip
ANSWERS = [("g", "3"), ("b", "outcome *"), ("w", "results.fetch.data"), ("slash", "store"), ("b", "delete")]
TOP_KEYS = [
    "down", "up", "j", "k", "pagedown", "pageup", "end", "home", "s", "S", "r", "f", "F", "escape", "question_mark",
    "escape", "enter", "p", "q",
]  # fmt: skip


async def look(path: str, *executions: str) -> None:
    """Press every key of both screens, of the debugger for each execution; and show that nothing could have been written."""
    async with FlowManager(path, tasks=ForbiddenRegistry()) as manager:
        for execution in executions:
            async with debugging(manager, execution) as driven:
                for key, line in ANSWERS:
                    await driven.answer(key, line)
                await driven.press(*DEBUG_KEYS)
                await driven.screen.look_again()
        async with topping(manager) as driven:
            await driven.press(*TOP_KEYS)
            await driven.answer("slash", "orders")
            await driven.screen.look_again()
        try:
            await manager.cancel("waits")
        except LogUnavailable:
            print("fine")


def test_nothing_runs_and_nothing_is_written() -> None:
    """Every key of the debugger and of the list needs neither the right to write nor any code of a task."""
    with shared_folder() as folder:
        path = folder / "flowsm.db"

        async def prepare() -> None:
            async with manager_of(path) as manager:
                await fill(manager)

        asyncio.run(prepare())
        assert look_without_writing(Path(__file__), path, "bad") == "fine\n"
