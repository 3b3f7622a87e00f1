"""A connection with a thread of its own; what is used of aiosqlite is pinned here."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
import threading
from importlib.metadata import version

import aiosqlite
import pytest
from aiosqlite import core

from flowsm.storage.thread import ConnectionThread, answer_on


def connector():
    return sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)


def test_aiosqlite_is_the_one_that_this_was_written_for():
    """The names that are used of aiosqlite are there, and mean what they meant in 0.22."""
    assert version("aiosqlite").startswith("0.22.")
    connection = aiosqlite.Connection(connector, iter_chunk_size=64)
    assert isinstance(connection._thread, threading.Thread)
    assert not connection._thread.daemon
    assert connection._connection is None
    assert connection._connector is connector
    connection._tx.put_nowait((None, lambda: core._STOP_RUNNING_SENTINEL))
    connection._thread.start()
    connection._thread.join(10)
    assert not connection._thread.is_alive()


async def test_functions_run_on_a_daemon_thread():
    """A function gets the connection, on one daemon thread, one after another; its error comes back."""
    thread = ConnectionThread(connector)
    assert thread.idle() is None
    names = [await thread.submit(lambda _: threading.current_thread()) for _ in range(2)]
    assert names[0] is names[1]
    assert names[0].daemon
    assert await thread.submit(lambda raw: raw.execute("SELECT 7").fetchone()) == (7,)
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        await thread.submit(lambda raw: raw.execute("SELECT * FROM t"))
    assert thread.idle() is thread.raw is not None
    await thread.close()
    assert not names[0].is_alive() or names[0].join(10) is None
    assert thread.raw is None
    await thread.close()
    thread.release()


async def test_a_connection_that_cannot_be_opened_is_tried_again():
    """The error of opening goes to who asked; the next one opens again."""
    attempts = []

    def fails_once():
        attempts.append(1)
        if len(attempts) == 1:
            raise sqlite3.OperationalError("on purpose")
        return connector()

    thread = ConnectionThread(fails_once)
    with pytest.raises(sqlite3.OperationalError, match="on purpose"):
        await thread.submit(lambda raw: raw)
    assert await thread.submit(lambda raw: 1) == 1
    await thread.close()


async def test_who_stops_waiting_is_left_alone():
    """A cancelled wait does not stop the function, and while it runs the connection is in use."""
    thread = ConnectionThread(connector)
    go_on = threading.Event()
    future = thread.submit(lambda _: go_on.wait(10))
    future.cancel()
    assert thread.idle() is None
    go_on.set()
    assert await thread.submit(lambda _: "next") == "next"
    assert thread.idle() is not None
    await thread.close()


def test_a_closed_loop_does_not_kill_the_thread():
    """A loop that is closed amid a function is forgotten; the next loop is served."""
    thread = ConnectionThread(connector)
    go_on = threading.Event()

    async def leave():
        thread.submit(lambda _: go_on.wait(10))

    async def again():
        return await thread.submit(lambda _: "served")

    asyncio.run(leave())
    go_on.set()
    assert asyncio.run(again()) == "served"
    thread.release()


def test_a_loop_that_only_refuses_is_an_error():
    """Silence is for closed loops only."""

    class Loop:
        def call_soon_threadsafe(self, answer):
            raise RuntimeError("on purpose")

        def is_closed(self):
            return False

    with pytest.raises(RuntimeError, match="on purpose"):
        answer_on(Loop(), lambda: None)


def test_release_from_its_own_thread():
    """A connection may be let go of from its own thread, as a garbage collection there would do."""
    thread = ConnectionThread(connector)
    thread.post(thread.release)
    thread._thread.join(10)
    assert not thread._thread.is_alive()


def test_a_released_connection_warns_of_nothing():
    """No ResourceWarning comes of a connection that was released (warnings are errors here)."""
    thread = ConnectionThread(connector)
    asyncio.run(opened(thread))
    thread.release()
    del thread
    gc.collect()


async def opened(thread):
    await thread.submit(lambda _: None)
