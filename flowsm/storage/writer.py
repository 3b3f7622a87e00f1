"""The writer: all writes of one loop go through one connection, many requests per transaction (group commit).

While a transaction runs on the connection's thread, the next group collects; every request that is ready in the same
turn of the loop shares a commit. The hop to the thread and back costs as much as a commit on a fast disk, and its
many short calls fight with the loop for the interpreter. So where commits are quick, and no lock has to be waited
for, a transaction runs on the loop's own thread; where they are slow, on the connection's.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable
from time import perf_counter
from typing import Any, Final

from flowsm.errors import LogUnavailable
from flowsm.limits import BUSY_TIMEOUT_MS, GROUP_MAX_BATCHES
from flowsm.storage.errors import CommitFailed
from flowsm.storage.meter import Meter
from flowsm.storage.open import set_busy_timeout
from flowsm.storage.thread import ConnectionThread, answer_on
from flowsm.storage.transaction import Transactions, Work

__all__ = ["Writer"]

INLINE_MAX_REQUESTS: Final = 128
"""A larger group, some 50 us each, would hold the loop up for too long."""
INLINE_COMMIT_MAX_SECONDS: Final = 0.001
"""Up to this average a commit may run on the loop's thread; the larger the group, the longer, up to four times it.

On another thread a large group is slower by far: every row that it writes may have to wait for a busy loop to let go
of the interpreter, for 5 ms.
"""
_INLINE_PATIENCE_MAX: Final = 4.0
_REQUESTS_PER_PATIENCE: Final = 25


class Writer:
    """Runs requests in transactions, in the order in which they were submitted, and answers after the commit.

    It belongs to one loop, and is closed with it.
    """

    def __init__(
        self,
        path: str,
        connector: Callable[[], sqlite3.Connection],
        work: Work,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._path = path
        self._transactions = Transactions(path, work)
        self._loop = loop
        self._thread = ConnectionThread(connector)
        self._queue: deque[tuple[Any, asyncio.Future[Any]]] = deque()
        self._busy = False
        self._scheduled = False
        self._closed = False
        self._idle: asyncio.Future[None] | None = None
        self._listeners: tuple[Callable[[], None], ...] = ()
        self._waiting_since = self._group_since = 0.0
        self.meter = Meter()

    def submit(self, request: Any) -> asyncio.Future[Any]:
        """Queue a request; the future is answered with its result, or error, after the commit.

        Who stops waiting does not stop the request, once its transaction has begun.
        """
        future = self._loop.create_future()
        if self._closed:
            future.set_exception(LogUnavailable(self._path, "the log is closed; open it again"))
            return future
        if not self._queue:
            self._waiting_since = perf_counter()
        self._queue.append((request, future))
        if not self._busy and not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._flush)
        return future

    def run(self, function: Callable[[sqlite3.Connection], Any]) -> asyncio.Future[Any]:
        """Queue a function that gets a transaction of its own, on the connection's thread."""
        return self.submit(_Alone(function))

    def on_commit(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call the listener after each transaction, whatever became of it; gives what ends that."""
        self._listeners = (*self._listeners, listener)

        def end() -> None:
            self._listeners = tuple(other for other in self._listeners if other is not listener)

        return end

    async def close(self) -> None:
        """Answer what was submitted, then close the connection."""
        self._closed = True
        while self._busy or self._queue:
            self._idle = self._loop.create_future()
            await self._idle
        await self._thread.close()

    def release(self) -> None:
        """Close the connection without a loop; what is queued is never answered."""
        self._closed = True
        self._thread.release()

    def _flush(self) -> None:
        self._scheduled = False
        group = self._next_group()
        if not group:
            self._settle()
            return
        self._group_since = self._waiting_since
        connection = self._thread.raw
        if connection is not None and self._is_short(len(group)) and not _is_alone(group):
            results = self._run_here(connection, group)
            if results is not None:
                self._answer(group, results)
                return
        self._busy = True
        self._thread.post(lambda: self._run_there(group))

    def _is_short(self, requests: int) -> bool:
        """Whether a transaction of so many requests may hold the loop up."""
        patience = min(_INLINE_PATIENCE_MAX, 1 + requests / _REQUESTS_PER_PATIENCE)
        return (
            requests <= INLINE_MAX_REQUESTS
            and self._transactions.commit_seconds <= patience * INLINE_COMMIT_MAX_SECONDS
        )

    def _next_group(self) -> list[tuple[Any, asyncio.Future[Any]]]:
        """What comes into the next transaction; those who stopped waiting before it are left out."""
        queue = self._queue
        group: list[tuple[Any, asyncio.Future[Any]]] = []
        while queue and len(group) < GROUP_MAX_BATCHES:
            if queue[0][1].cancelled():
                queue.popleft()
                continue
            if type(queue[0][0]) is _Alone:
                if not group:
                    group.append(queue.popleft())
                break
            group.append(queue.popleft())
        return group

    def _run_here(
        self, connection: sqlite3.Connection, group: list[tuple[Any, asyncio.Future[Any]]]
    ) -> list[Any] | None:
        """The transaction on the loop's thread; None if a lock would have to be waited for."""
        try:
            results = self._transactions.run_at_once(connection, [request for request, _ in group])
        except BaseException:  # Ctrl-C goes on its way, but nobody is left without an answer
            self._answer(group, [CommitFailed("interrupted") for _ in group])
            raise
        self._let_go_of_spoilt()
        return results

    def _run_there(self, group: list[tuple[Any, asyncio.Future[Any]]]) -> None:
        """The transaction on the connection's thread, where a lock may be waited for."""
        results: list[Any]
        try:
            connection = self._thread.opened()
            set_busy_timeout(connection, BUSY_TIMEOUT_MS)
            try:
                if _is_alone(group):
                    results = [self._transactions.run_function(connection, group[0][0].function)]
                else:
                    results = self._transactions.run(connection, [request for request, _ in group])
            finally:
                set_busy_timeout(connection, 0)
            self._let_go_of_spoilt()
        except BaseException as error:  # noqa: BLE001 - whoever waits gets it
            results = [error] * len(group)
        answer_on(self._loop, lambda: self._finished(group, results))

    def _let_go_of_spoilt(self) -> None:
        """Have the next transaction open the file anew, where this one met what may be over by then."""
        if self._transactions.spoilt:
            self._thread.discard()
            self._transactions.renew()

    def _finished(self, group: list[tuple[Any, asyncio.Future[Any]]], results: list[Any]) -> None:
        self._busy = False
        self._answer(group, results)

    def _answer(self, group: list[tuple[Any, asyncio.Future[Any]]], results: list[Any]) -> None:
        for (_, future), result in zip(group, results, strict=True):
            if future.done():
                continue
            if isinstance(result, BaseException):
                future.set_exception(result)
            else:
                future.set_result(result)
        self.meter.note(len(group), perf_counter() - self._group_since)
        for listener in self._listeners:
            listener()
        if self._queue:
            self._scheduled = True
            self._loop.call_soon(self._flush)  # after those who were answered: they may have more for this commit
        else:
            self._settle()

    def _settle(self) -> None:
        if self._idle is not None and not self._idle.done():
            self._idle.set_result(None)


class _Alone:
    """A function that must not share its transaction."""

    __slots__ = ("function",)

    def __init__(self, function: Callable[[sqlite3.Connection], Any]) -> None:
        self.function = function


def _is_alone(group: list[tuple[Any, asyncio.Future[Any]]]) -> bool:
    return type(group[0][0]) is _Alone
