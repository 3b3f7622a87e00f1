"""Options that several commands share, each said once."""

from __future__ import annotations

import getpass
import os
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias

from cyclopts import Parameter

__all__ = [
    "DEFAULT_DB",
    "Actor",
    "AsJson",
    "Db",
    "Durable",
    "ExecutionId",
    "ExecutionOrFile",
    "Reason",
    "Settings",
    "TasksOption",
    "go_on_options",
    "who",
]

DEFAULT_DB: Final = Path("flowsm.db")

Db: TypeAlias = Annotated[Path, Parameter(name="--db", env_var="FLOWSM_DB", help="The log: one SQLite file.")]
AsJson: TypeAlias = Annotated[bool, Parameter(name="--json", help="Print one JSON document.")]
Reason: TypeAlias = Annotated[str, Parameter(name="--reason", help="Why: it is recorded.")]
Actor: TypeAlias = Annotated[
    str, Parameter(name="--actor", help="Who asks for it: recorded; your login name by default.")
]
Durable: TypeAlias = Annotated[
    Literal["full", "normal"],
    Parameter(name="--durability", help="full survives a loss of power, normal the death of the process."),
]
ExecutionId: TypeAlias = Annotated[
    str,
    Parameter(name="ID", help="An execution: its id, a unique beginning of it, @last or @last-failed."),
]
ExecutionOrFile: TypeAlias = Annotated[
    str,
    Parameter(name="ID", help="An execution: its id, a unique beginning of it, @last, @last-failed, or its .flowrun."),
]
Settings: TypeAlias = Annotated[
    list[str] | None,
    Parameter(
        name="--set",
        help="PLACE=VALUE, such as results.fetch.data.total=3 or /input/x=text: for the tasks that come after; repeatable.",
    ),
]
TasksOption: TypeAlias = Annotated[
    list[str] | None,
    Parameter(name="--tasks", help="A module, or a .py file, that registers task types: its code is run."),
]


def go_on_options(tasks: list[str] | None, db: Path) -> list[str]:
    """The options with which another command finds the same code and the same log."""
    options = [word for value in tasks or () for word in ("--tasks", value)]
    return options + (["--db", str(db)] if db != DEFAULT_DB else [])


def who(actor: str) -> str:
    """The actor that was given, or the login name, or the user's number where there is none."""
    try:
        return actor or getpass.getuser()
    except (KeyError, OSError):  # a container's user without an entry
        return str(os.getuid()) if hasattr(os, "getuid") else ""
