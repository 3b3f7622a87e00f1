"""Connections for one loop: a writer and a reader. A file keeps one session per running loop.

A second `asyncio.run` is what scripts and pytest do: its loop gets a session of its own, and the session of a loop
that was closed is let go of.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from flowsm.errors import LogUnavailable
from flowsm.storage.errors import spoils
from flowsm.storage.open import is_outdated
from flowsm.storage.sync import SyncWriter
from flowsm.storage.thread import ConnectionThread
from flowsm.storage.transaction import Work
from flowsm.storage.writer import Writer

__all__ = ["Connectors", "Session", "Sessions"]

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Connectors:
    """How a file's connections are made, and what each writing one does with requests."""

    path: str
    writer: Callable[[], sqlite3.Connection]
    reader: Callable[[], sqlite3.Connection]
    new_work: Callable[[], Work]


class Session:
    """One loop's writer and readers; their connections are opened when they are first used."""

    def __init__(self, connectors: Connectors, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.writer = Writer(
            connectors.path,
            connectors.writer,
            connectors.new_work(),
            loop,
        )
        self.reader = ConnectionThread(connectors.reader)
        self._connect_here = connectors.reader
        self._reader_here: sqlite3.Connection | None = None

    def look(self, function: Callable[[sqlite3.Connection], _T]) -> _T:
        """Run a function on the loop's own thread, with a reading connection for that.

        For many short reads of many rows: each row that is read on another thread may have to wait for a busy loop
        to let go of the interpreter, for 5 ms.
        """
        try:
            return function(self.reader_here())
        except Exception as error:
            if spoils(error):
                self._close_here()
            raise

    def reader_here(self) -> sqlite3.Connection:
        """The reading connection of the loop's own thread."""
        if self._reader_here is not None and is_outdated(self._reader_here):
            self._close_here()
        if self._reader_here is None:
            self._reader_here = self._connect_here()
        return self._reader_here

    def read_here(self, function: Callable[[sqlite3.Connection], _T], connection: sqlite3.Connection) -> _T:
        """Run a short function on the loop's own thread with the reader's connection, which is idle."""
        try:
            return function(connection)
        except Exception as error:
            if spoils(error):
                self.reader.discard()
            raise

    async def close(self) -> None:
        """Answer what is under way, then close both."""
        await self.writer.close()
        await self.reader.close()
        self._close_here()

    def release(self) -> None:
        """Close both, without a loop."""
        self.writer.release()
        self.reader.release()
        self._close_here()

    def _close_here(self) -> None:
        connection, self._reader_here = self._reader_here, None
        if connection is not None:
            connection.close()


class Sessions:
    """All connections of one file in this process, and in no other that is forked from it."""

    def __init__(self, connectors: Connectors) -> None:
        _ALL.add(self)
        self._connectors = connectors
        self._lock = threading.Lock()
        self._sessions: dict[asyncio.AbstractEventLoop, Session] = {}
        self._latest: Session | None = None
        self._closed = self._forked = False
        self._sync: SyncWriter | None = None

    def current(self) -> Session:
        """The running loop's session.

        Raises:
            LogUnavailable: the file was closed.
        """
        loop = asyncio.get_running_loop()
        latest = self._latest
        if latest is not None and latest.loop is loop:
            return latest
        with self._lock:
            self._check_open()
            session = self._sessions.get(loop)
            gone = [other for other in self._sessions if other.is_closed()]
            released = [self._sessions.pop(other) for other in gone]
            if session is None:
                session = self._sessions[loop] = Session(self._connectors, loop)
            self._latest = session
        for old in released:
            old.release()
        return session

    def apply_sync(self, request: Any) -> Any:
        """Run one request on the calling thread, on a connection for that.

        Raises:
            LogUnavailable: nothing was written, or the file was closed.
            CommitFailed: it is not known whether it was.
        """
        with self._lock:
            self._check_open()
            if self._sync is None:
                self._sync = SyncWriter(self._connectors.path, self._connectors.writer, self._connectors.new_work())
            sync = self._sync
        return sync.apply(request)

    async def close(self) -> None:
        """Answer what is under way on this loop, and close all connections."""
        session = self._sessions.pop(asyncio.get_running_loop(), None)
        self._closed = True
        self._latest = None
        if session is not None:
            await session.close()
        self.release()

    def release(self) -> None:
        """Close all connections, without a loop: what is queued and not begun is never answered."""
        with self._lock:
            self._closed = True
            self._latest = None
            sessions = list(self._sessions.values())
            self._sessions.clear()
            sync, self._sync = self._sync, None
        for session in sessions:
            session.release()
        if sync is not None:
            sync.release()

    def let_go_of_inherited(self) -> None:
        """In a process that was forked: leave the connections to its parent, whose they are, and open no others.

        SQLite keeps the locks of a file in the memory of the process: what it opens beside them here reads what was.
        The connection of callers without a loop holds none between two calls; it knows by itself whose it is.
        """
        self._lock = threading.Lock()  # somebody may have held the other one
        if self._sessions:
            _INHERITED.append((self._sessions, self._latest))
            self._sessions, self._latest = {}, None
            self._closed = self._forked = True

    def _check_open(self) -> None:
        if self._forked:
            raise LogUnavailable(
                self._connectors.path,
                "it was open when this process was forked, and SQLite carries nothing over a fork: begin to use it, "
                "or make the manager, after the fork",
            )
        if self._closed:
            raise LogUnavailable(self._connectors.path, "the log is closed; open it again")


_ALL: Final[weakref.WeakSet[Sessions]] = weakref.WeakSet()
_INHERITED: Final[list[Any]] = []


def _after_fork() -> None:
    for sessions in list(_ALL):
        sessions.let_go_of_inherited()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
