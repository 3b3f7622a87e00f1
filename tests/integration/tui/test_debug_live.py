"""The full-screen debugger on an execution that goes on meanwhile, on long ones, on damaged ones, and on a file."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from screens import debugging, manager_of
from small_flows import flow_of, task_of

from flowsm import FlowManager
from flowsm.errors import LogUnavailable

LOOPS = flow_of(
    task_of("ping", parameters={"data": list(range(2_500))}),
    task_of("pong", parameters={"data": {"text": "x" * 5_000}}),
    to=(("ping", "success", "pong"), ("pong", "success", "ping")),
    max_transitions=800,
)
DAMAGE = """
DROP TRIGGER events_are_not_updated;
UPDATE events SET data = json_set(data, '$.worker', 'somebody else') WHERE stream = 'loops' AND seq = 1500
"""


async def test_it_follows(manager: FlowManager) -> None:
    """New events appear by themselves; whoever stands at the last event stays at the last one, others where they are."""
    async with debugging(manager, "waits") as driven:
        debugger = driven.screen.debugger
        before = debugger.seq
        assert "followed live" in driven.text
        await manager.signal("waits", "approval", outcome="approved", payload={"by": "me"})
        await driven.until(lambda: "completed" in driven.text.splitlines()[0])
        assert debugger.seq == debugger.history.last > before
        assert "followed live" not in driven.text
        assert "✓ completed ◀" in driven.lines("machine")
    async with debugging(manager, "waits", seq=2) as driven:
        last = driven.screen.debugger.history.last
        await manager.signal("waits", "too late")
        await driven.screen.look_again()
        await driven.pilot.pause()
        assert driven.screen.debugger.seq == 2
        assert driven.screen.debugger.history.last == last + 1
        assert driven.text.splitlines()[-3].endswith(f" 2/{last + 1}")


async def test_a_log_that_cannot_be_read_now(manager: FlowManager, monkeypatch: Any) -> None:
    """When the log cannot be read for a moment, that is said, and it goes on with the next look."""

    async def locked(*_: Any) -> int:
        raise LogUnavailable("flowsm.db", "database is locked")

    async with debugging(manager, "bad") as driven:
        with monkeypatch.context() as patch:
            patch.setattr(manager, "refresh", locked)
            await driven.screen.look_again()
        assert "database is locked" in driven.said
        await driven.press("p")
        assert driven.screen.debugger.seq == 15


@pytest.mark.many
async def test_long_and_large(tmp_path: Path) -> None:
    """Of a long execution only the pages that are looked at are read; of large data only the beginning is shown."""
    async with manager_of(tmp_path / "flowsm.db") as manager:
        await manager.run(LOOPS, execution_id="loops")
        async with debugging(manager, "loops") as driven:
            pages = driven.screen.debugger.history.events
            assert len(pages) > 2_400
            assert len(pages._pages) == 2  # the first and the last
            await driven.press("2")
            await driven.answer("g", "8")
            assert "x" * 40 in driven.text
            await driven.press("P", "P", "N", "1")
            driven.screen.query_one("#detail").scroll_end(animate=False)
            await driven.pilot.pause()
            assert "… and more: flowsm debug without" in " ".join(driven.lines("detail"))
            await driven.press("i")
            assert any("Route" in line for line in driven.lines("text"))


async def test_damage_is_said_and_not_stepped_over(tmp_path: Path) -> None:
    """A damaged event is shown as that; motions into it are refused, and those around it go on."""
    path = tmp_path / "flowsm.db"
    async with manager_of(path) as manager:
        await manager.run(LOOPS, execution_id="loops")
    with sqlite3.connect(path) as connection:
        connection.executescript(DAMAGE)
    connection.close()
    async with manager_of(path) as manager, debugging(manager, "loops", seq=400) as driven:
        await driven.answer("g", "1600")
        assert "loops" in driven.said
        assert driven.screen.debugger.seq == 400
        await driven.answer("slash", "never there")
        await driven.until(lambda: "searching" not in driven.said)
        assert "seq 1500" in driven.said
        driven.screen.query_one("#events").scroll_to(y=1497, animate=False)
        await driven.pilot.pause()
        assert any("✗" in line and "seq 1500" in line for line in driven.lines("events"))
        await driven.press("i")
        driven.keep_picture("debug-damaged-80x24")
        await driven.press("escape", "n")
        assert driven.screen.debugger.seq == 401


async def test_a_file(manager: FlowManager, tmp_path: Path) -> None:
    """An exported execution opens like any other; a fork is told to begin with an import."""
    path = tmp_path / "bad.flowrun"
    await manager.export("bad", path)
    async with FlowManager(":memory:", durability="normal") as other:
        await other.open_file(path)
        async with debugging(other, "bad") as driven:
            assert "✗ failed" in driven.text
            await driven.press("i", "escape", "f")
            assert "import it into a log first" in driven.text
