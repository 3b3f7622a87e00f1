"""From a path to a manager, and what is asked of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from flowsm.errors import LogNotFound, UsageError
from flowsm.manager import FlowManager
from flowsm.upkeep.archive_file import is_archive

__all__ = ["ask"]

T = TypeVar("T")


def ask(db: Path, question: Callable[[FlowManager], Awaitable[T]], *, changes: bool = False, makes: bool = False) -> T:
    """Open a log that is there, ask one thing of it, and close it.

    Args:
        db: the log, or an archive, which is read into a private temporary log first.
        question: what is asked.
        changes: whether it changes the log, which an archive does not allow.
        makes: whether a log that is not there is made.

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
            if archived:
                await manager.import_archive(db)
            return await question(manager)

    return asyncio.run(asking())
