"""A log with executions in every state, screens over it that are driven without a terminal, and pictures of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from small_flows import flow_of, task_of, tasks_that_say, until
from textual.pilot import Pilot
from textual.widgets import Input

from flowsm import FlowManager
from flowsm.tui.app import FlowsmApp
from flowsm.tui.debug_screen import DebugScreen
from flowsm.tui.hints import Hints
from flowsm.tui.lines import Lines
from flowsm.tui.prompt import Prompt
from flowsm.tui.top_screen import TopScreen

__all__ = ["BAD", "HOSTILE", "NAME", "WAITS", "Driven", "debugging", "fill", "topping"]

ARTEFACTS = Path(__file__).parents[1] / "artefacts"
DEADLINE_SECONDS = 30
HOSTILE = "[red]b[/] 日本語 \x1b[31m\u202e\n[@click=app.quit]x"
"""A text that markup, terminals and tables could obey."""
NAME = "[red]b[/] 日本語 [@click=app.quit]x"
"""The most of that which the name of a task may have."""
BAD = flow_of(
    task_of("fetch", parameters={"data": {"total": 3, "of": "日本語 [bold]", HOSTILE: HOSTILE}}),
    task_of(NAME, "fail", retry={"max_attempts": 3, "initial_interval": 0}),
    task_of("store"),
    to=(("fetch", "success", NAME), (NAME, "success", "store")),
    id="orders",
    name="Orders [green]",
)
WAITS = flow_of(
    task_of("ask", parameters={"data": {"amount": 1200}}),
    task_of("approval", "wait_for_signal"),
    task_of("ship"),
    to=(("ask", "success", "approval"), ("approval", "approved", "ship")),
    id="approve",
    name="Approve",
)
GOOD = flow_of(task_of("only"), id="good", name="Good")
RUNS = flow_of(task_of("ask"), task_of("long", "hang"), to=(("ask", "success", "long"),), id="runs", name="Runs")


async def fill(manager: FlowManager) -> None:
    """Executions `bad` (failed), `waits`, `runs`, `good`; the names are their ids."""
    await manager.run(GOOD, execution_id="good")
    await manager.run(BAD, execution_id="bad")
    await manager.start(WAITS, execution_id="waits")
    await until(manager, "waits", "waiting")
    await manager.start(RUNS, execution_id="runs")
    while (await manager.get_flow_status("runs")).current_task != "long":  # noqa: ASYNC110 - no event tells
        await asyncio.sleep(0)


def manager_of(path: Path) -> FlowManager:
    """A manager with tasks that say, fail and hang."""
    return FlowManager(path, tasks=tasks_that_say(), durability="normal")


class Driven:
    """A screen that is shown to nobody, and keys that are pressed on it."""

    def __init__(self, app: FlowsmApp, pilot: Pilot[None], screen: Any) -> None:
        self.app = app
        self.pilot = pilot
        self.screen = screen

    async def press(self, *keys: str) -> None:
        """Press keys, one after the other; each is dealt with before the next, and all is drawn in the end."""
        for key in keys:
            self.app.simulate_key(key)
            await self.pilot._wait_for_screen()  # without the pauses that the pilot makes after every key
        await self.pilot.pause()

    async def answer(self, key: str, text: str) -> None:
        """Press a key that asks for a line, and answer it, whatever was proposed."""
        await self.press(key)
        self.screen.query_one(Input).value = text
        await self.press("enter")

    async def until(self, condition: Callable[[], bool]) -> None:
        """Return once something holds."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not condition():
            assert time.monotonic() < deadline, self.text
            await self.pilot.pause()

    @property
    def text(self) -> str:
        """All that is on the screen, line by line."""
        strips = self.app.screen._compositor.render_strips()
        return "\n".join(strip.text.rstrip() for strip in strips)

    @property
    def said(self) -> str:
        """What stands on the prompt's line."""
        return self.screen.query_one(Prompt).words

    def lines(self, id: str) -> list[str]:
        """The rows of a list that are on the screen."""
        found = self.app.screen.query_one(f"#{id}", Lines)
        return [found.render_line(y).text.rstrip() for y in range(found.size.height)]

    def keep_picture(self, name: str) -> None:
        """Keep what is on the screen as `tests/artefacts/NAME.svg`."""
        ARTEFACTS.mkdir(exist_ok=True)
        (ARTEFACTS / f"{name}.svg").write_text(self.app.export_screenshot(), "utf-8")


@asynccontextmanager
async def _driven(screen: Any, size: tuple[int, int]) -> AsyncIterator[Driven]:
    app = FlowsmApp(lambda: screen)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        yield Driven(app, pilot, screen)


@asynccontextmanager
async def debugging(
    manager: FlowManager,
    execution_id: str,
    *,
    seq: int | None = None,
    size: tuple[int, int] = (80, 24),
    hints: Hints | None = None,
) -> AsyncIterator[Driven]:
    """The debugger for an execution."""
    screen = DebugScreen(manager, await manager.browse(execution_id), seq, hints or Hints())
    async with _driven(screen, size) as driven:
        yield driven


@asynccontextmanager
async def topping(manager: FlowManager, *, size: tuple[int, int] = (80, 24)) -> AsyncIterator[Driven]:
    """The list of all executions."""
    async with _driven(TopScreen(manager, Hints()), size) as driven:
        yield driven
