"""A session in the full-screen debugger: every key of it, on executions that failed, wait and run."""

from __future__ import annotations

import json
from typing import Any

import pytest
from screens import HOSTILE, NAME, debugging
from textual.widgets import Input

from flowsm import FlowManager
from flowsm.tui import debug_keys
from flowsm.tui.boxes import TextBox
from flowsm.tui.hints import Hints
from flowsm.tui.slider import Slider
from flowsm.wording.text import safe

SIZES = [(80, 24), (120, 40)]


def place_of(driven: Any) -> int:
    return driven.screen.debugger.seq


async def test_motions(manager: FlowManager) -> None:
    """By event and by attempt, with letters and arrows, to the ends; the slider, the list and the machine follow."""
    async with debugging(manager, "bad") as driven:
        last = driven.screen.debugger.history.last
        assert place_of(driven) == last == 16
        moved = []
        for key in ("p", "left", "up", "n", "right", "down", "n", "P", "P", "N", "home", "p", "N", "end", "N"):
            await driven.press(key)
            moved.append(place_of(driven))
        assert moved == [15, 14, 13, 14, 15, 16, 16, 13, 10, 11, 0, 0, 5, 16, 16]
        assert driven.said == "the end of the execution"
        await driven.press("home")
        assert driven.said == ""
        assert driven.lines("events")[0].startswith(" 0   before the first event")
        assert driven.lines("machine")[0] == "▶ start ◀"
        assert driven.screen.query_one(Slider).render().plain.endswith("  0/16")
        await driven.press("N")
        assert "▶ fetch ◀" in driven.lines("machine")
        assert "✓ start" in driven.lines("machine")
        assert "· store" in driven.lines("machine")
        await driven.press("p", "p", "p", "p", "p")
        assert place_of(driven) == 0


async def test_stops(manager: FlowManager) -> None:
    """Breakpoints and watches stop motions in both directions, are marked in the list, and forgotten."""
    async with debugging(manager, "bad", seq=0) as driven:
        await driven.answer("b", "outcome failure")
        assert driven.said == "breakpoint 1, outcome failure"
        await driven.answer("w", "results.fetch.data.total")
        assert driven.said == "watch 2, results.fetch.data.total"
        await driven.press("c")
        assert (place_of(driven), driven.said) == (5, "watch 2, results.fetch.data.total: + 3")
        await driven.press("c")
        assert (place_of(driven), driven.said) == (8, "breakpoint 1, outcome failure")
        assert any(line.startswith(" 8●") for line in driven.lines("events"))
        driven.keep_picture("debug-breakpoint-80x24")
        await driven.press("C")
        assert place_of(driven) == 5
        await driven.press("C")
        assert (place_of(driven), driven.said) == (0, "the beginning of the execution")
        await driven.answer("b", "delete 1")
        assert driven.said == "watch 2, results.fetch.data.total"
        await driven.answer("b", "delete")
        assert driven.said == "no breakpoints, no watches"
        await driven.press("c")
        assert place_of(driven) == 16
        await driven.press("home", "n", "n", "n", "b")
        assert driven.screen.query_one("#answer").value == "task fetch"
        await driven.press("enter", "home", "c")
        assert place_of(driven) == 4


@pytest.mark.parametrize(
    ("key", "line", "said"),
    [
        ("g", "x", "expected an event's seq, found 'x'"),
        ("g", "99", "seq 99: expected 0 to 16, the last event of execution bad"),
        ("b", "tisk", "expected task NAME, type TYPE, outcome WORD or delete NUMBER, found 'tisk'"),
        ("b", "task stor", "no task of the flow is called 'stor': did you mean 'store'?"),
        ("b", "delete 7", "there is no breakpoint or watch 7"),
        ("w", "result.x", "no field of the state is called 'result': did you mean 'results'?"),
        ("slash", "nowhere to be seen", "no event has 'nowhere to be seen' in it"),
    ],
)
async def test_what_is_not_understood_is_said(manager: FlowManager, key: str, line: str, said: str) -> None:
    """A line that cannot be used moves nothing, and says what was expected."""
    async with debugging(manager, "bad", seq=3) as driven:
        await driven.answer(key, line)
        await driven.until(lambda: driven.said == said)
        assert place_of(driven) == 3


async def test_questions(manager: FlowManager) -> None:
    """Going to an event and searching ask for a line; Esc leaves the question, and keys are keys again."""
    async with debugging(manager, "bad") as driven:
        await driven.answer("g", "4")
        assert place_of(driven) == 4
        await driven.press("g")
        await driven.pilot.press("1", "2")
        assert driven.screen.query_one(Input).value == "12"
        await driven.press("escape", "n")
        assert place_of(driven) == 5
        await driven.answer("slash", "RETRY")
        await driven.until(lambda: driven.said == "'RETRY' is in event 9")
        await driven.press("slash", "enter")
        await driven.until(lambda: place_of(driven) == 12)
        await driven.press("slash", "enter")
        await driven.until(lambda: place_of(driven) == 9)
        await driven.press("home")
        await driven.press("escape")
        assert place_of(driven) == 0
        assert driven.app.is_running


async def test_search_for_nothing(manager: FlowManager) -> None:
    """An empty search without one before does nothing."""
    async with debugging(manager, "bad") as driven:
        await driven.press("slash", "enter")
        assert (driven.said, place_of(driven)) == ("", 16)


