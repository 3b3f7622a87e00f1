"""`flowsm top`: all executions, live."""

from __future__ import annotations

from flowsm.cli.opening import ask
from flowsm.cli.options import DEFAULT_DB, Db, go_on_options
from flowsm.cli.terminal import need_terminal
from flowsm.manager import FlowManager
from flowsm.tui.hints import Hints
from flowsm.tui.run import top_full_screen

__all__ = ["top"]


def top(*, db: Db = DEFAULT_DB) -> int:
    """Watch all executions: counts by status, and a list to sort, filter and open in the debugger; `?` lists the keys.

    Nothing is executed and nothing is written.
    """
    need_terminal("flowsm top", "flowsm ls")
    hints = Hints(options=tuple(go_on_options(None, db)))

    async def look(manager: FlowManager) -> int:
        return await top_full_screen(manager, hints=hints)

    return ask(db, look)
