"""The ways in: each fills the terminal until it is left. The library that draws is loaded only now."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

from flowsm.errors import ExtraMissing
from flowsm.manager import FlowManager
from flowsm.tui.hints import Hints

__all__ = ["debug_full_screen", "top_full_screen"]


async def debug_full_screen(
    manager: FlowManager, execution_id: str, *, seq: int | None = None, hints: Hints | None = None
) -> int:
    """The debugger for one execution, until it is left; gives the process's exit code, 1 where it broke down.

    Args:
        manager: the log in which it is.
        execution_id: which.
        seq: where to begin; None at the last event.
        hints: about the command that opened it.

    Raises:
        ExtraMissing: Textual is not installed.
        ExecutionNotFound: there is no such execution.
        UsageError: there is no such event.
    """
    screens, app = _load("the full-screen debugger", "debug_screen")
    screen = screens.DebugScreen(manager, await manager.browse(execution_id), seq, hints or Hints())
    return await _shown(app.FlowsmApp(lambda: screen))


async def top_full_screen(manager: FlowManager, *, hints: Hints | None = None) -> int:
    """The list of all executions, live, until it is left; gives the process's exit code, 1 where it broke down.

    Args:
        manager: the log that they are in.
        hints: about the command that opened it.

    Raises:
        ExtraMissing: Textual is not installed.
    """
    screens, app = _load("the list of executions", "top_screen")
    screen = screens.TopScreen(manager, hints or Hints())
    return await _shown(app.FlowsmApp(lambda: screen))


async def _shown(app: Any) -> int:
    await app.run_async()
    return int(app.return_code or 0)


def _load(what: str, module: str) -> tuple[ModuleType, ModuleType]:
    try:
        importlib.import_module("textual")
    except ImportError:
        raise ExtraMissing(what, "tui") from None
    return importlib.import_module(f"flowsm.tui.{module}"), importlib.import_module("flowsm.tui.app")
