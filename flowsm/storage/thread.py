"""A connection with a thread of its own: the only place that knows aiosqlite, pinned to 0.22.

Three things of aiosqlite 0.22 are worked around here, and tested: its thread keeps the interpreter from exiting
when a connection was not closed (ours is a daemon); its worker dies when the loop of a waiting future is closed
(our jobs bring their own way of answering); a connection that is dropped warns (ours is closed by `release`).
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeVar

import aiosqlite
from aiosqlite.core import _STOP_RUNNING_SENTINEL as _STOP

from flowsm.storage.errors import spoils
from flowsm.storage.open import is_outdated

__all__ = ["ConnectionThread", "answer_on"]

_T = TypeVar("_T")
_JOIN_SECONDS: Final = 5.0


class ConnectionThread:
    """Runs functions on one SQLite connection, one after another, on a daemon thread.

    It answers to whichever loop asks: it belongs to none.
    """

    def __init__(self, connector: Callable[[], sqlite3.Connection]) -> None:
        """Start the thread; `connector` opens the connection there, when it is first used."""
        self._released = False
        self._under_way = 0
        self._raw: sqlite3.Connection | None = None
        self._connection = aiosqlite.Connection(connector, iter_chunk_size=64)
        self._thread: threading.Thread = self._connection._thread  # noqa: SLF001 - no public way to make it a daemon
        self._thread.daemon = True
        self._thread.start()

    @property
    def raw(self) -> sqlite3.Connection | None:
        """The connection, once it is open: for use on another thread, while no job is under way here."""
        return self._raw

    def post(self, job: Callable[[], Any]) -> None:
        """Run `job` on the thread; it must not raise."""
        self._connection._tx.put_nowait((None, job))  # noqa: SLF001 - a future of aiosqlite's kills its thread

    def submit(self, function: Callable[[sqlite3.Connection], _T]) -> asyncio.Future[_T]:
        """Run `function` with the connection on the thread; the future belongs to the running loop.

        The connection is opened by the first function. A cancelled wait does not stop the function.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[_T] = loop.create_future()
        self._under_way += 1

        def job() -> None:
            try:
                answer = partial(self._answer, future, function(self.opened()), None)
            except BaseException as error:  # noqa: BLE001 - whoever waits gets it
                if spoils(error):
                    self.discard()
                answer = partial(self._answer, future, None, error)
            answer_on(loop, answer)

        self.post(job)
        return future

    def idle(self) -> sqlite3.Connection | None:
        """The connection, for a short use on the loop's own thread; None if it is not open, or in use."""
        raw = self._raw
        return None if self._under_way or raw is None or is_outdated(raw) else raw

    def discard(self) -> None:
        """Close the connection, on its thread or while no job is under way; the next function opens another."""
        raw, self._raw = self._raw, None
        self._connection._connection = None  # noqa: SLF001 - closed here: no warning is due
        if raw is not None:
            raw.close()

    def opened(self) -> sqlite3.Connection:
        """On the thread: the connection, opened if it is not yet."""
        if self._raw is not None and is_outdated(self._raw):
            self.discard()
        if self._raw is None:
            self._raw = self._connection._connection = self._connection._connector()  # noqa: SLF001 - opened on its thread
        return self._raw

    def release(self) -> None:
        """Close the connection after the jobs under way, and wait for that: safe at exit, and from any thread."""
        if self._released:
            return
        self._released = True
        self.post(self._shut)
        if threading.current_thread() is not self._thread:
            self._thread.join(_JOIN_SECONDS)

    async def close(self) -> None:
        """Close the connection after the jobs under way, without holding the loop up."""
        if self._released:
            return
        self._released = True
        loop = asyncio.get_running_loop()
        closed = loop.create_future()

        def job() -> object:
            stop = self._shut()
            answer_on(loop, partial(self._answer, closed, None, None))
            return stop

        self.post(job)
        await closed

    def _shut(self) -> object:
        """On the thread: close the connection, and tell the thread to end."""
        self.discard()
        return _STOP

    def _answer(self, future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
        """On the loop: whoever waits gets the result, or the error."""
        self._under_way -= 1
        if future.done():
            return
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)


def answer_on(loop: asyncio.AbstractEventLoop, answer: Callable[[], None]) -> None:
    """Call `answer` on the loop, if it still runs: of a closed loop nobody waits any more."""
    try:
        loop.call_soon_threadsafe(answer)
    except RuntimeError:
        if not loop.is_closed():
            raise
