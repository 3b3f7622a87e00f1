"""A session in the list of executions: every key of it, and what changes while it is looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from screens import GOOD, NAME, fill, manager_of, topping

from flowsm import FlowManager, TaskFactory
from flowsm.errors import LogUnavailable
from flowsm.tui import top_keys
from flowsm.tui.debug_screen import DebugScreen

SIZES = [(80, 24), (120, 40)]


def ids(driven: Any) -> list[str]:
    """The ids on the screen, from the top."""
    return [line.split()[0] for line in driven.lines("executions") if line]


async def test_moving_and_opening(manager: FlowManager) -> None:
    """Arrows, letters and screens move; Enter opens the debugger, `q` comes back, and `q` leaves."""
    async with topping(manager) as driven:
        assert ids(driven) == ["runs", "waits", "bad", "good"]
        places = []
        for key in ("down", "j", "up", "k", "k", "end", "down", "home", "pagedown", "pageup"):
            await driven.press(key)
            places.append(driven.screen.cursor)
        assert places == [1, 2, 1, 0, 0, 3, 3, 0, 3, 0]
        await driven.press("down", "down", "enter")
        assert isinstance(driven.app.screen, DebugScreen)
        assert driven.app.screen.debugger.history.stream == "bad"
        await driven.screen.look_again()  # nothing is asked for while another screen lies above
        await driven.press("p", "q")
        assert driven.app.screen is driven.screen
        assert driven.screen.cursor == 2
        await driven.press("question_mark")
        shown = "\n".join(driven.lines("text"))
        assert all(what in shown for _, what in top_keys.HELP[:10])
        await driven.press("escape", "q")
        assert not driven.app.is_running


async def test_sorting(manager: FlowManager) -> None:
    """`s` and `S` go through the columns, `r` turns the order round; the column's name says so."""
    async with topping(manager) as driven:
        assert "id▼" in driven.text
        await driven.press("S")
        assert "fails▼" in driven.text
        assert driven.said == "sorted by failures"
        assert ids(driven)[0] == "bad"
        await driven.press("r")
        assert "fails▲" in driven.text
        assert ids(driven)[-1] == "bad"
        await driven.press("s", "r", "s")
        assert "status▼" in driven.text
        assert ids(driven) == ["waits", "runs", "bad", "good"]
        seen = []
        for _ in range(7):
            await driven.press("s")
            seen.append(driven.screen.wanted.order)
        assert seen == ["flow", "task", "updated", "duration", "attempts", "failures", "created"]


async def test_filtering(manager: FlowManager) -> None:
    """`f` and `F` go through the statuses, `/` asks for a text, Esc shows all again; the head counts."""
    async with topping(manager, size=(120, 40)) as driven:
        head = driven.text.splitlines()[0]
        assert head.split("  ") == [" 4 executions", "▶ running 1", "✗ failed 1", "… waiting 1", "✓ completed 1"]
        await driven.press("f")
        assert ids(driven) == ["runs"]
        await driven.press("f")
        assert ids(driven) == ["bad"]
        assert driven.text.splitlines()[0].startswith(" 1 of 4 executions: failed  ")
        driven.keep_picture("top-failed-120x40")
        await driven.press("F", "F")
        assert driven.screen.wanted.status is None
        await driven.answer("slash", "APPROV")
        await driven.until(lambda: ids(driven) == ["waits"])
        assert driven.text.splitlines()[0].startswith(" 1 of 4 executions: those with 'APPROV'  ")
        await driven.answer("slash", "not there")
        await driven.until(lambda: ids(driven) == [])
        await driven.press("enter", "down", "end")
        assert driven.app.screen is driven.screen
        await driven.press("escape")
        assert len(ids(driven)) == 4


async def test_it_is_live(manager: FlowManager) -> None:
    """What is recorded while it is looked at appears; the lit execution stays the lit one; what runs grows older."""
    async with topping(manager) as driven:
        await driven.press("down")
        assert driven.screen.lines.item(1).execution_id == "waits"
        await manager.run(GOOD, execution_id="newer")
        await driven.screen.look_again()
        await driven.pilot.pause()
        assert ids(driven)[0] == "newer"
        assert driven.screen.cursor == 2
        await manager.signal("waits", "approval", outcome="approved")
        await driven.until(lambda: "waiting" not in driven.text)
        before = driven.screen.lines.now
        await driven.screen.look_again()
        assert driven.screen.lines.now > before


