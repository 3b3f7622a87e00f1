"""When the file cannot take an append, or its fate is not known, the caller is told which."""

from __future__ import annotations

import asyncio
import sqlite3
import threading

import pytest

from flowsm.errors import AppendUnknown, LogUnavailable
from flowsm.log import append
from flowsm.log.sqlite import READ_HERE_MAX_EVENTS, SqliteEventLog
from flowsm.storage.errors import CommitFailed
from flowsm.storage.transaction import Transactions
from flowsm.storage.writer import Writer
from flowsm.testing.log_contract import created, started, to_append


@pytest.fixture
async def log(tmp_path):
    log = SqliteEventLog(tmp_path / "flow.db", durability="normal")
    await log.append(to_append("a", 0, created()))
    yield log
    await log.close()


async def test_a_full_disk(log):
    """When there is no room nothing of the group is recorded; with room again the log goes on."""
    (pages,) = await log.write(lambda raw: raw.execute("PRAGMA page_count").fetchone())
    await log.write(lambda raw: raw.execute(f"PRAGMA max_page_count = {pages + 2}").fetchone())
    large = created(input="x" * 30_000)
    results = await asyncio.gather(
        log.append(to_append("a", 1, started())), log.append(to_append("b", 0, large)), return_exceptions=True
    )
    assert all(isinstance(result, LogUnavailable) for result in results)
    assert "the disk is full" in str(results[0])
    await log.write(lambda raw: raw.execute("PRAGMA max_page_count = 100000").fetchone())
    assert (await log.append(to_append("a", 1, started()))).position == 2


@pytest.mark.parametrize("method", ["run", "run_at_once"])
async def test_a_commit_that_fails_is_unknown(log, monkeypatch, method):
    """A failed commit leaves the fate of the append open, and says of which stream."""
    monkeypatch.setattr(
        Transactions, method, lambda self, raw, requests: [CommitFailed("on purpose") for _ in requests]
    )
    batch = to_append("a", 1, started())
    with pytest.raises(AppendUnknown, match=r"\(on purpose\): see to the disk's room") as caught:
        log.append_sync(batch) if method == "run" else await log.append(batch)
    assert caught.value.stream == "a"


async def test_another_commit_that_fails_is_unknown_too(log, monkeypatch):
    """What is not an append says so too, and what to do: whether it took effect is to be looked at."""

    async def run(*_: object) -> None:
        raise CommitFailed("on purpose")

    monkeypatch.setattr(Writer, "run", run)
    with pytest.raises(LogUnavailable, match=r"\(on purpose\), and whether it took effect is not known: see to"):
        await log.write(lambda raw: raw.execute("SELECT 1").fetchone())


async def test_appends_of_both_faces_alternate(log):
    """What the synchronous face recorded is known to the asynchronous one, and the other way round."""
    for seq in range(1, 20, 2):
        assert log.append_sync(to_append("a", seq, started())).position == seq + 1
        assert (await log.append(to_append("a", seq + 1, started()))).position == seq + 2
    assert len(await log.read("a")) == 21


async def test_more_streams_than_are_kept(log, monkeypatch):
    """Beyond the bound the heads are read again; the result is the same."""
    monkeypatch.setattr(append, "HEADS_KEPT", 3)
    for seq in range(3):
        for n in range(8):
            appended = await log.append(to_append(f"s{n}", seq, started()))
            assert appended.seq == seq + 1
    assert [(await log.head(f"s{n}")).seq for n in range(8)] == [3] * 8


async def test_long_streams_are_read_on_the_readers_thread(log, monkeypatch):
    """A long stream does not hold the loop up; a short part of it is read at once."""
    threads = []
    await log.append(to_append("a", 1, *[started()] * READ_HERE_MAX_EVENTS))
    assert len(await log.read("a")) == READ_HERE_MAX_EVENTS + 1
    real = log._sessions.current().reader.submit
    monkeypatch.setattr(log._sessions.current().reader, "submit", lambda f: threads.append(1) or real(f))
    assert len(await log.read("a", after=1)) == READ_HERE_MAX_EVENTS
    assert len(await log.read("a", limit=2)) == 2
    assert threads == []
    assert len(await log.read("a")) == READ_HERE_MAX_EVENTS + 1
    assert threads == [1]


def test_two_loops_at_once(tmp_path):
    """Two loops in two threads share one log object, each with connections of its own."""
    log = SqliteEventLog(tmp_path / "flow.db", durability="normal")
    together = threading.Barrier(2)

    async def work(name):
        together.wait(10)
        await log.append(to_append(name, 0, created()))
        for seq in range(1, 30):
            await log.append(to_append(name, seq, started()))
        assert len(await log.read(name)) == 30
        together.wait(10)

    threads = [threading.Thread(target=asyncio.run, args=(work(name),)) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert log.append_sync(to_append("c", 0, created())).position == 61
    asyncio.run(log.close())
    with pytest.raises(LogUnavailable, match="closed"):
        log.append_sync(to_append("c", 1, started()))
    log.release()


async def test_a_query_that_is_wrong(log):
    """A query that SQLite does not understand says so, and the reader goes on."""
    with pytest.raises(LogUnavailable, match="no such table"):
        await log.query("SELECT * FROM missing")
    assert await log.query("SELECT count(*) FROM events") == [(1,)]


async def test_a_file_that_is_damaged_under_the_log(log, tmp_path):
    """When the tables themselves are gone, an append says so."""
    foreign = sqlite3.connect(tmp_path / "flow.db")
    foreign.execute("DROP TABLE streams")
    foreign.close()
    with pytest.raises(LogUnavailable, match="no such table"):
        await log.append(to_append("b", 0, created()))
    with pytest.raises(LogUnavailable, match="no such table"):
        await log.head("a")
