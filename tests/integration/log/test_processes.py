"""Several processes, and several lives of one process, with one file."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import pytest

from flowsm.errors import Conflict, LogTooNew, LogUnavailable
from flowsm.log.sqlite import LOG_MIGRATIONS, SqliteEventLog
from flowsm.storage import writer
from flowsm.storage.migrations import Migration
from flowsm.testing.log_contract import created, started, to_append

PRELUDE = """
import asyncio, sys
from flowsm.errors import *
from flowsm.log.sqlite import SqliteEventLog
from flowsm.testing.log_contract import created, started, to_append
path = sys.argv[1]
"""
TIMEOUT = 30


def script(body):
    return [sys.executable, "-W", "error", "-c", PRELUDE + textwrap.dedent(body)]


def run(body, path, *arguments):
    # what measures coverage could not write its figures as the user that some of these become, and would say so
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    command = [*script(body), str(path), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False, env=environment)
    assert done.stderr == ""
    assert done.returncode == 0
    return done.stdout.split()


APPEND_MANY = """
async def main():
    log = SqliteEventLog(path, durability="normal")
    async def one(n):
        await log.append(to_append(f"{sys.argv[2]}-{n}", 0, created(), started()))
        for seq in range(2, 12):
            await log.append(to_append(f"{sys.argv[2]}-{n}", seq, started()))
    await asyncio.gather(*[one(n) for n in range(10)])
    wins = 0
    for seq in range(50):
        try:
            await log.append(to_append("shared", seq, started(sys.argv[2])))
            wins += 1
        except Conflict:
            pass
    print(wins)
    await log.close()
asyncio.run(main())
"""


def test_two_processes_append_at_once(tmp_path):
    """Two processes that open a new file at once and append lose nothing; of each contested seq one wins."""
    path = tmp_path / "flow.db"
    children = [
        subprocess.Popen([*script(APPEND_MANY), str(path), name], stdout=subprocess.PIPE, text=True)
        for name in ("left", "right")
    ]
    outputs = [child.communicate(timeout=TIMEOUT)[0] for child in children]
    assert [child.returncode for child in children] == [0, 0]
    asyncio.run(check_what_both_recorded(SqliteEventLog(path), sum(map(int, outputs))))


async def check_what_both_recorded(log, wins):
    assert wins == len(await log.read("shared")) == 50
    for name in ("left", "right"):
        for n in range(10):
            assert len(await log.read(f"{name}-{n}")) == 12
    positions = [event.position async for _, event in log.read_all()]
    assert positions == list(range(1, 20 * 12 + 50 + 1))
    await log.close()


async def test_two_logs_on_one_file_in_one_process(tmp_path):
    """Of two appends with one expected seq from two log objects one wins; each sees what the other recorded."""
    logs = [SqliteEventLog(tmp_path / "flow.db", durability="normal") for _ in range(2)]
    await logs[0].append(to_append("a", 0, created()))
    for seq in range(1, 30):
        results = await asyncio.gather(
            *[log.append(to_append("a", seq, started())) for log in logs], return_exceptions=True
        )
        assert sum(isinstance(result, Conflict) for result in results) == 1
    for epoch in range(1, 5):
        appended = await logs[epoch % 2].append(to_append("a", 0, claim=True, worker="w"))
        assert appended.epoch == epoch
    for log in logs:
        assert len(await log.read("a")) == 30
        await log.close()


async def test_others_commits_are_noticed(tmp_path):
    """`version` changes with every commit, one's own and other connections', and only then."""
    logs = [SqliteEventLog(tmp_path / "flow.db", durability="normal") for _ in range(2)]
    await logs[0].append(to_append("a", 0, created()))
    before = logs[0].version()
    assert logs[0].version() == before
    await logs[1].append(to_append("a", 1, started()))
    between = logs[0].version()
    await logs[0].append(to_append("a", 2, started()))
    assert len({before, between, logs[0].version()}) == 3
    for log in logs:
        await log.close()


async def test_a_foreign_lock_is_waited_for_off_the_loop(tmp_path, monkeypatch):
    """While another process holds the write lock the loop goes on, and the append is recorded afterwards."""
    log = SqliteEventLog(tmp_path / "flow.db", durability="normal")
    await log.append(to_append("a", 0, created()))
    foreign = sqlite3.connect(tmp_path / "flow.db", isolation_level=None)
    foreign.execute("BEGIN IMMEDIATE")
    append = asyncio.ensure_future(log.append(to_append("a", 1, started())))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not append.done()
    foreign.execute("COMMIT")
    assert (await append).seq == 2
    monkeypatch.setattr(writer, "BUSY_TIMEOUT_MS", 1)
    foreign.execute("BEGIN IMMEDIATE")
    with pytest.raises(LogUnavailable, match="another process holds the write lock"):
        await log.append(to_append("a", 2, started()))
    foreign.execute("COMMIT")
    foreign.close()
    assert (await log.append(to_append("a", 2, started()))).seq == 3
    await log.close()


ACKS = """
async def main():
    log = SqliteEventLog(path, durability="normal")
    async def one(n):
        seq = 0
        while True:
            appended = await log.append(to_append(f"s{n}", seq, started(), started()))
            seq = appended.seq
            print(f"s{n}:{seq}:{appended.digest}", flush=True)
    await asyncio.gather(*[one(n) for n in range(8)])
