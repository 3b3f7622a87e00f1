"""From a path to a manager, and what is asked of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from flowsm.cli.output import safe, talk
from flowsm.errors import LogNotFound, UsageError
from flowsm.manager import FlowManager
from flowsm.upkeep.archive_file import SUFFIX, is_archive
from flowsm.upkeep.reading import OpenedFile

__all__ = ["ask", "ask_about", "file_of", "only_root"]

T = TypeVar("T")


def ask(
    db: Path,
    question: Callable[[FlowManager], Awaitable[T]],
    *,
    changes: bool = False,
    makes: bool = False,
    beside: Path | None = None,
) -> T:
    """Open a log that is there, ask one thing of it, and close it.

    Args:
        db: the log, or an archive or export, which is read into a private temporary log first.
        question: what is asked.
        changes: whether it changes the log, which an archive does not allow.
        makes: whether a log that is not there is made.
        beside: another file to be read with the first, which is one, too.

    Raises:
        LogNotFound: the file is not there, and is not made.
        ArchiveBroken: it is an archive, and not what was written.
        UsageError: it is an archive, and would be changed.
    """
    if not makes and not db.exists():
        raise LogNotFound(str(db))
    archived = is_archive(db)
    if archived and changes:
        raise UsageError(
            f"{db} is an archive, which never changes: import it into a log (flowsm import), and give that"
        )

    async def asking() -> T:
        async with FlowManager(":memory:" if archived else db, durability="normal" if archived else "full") as manager:
            for path in (db, beside) if archived else ():
                if path is not None:
                    _say_redacted(await manager.open_file(path))
            return await question(manager)

    return asyncio.run(asking())


def ask_about(execution: str, db: Path, question: Callable[[FlowManager, str], Awaitable[T]]) -> T:
    """Ask one thing of an execution: by its id, the beginning of it, or the file that holds this one alone.

    Raises:
        UsageError: the file holds several.
        ExecutionNotFound: there is no such execution; else as `ask`.
    """
    path = file_of(execution)

    async def asking(manager: FlowManager) -> T:
        found = await manager.resolve_id(execution) if path is None else only_root(manager.opened[0])
        return await question(manager, found)

    return ask(db if path is None else path, asking)


def file_of(execution: str) -> Path | None:
    """The file that stands where an execution's id may; None where it is no file.

    Raises:
        LogNotFound: it is called like an export, and is not there.
    """
    path = Path(execution)
    if execution.endswith(SUFFIX) and not path.exists():
        raise LogNotFound(execution)
    return path if is_archive(path) else None


def only_root(opened: OpenedFile) -> str:
    """The execution of a file that started all others in it, if there are others.

    Raises:
        UsageError: there are several.
    """
    if len(opened.roots) != 1:
        raise UsageError(
            f"{opened.path} holds {opened.executions:,} executions: list them with `flowsm ls --db {opened.path}`, "
            "and name one beside that --db"
        )
    return opened.roots[0]


def _say_redacted(opened: OpenedFile) -> None:
    if opened.redacted is not None:
        talk(f"flowsm: {safe(opened.path)} is {safe(opened.redacted.words)}: it cannot be verified")
