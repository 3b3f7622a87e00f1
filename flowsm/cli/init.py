"""`flowsm init`: a sample flow that runs."""

from __future__ import annotations

import shlex
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from flowsm.cli.output import print_text, safe, talk
from flowsm.errors import ConflictError, UsageError

__all__ = ["FILES", "NEXT", "init"]

FILES: Final = ("flow.json", "tasks.py", "orders.csv")
NEXT: Final = (
    "flowsm validate flow.json --tasks tasks.py",
    """flowsm run flow.json --tasks tasks.py --input '{"manager": "Ada"}'""",
    "flowsm show @last",
    "flowsm graph @last --format text",
)
"""The commands that are suggested."""


def init(
    folder: Annotated[Path, Parameter(name="DIR", help="Where to: made if it is not there.")] = Path(),
    /,
) -> None:
    """Write a sample flow, its tasks and its data into a folder. Overwrites nothing."""
    taken = [name for name in FILES if (folder / name).exists() or (folder / name).is_symlink()]
    if taken:
        raise ConflictError(f"{folder} has {', '.join(taken)} already: nothing was written; choose another folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in FILES:
            with (folder / name).open("x", encoding="utf-8", newline="\n") as file:
                file.write((files("flowsm.examples") / name).read_text(encoding="utf-8"))
            print_text(safe(folder / name))
    except OSError as error:
        raise UsageError(f"{folder}: {error.strerror or error}") from None
    here = folder.resolve() == Path.cwd()
    lines = [*([] if here else [f"cd {shlex.quote(str(folder))}"]), *NEXT]
    talk("\nTry it:\n" + "".join(f"  {line}\n" for line in lines).rstrip("\n"))