asyncio.run(main())
"""


def test_a_killed_process_leaves_what_it_acknowledged(tmp_path):
    """After SIGKILL amid appends every acknowledged event is there, and every chain is whole."""
    path = tmp_path / "flow.db"
    child = subprocess.Popen([*script(ACKS), str(path)], stdout=subprocess.PIPE, text=True)
    acks = [child.stdout.readline() for _ in range(400)]
    child.send_signal(signal.SIGKILL)
    acks += child.stdout.readlines()
    child.stdout.close()
    child.wait(TIMEOUT)
    asyncio.run(check_what_was_acknowledged(SqliteEventLog(path), acks))


async def check_what_was_acknowledged(log, acks):
    digests = {f"{event.stream}:{event.seq}": event.digest for n in range(8) for event in await log.read(f"s{n}")}
    for ack in acks:
        if ack.endswith("\n"):
            stream, seq, digest = ack.strip().split(":")
            assert digests[f"{stream}:{seq}"] == digest
    for n in range(8):
        assert (await log.head(f"s{n}")).seq % 2 == 0
    await log.close()


@pytest.mark.parametrize("durability", ["full", "normal"])
@pytest.mark.parametrize("file", ["flow.db", ":memory:"])
def test_an_unclosed_log_does_not_hang_the_interpreter(tmp_path, durability, file):
    """A script that forgets `close` ends by itself, without a warning, and leaves one file."""
    body = f"""
    log = SqliteEventLog({":memory:" if file == ":memory:" else str(tmp_path / file)!r}, durability={durability!r})
    async def main():
        await log.append(to_append("a", 0, created()))
        print(len(await log.read("a")), log.path)
    log.append_sync(to_append("b", 0, created()))
    asyncio.run(main())
    """
    length, path = run(body.replace("SqliteEventLog(:memory:", "SqliteEventLog(':memory:'"), "unused")
    assert length == "1"
    assert sorted(file.name for file in tmp_path.iterdir()) == ([] if file == ":memory:" else [file])
    assert Path(path).exists() == (file != ":memory:")


def test_an_exit_amid_an_append(tmp_path):
    """A loop that is torn down while transactions are under way neither hangs nor breaks the next one."""
    body = """
    log = SqliteEventLog(path)
    async def cut():
        for n in range(20):
            asyncio.ensure_future(log.append(to_append(f"s{n}", 0, created())))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    async def whole():
        results = await asyncio.gather(*[log.append(to_append(f"t{n}", 0, created())) for n in range(20)])
        print(len(results))
    asyncio.run(cut())
    asyncio.run(whole())
    """
    assert run(body, tmp_path / "flow.db") == ["20"]


def test_a_second_run_of_the_loop(tmp_path):
    """One log serves one `asyncio.run` after the other, and synchronous appends in between."""
    log = SqliteEventLog(tmp_path / "flow.db")
    assert log.append_sync(to_append("a", 0, created())).seq == 1
    for seq in range(1, 4):
        assert asyncio.run(append_and_read(log, seq)) == seq + 1
    assert log.append_sync(to_append("a", 4, started())).seq == 5
    asyncio.run(log.close())


async def append_and_read(log, seq):
    await log.append(to_append("a", seq, started()))
    return len(await log.read("a"))


def test_a_log_that_is_dropped_is_closed(tmp_path):
    """Dropping the last reference closes connections: the WAL is folded back into the file."""
    log = SqliteEventLog(tmp_path / "flow.db")
    asyncio.run(append_and_read_new(log))
    assert (tmp_path / "flow.db-wal").exists()
    del log
    assert [file.name for file in tmp_path.iterdir()] == ["flow.db"]


async def append_and_read_new(log):
    await log.append(to_append("a", 0, created()))
    return await log.read("a")


@pytest.mark.parametrize("content", [b"This is not a database, but a text of some length.\n" * 100, b"x"])
async def test_not_a_database(tmp_path, content):
    """A file that is something else is refused with a sentence, by reading, writing and the synchronous path."""
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    await refused(path, "expected a SQLite database, found something else")
    assert path.read_bytes() == content


async def test_another_applications_database(tmp_path):
    """A database with other tables, or another application's mark, is not touched."""
    for name, statement in (("tables.db", "CREATE TABLE t (a)"), ("marked.db", "PRAGMA application_id = 77")):
        foreign = sqlite3.connect(tmp_path / name)
        foreign.execute(statement)
        foreign.commit()
        foreign.close()
        before = (tmp_path / name).read_bytes()
        await refused(tmp_path / name, "another application's database")
        assert (tmp_path / name).read_bytes() == before


