"""From a path to a manager, and what is asked of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from flowsm.errors import LogNotFound
from flowsm.manager import FlowManager

__all__ = ["ask"]

T = TypeVar("T")


def ask(db: Path, question: Callable[[FlowManager], Awaitable[T]]) -> T:
    """Open a log that is there, ask one thing of it, and close it.

    Raises:
        LogNotFound: the file is not there; it is not made.
    """
    if not db.exists():
        raise LogNotFound(str(db))

    async def asking() -> T:
        async with FlowManager(db) as manager:
            return await question(manager)

    return asyncio.run(asking())