@pytest.mark.parametrize("size", SIZES)
async def test_pictures(manager: FlowManager, size: tuple[int, int]) -> None:
    """Every column is there on narrow and on wide terminals; only the notes need room."""
    wide, high = size
    async with topping(manager, size=size) as driven:
        driven.keep_picture(f"top-{wide}x{high}")
        lines = driven.text.splitlines()
        assert len(lines) == high
        names = ["id▼", "status", "flow", "task", "since", "time", "tries", "fails"]
        assert lines[1].split() == names + ["note"] * (wide >= 100)
        assert lines[-1].endswith("? help  quit") or lines[-1].endswith("? help quit")
        assert ("task '[red]b[/] 日" in driven.text) == (wide >= 100)


async def test_clicks(manager: FlowManager) -> None:
    """A click on a row lights it; one below the last does nothing."""
    async with topping(manager) as driven:
        await driven.pilot.click("#executions", offset=(3, 2))
        await driven.pilot.pause()
        assert driven.screen.cursor == 2
        await driven.pilot.click("#executions", offset=(3, 12))
        await driven.pilot.pause()
        assert driven.screen.cursor == 2
        assert NAME not in driven.text


async def test_a_log_that_cannot_be_read_now(manager: FlowManager, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the log cannot be read for a moment, that is said, and the next look shows what there is."""

    def locked(*_: Any, **__: Any) -> Any:
        raise LogUnavailable("flowsm.db", "database is locked")

    async with topping(manager) as driven:
        for verb, key in (("version", ""), ("listing", "r"), ("owners", "r"), ("browse", "enter")):
            driven.screen._say("")
            with monkeypatch.context() as patch:
                patch.setattr(manager, verb, locked)
                await driven.press(*([key] if key else []))
                if not key:
                    await driven.screen.look_again()
            assert "database is locked" in driven.said, verb
            await driven.screen.look_again()
            await driven.pilot.pause()
        assert len(ids(driven)) == 4


async def test_a_worker_that_is_gone(tmp_path: Path) -> None:
    """What is said to be running while nobody drives it is noted as that."""
    path = tmp_path / "flowsm.db"
    async with manager_of(path) as manager:
        await fill(manager)
    async with FlowManager(path, tasks=TaskFactory()) as manager, topping(manager, size=(120, 40)) as driven:
        assert driven.lines("executions")[0].startswith("runs")
        assert "no worker drives it" in driven.text


async def test_many(manager: FlowManager) -> None:
    """Of many executions only those near the screen are asked for, wherever it is."""
    for number in range(250):
        manager.create_flow_execution(GOOD, execution_id=f"x{number}")
    async with topping(manager) as driven:
        asked: list[int] = []
        listing = manager.listing

        async def counted(*given: Any, **named: Any) -> Any:
            listed = await listing(*given, **named)
            asked.append(len(listed.items))
            return listed

        manager.listing = counted  # type: ignore[method-assign]
        await driven.press("end")
        assert driven.screen.cursor == 253
        assert ids(driven)[-1] == "good"
        await driven.press("pageup", "pageup", "up")
        lit = driven.screen.lines.item(driven.screen.cursor)
        assert lit is not None
        driven.screen.lines.scroll_to(y=120, animate=False)
        await driven.until(lambda: driven.screen.lines.item(120) is not None and "…" not in ids(driven))
        manager.create_flow_execution(GOOD, execution_id="newer")
        await driven.screen.look_again()
        await driven.pilot.pause()
        assert driven.screen.lines.scroll_offset.y == 120, "whoever scrolled away is not called back"
        assert "…" not in ids(driven)
        await driven.press("enter")
        assert driven.app.screen.debugger.history.stream == lit.execution_id
        await driven.press("q", "up")
        assert driven.screen.lines.item(driven.screen.cursor).execution_id != lit.execution_id
        assert max(asked) <= 150