async def test_tabs(manager: FlowManager) -> None:
    """State, result, error and diff, by their numbers, one after the other, and the diff and back again."""
    async with debugging(manager, "bad") as driven:
        assert driven.lines("detail")[0] == "✗ failed"
        await driven.press("2")
        assert driven.lines("detail")[0].startswith(f"✗ failure  {NAME} (visit")
        await driven.press("3")
        shown = driven.lines("detail")
        assert "✗ OSError: not now" in shown
        assert "the execution" in shown
        await driven.press("4")
        assert driven.lines("detail")[0] == "event 15 → 16"
        assert any(line.startswith('~ /status: "running" → "failed"') for line in driven.lines("detail"))
        await driven.press("tab")
        assert driven.screen.tab == "state"
        await driven.press("2", "d")
        assert driven.screen.tab == "diff"
        await driven.press("d")
        assert driven.screen.tab == "result"
        await driven.press("1")
        await driven.press("pagedown")
        assert driven.lines("detail")[0] != "✗ failed"
        await driven.press("pageup")
        assert driven.lines("detail")[0] == "✗ failed"
        await driven.press("home", "2")
        assert driven.lines("detail")[0] == "no task has given a result yet"
        await driven.press("3")
        assert driven.lines("detail")[0] == "no error here"
        await driven.press("4")
        assert driven.lines("detail")[0] == "before the first event nothing has changed"


async def test_why(manager: FlowManager) -> None:
    """`i` tells why it stands here: in the middle from the events alone, at the end also who has it."""
    async with debugging(manager, "bad") as driven:
        await driven.press("i")
        assert isinstance(driven.app.screen, TextBox)
        text = "\n".join(driven.lines("text"))
        assert "failed in all of its 3 attempts" in text.replace("\n", " ")
        assert "Route" in text
        driven.keep_picture("debug-explain-80x24")
        await driven.press("down", "up", "pagedown", "pageup", "escape", "home", "n", "n", "n", "i")
        assert "after event 3 of 16" in driven.lines("text")[0]
        await driven.press("q")
        assert driven.app.screen is driven.screen
    async with debugging(manager, "waits") as driven:
        await driven.press("i")
        assert any("waits for signal 'approval' since" in line for line in driven.lines("text"))
    async with debugging(manager, "runs") as driven:
        await driven.press("i")
        assert "holds its lease" in " ".join(driven.lines("text"))


async def test_fork_shows_the_command(manager: FlowManager) -> None:
    """`f` shows the command with this event and this log, and runs nothing."""
    async with debugging(manager, "bad", seq=5, hints=Hints(options=("--db", "other log.db"))) as driven:
        await driven.press("f")
        assert driven.lines("text")[0] == "flowsm fork bad --at 5 --db 'other log.db'"
        assert "the debugger only looks" in driven.text
        driven.keep_picture("debug-fork-80x24")
        await driven.press("f")
        assert driven.app.screen is driven.screen
    assert len((await manager.executions()).items) == 4


async def test_help_has_every_key(manager: FlowManager) -> None:
    """`?` tells of each key that is bound, and `q` leaves: first that, then the debugger."""
    async with debugging(manager, "bad", size=(120, 40)) as driven:
        await driven.press("question_mark")
        shown = "\n".join(driven.lines("text"))
        for keys, what in debug_keys.HELP:
            assert keys in shown
            assert what in shown
        driven.keep_picture("debug-help-120x40")
        await driven.press("q")
        assert driven.app.is_running
        await driven.press("q")
        assert not driven.app.is_running


@pytest.mark.parametrize("execution", ["bad", "waits", "runs", "good"])
@pytest.mark.parametrize("size", SIZES)
async def test_pictures(manager: FlowManager, execution: str, size: tuple[int, int]) -> None:
    """Every pane is there on narrow and on wide terminals, for what failed, waits, runs and completed."""
    wide, high = size
    async with debugging(manager, execution, size=size) as driven:
        driven.keep_picture(f"debug-{execution}-{wide}x{high}")
        lines = driven.text.splitlines()
        assert len(lines) == high
        assert f"execution {execution}" in lines[0]
        assert ("followed live" in lines[0]) == (execution in {"waits", "runs"})
        assert lines[-3].rstrip().endswith(f"{place_of(driven)}/{place_of(driven)}")
        assert lines[-1].endswith(("? help  quit", "? help quit"))
        await driven.press("P", "d")
        driven.keep_picture(f"debug-{execution}-back-{wide}x{high}")
        assert "─ 4 diff ─" in driven.text


async def test_hostile_names_are_only_shown(manager: FlowManager) -> None:
    """Names with markup, links, escapes, line ends and wide characters are text, in every pane."""
    async with debugging(manager, "bad", size=(160, 50)) as driven:
        for keys in ("1", "2", "3", "4"):
            await driven.press(keys)
            shown = driven.text
            assert NAME in shown
            assert not {"\x1b", "\u202e"} & set(shown)
        assert "Orders [green] (orders)" in shown
        await driven.press("1")
        await driven.press("pagedown", "pagedown")
        assert safe(json.dumps(HOSTILE, ensure_ascii=False)) in driven.text
        await driven.answer("slash", "[/red]")
        await driven.until(lambda: "[/red]" in driven.said and "searching" not in driven.said)
        driven.keep_picture("debug-hostile-160x50")


async def test_clicks(manager: FlowManager) -> None:
    """A click on an event, or on the slider, goes there."""
    async with debugging(manager, "bad", seq=0) as driven:
        await driven.pilot.click("#events", offset=(5, 3))
        await driven.pilot.pause()
        assert place_of(driven) == 3
        await driven.pilot.click("#slider", offset=(2, 0))
        await driven.pilot.pause()
        assert place_of(driven) == 0
        wide = driven.screen.query_one(Slider).size.width
        await driven.pilot.click("#slider", offset=(wide - 5, 0))
        await driven.pilot.pause()
        assert place_of(driven) == 16