async def test_a_folder_that_does_not_exist(tmp_path):
    """A path in a missing folder is refused, and says so."""
    await refused(tmp_path / "missing" / "flow.db", "check that its folder exists")


async def refused(path, sentence):
    log = SqliteEventLog(path)
    with pytest.raises(LogUnavailable, match=sentence):
        await log.append(to_append("a", 0, created()))
    with pytest.raises(LogUnavailable, match=sentence):
        await log.read("a")
    with pytest.raises(LogUnavailable, match=sentence):
        log.append_sync(to_append("a", 0, created()))
    await log.close()


async def test_a_newer_log_is_not_written(tmp_path):
    """A file with a step that this process does not know is refused for writing, unless the step is compatible."""
    path = tmp_path / "flow.db"
    newer = SqliteEventLog(path, migrations=[Migration("fine", "CREATE TABLE t (a)", compatible=True)])
    await newer.append(to_append("a", 0, created()))
    await newer.close()
    older = SqliteEventLog(path)
    assert (await older.append(to_append("a", 1, started()))).seq == 2
    await older.close()
    newer = SqliteEventLog(path, migrations=[Migration("fine", ""), Migration("later", "CREATE TABLE u (a)")])
    await newer.append(to_append("a", 2, started()))
    await newer.close()
    older = SqliteEventLog(path)
    with pytest.raises(LogTooNew) as caught:
        await older.append(to_append("a", 3, started()))
    own = len(LOG_MIGRATIONS)
    assert (caught.value.found, caught.value.supported) == (own + 2, own)
    assert len(await older.read("a")) == 3
    await older.close()


READ_ONLY = """
import os
import pathlib, tempfile, urllib.parse, urllib.request  # while the interpreter's own folder can be read
if os.geteuid() == 0:
    os.setuid(65534)
async def main():
    log = SqliteEventLog(path)
    print(len(await log.read("a")))
    try:
        await log.append(to_append("a", 1, started()))
    except LogUnavailable as error:
        print("cannot be written" in str(error))
    try:
        log.append_sync(to_append("a", 1, started()))
    except LogUnavailable as error:
        print("cannot be written" in str(error))
    await log.close()
asyncio.run(main())
"""


@pytest.fixture
def open_folder():
    """A folder that another user can reach, which pytest's own are not."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.mark.parametrize("folder_mode", [0o777, 0o555])
def test_a_read_only_file(open_folder, folder_mode):
    """A file that may only be read is read, and not written."""
    folder = open_folder
    path = folder / "flow.db"
    log = SqliteEventLog(path)
    log.append_sync(to_append("a", 0, created()))
    log.release()
    path.chmod(0o444)
    folder.chmod(folder_mode)
    assert run(READ_ONLY, path) == ["1", "True", "True"]


async def test_other_processes_that_come_and_go_leave_the_wal_alone(tmp_path):
    """A process that closes the file while another one works in it sees that: what comes after is in the file."""
    path = tmp_path / "flowsm.db"
    log = SqliteEventLog(path, durability="normal")
    await log.append(to_append("x", 0, created()))
    assert len(await log.read("x")) == 1
    log.append_sync(to_append("y", 0, created()))
    assert visit(path) == 2
    await log.append(to_append("x", 1, started()))
    assert visit(path) == 3
    await log.close()


def visit(path):
    """Open the file in another process, close it there, and give the number of events that were seen."""
    (count,) = run(
        """
        import sqlite3
        other = sqlite3.connect(path)
        print(other.execute("SELECT count(*) FROM events").fetchone()[0])
        other.close()
        """,
        path,
    )
    assert Path(f"{path}-wal").exists()
    return int(count)
