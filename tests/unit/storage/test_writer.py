"""The writer's groups: who shares a transaction, and where it runs."""

from __future__ import annotations

import asyncio
import sqlite3
import threading

import pytest

from flowsm.errors import LogUnavailable
from flowsm.limits import GROUP_MAX_BATCHES
from flowsm.storage import writer as module
from flowsm.storage.errors import CommitFailed
from flowsm.storage.writer import Writer


class Work:
    """Remembers the groups, and the threads that they ran on."""

    def __init__(self):
        self.groups, self.threads = [], []
        self.go_on = threading.Event()
        self.go_on.set()

    def __call__(self, connection, requests):
        self.go_on.wait(10)
        self.groups.append(list(requests))
        self.threads.append(threading.current_thread())
        return list(requests)

    def settled(self, committed):
        pass


def connector():
    return sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)


@pytest.fixture
def work():
    return Work()


@pytest.fixture
async def writer(work):
    writer = Writer("p", connector, work, asyncio.get_running_loop())
    yield writer
    await writer.close()


async def test_what_is_ready_in_one_turn_shares_a_transaction(writer, work):
    """Requests of one turn of the loop are one group, in order."""
    assert await asyncio.gather(*map(writer.submit, range(10))) == list(range(10))
    assert work.groups == [list(range(10))]


async def test_the_next_group_collects_meanwhile(writer, work):
    """While a transaction runs on the thread the next group collects."""
    work.go_on.clear()
    first = writer.submit(0)
    await asyncio.sleep(0)
    others = [writer.submit(n) for n in range(1, 4)]
    await asyncio.sleep(0)
    others.append(writer.submit(4))
    work.go_on.set()
    await asyncio.gather(first, *others)
    assert work.groups == [[0], [1, 2, 3, 4]]


async def test_quick_commits_run_on_the_loops_thread(writer, work):
    """The first transaction opens the connection on its thread; quick ones after it run on the loop's."""
    await writer.submit(1)
    await writer.submit(2)
    assert work.threads[0] is not threading.current_thread()
    assert work.threads[1] is threading.current_thread()


@pytest.mark.parametrize("limit", ["INLINE_MAX_REQUESTS", "INLINE_COMMIT_MAX_SECONDS"])
async def test_slow_commits_and_large_groups_do_not(writer, work, monkeypatch, limit):
    """What would hold the loop up runs on the connection's thread."""
    await writer.submit(1)
    monkeypatch.setattr(module, limit, 0)
    await writer.submit(2)
    assert threading.current_thread() not in work.threads


async def test_a_group_is_bounded(writer, work):
    """More than `GROUP_MAX_BATCHES` requests take several transactions."""
    await asyncio.gather(*map(writer.submit, range(2 * GROUP_MAX_BATCHES + 1)))
    assert [len(group) for group in work.groups] == [GROUP_MAX_BATCHES, GROUP_MAX_BATCHES, 1]


async def test_a_function_runs_alone(writer, work):
    """A function has a transaction of its own, in its turn, on the connection's thread."""
    here = threading.current_thread()
    results = await asyncio.gather(
        writer.submit(1), writer.run(lambda raw: threading.current_thread() is here), writer.submit(2)
    )
    assert results == [1, False, 2]
    assert work.groups == [[1], [2]]


async def test_who_leaves_before_the_transaction_is_left_out(writer, work):
    """A request whose caller stopped waiting before its transaction began is not run."""
    futures = [writer.submit(n) for n in range(3)]
    futures[1].cancel()
    await asyncio.gather(futures[0], futures[2])
    assert work.groups == [[0, 2]]
    writer.submit(7).cancel()
    assert await writer.submit(8) == 8


async def test_who_leaves_amid_the_transaction_harms_nobody(writer, work):
    """A request whose transaction has begun is run to its end; the others are answered."""
    work.go_on.clear()
    futures = [writer.submit(n) for n in range(3)]
    await asyncio.sleep(0)
    futures[1].cancel()
    work.go_on.set()
    await asyncio.gather(futures[0], futures[2])
    assert work.groups == [[0, 1, 2]]


async def test_close_drains(work):
    """`close` waits for what was submitted, also for those who left, and refuses what comes later."""
    writer = Writer("p", connector, work, asyncio.get_running_loop())
    futures = [writer.submit(n) for n in range(3)]
    await writer.close()
    assert [future.result() for future in futures] == [0, 1, 2]
    with pytest.raises(LogUnavailable, match="closed"):
        await writer.submit(3)
    writer = Writer("p", connector, work, asyncio.get_running_loop())
    writer.submit(1).cancel()
    await writer.close()


async def test_a_file_that_cannot_be_opened(work):
    """The reason goes to every caller of the group, and the next one tries again."""

    def fails():
        raise LogUnavailable("p", "on purpose")

    writer = Writer("p", fails, work, asyncio.get_running_loop())
    for _ in range(2):
        results = await asyncio.gather(writer.submit(1), writer.submit(2), return_exceptions=True)
        assert ["on purpose" in str(result) for result in results] == [True, True]
    await writer.close()


async def test_an_interrupt_leaves_nobody_waiting(writer, work, monkeypatch):
    """Ctrl-C amid a transaction on the loop's thread goes on its way; those who wait learn that it is not known."""
    await writer.submit(1)
    future = writer.submit(2)
    with monkeypatch.context() as patched:
        patched.setattr(work, "settled", interrupt)
        with pytest.raises(KeyboardInterrupt):
            writer._flush()
    with pytest.raises(CommitFailed, match="interrupted"):
        await future
    assert await writer.submit(3) == 3


def interrupt(committed):
    raise KeyboardInterrupt
