"""The file cannot be written for a while: a clear error, nothing by halves, and the same manager goes on afterwards."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flowsm import FlowManager, FlowStatus
from flowsm.errors import AppendUnknown, LogUnavailable
from flowsm.log import sqlite
from flowsm.storage import open as opening
from flowsm.storage import writer

TIMEOUT = 60


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No lock is waited for longer than 20 ms."""
    for module in (opening, writer):
        monkeypatch.setattr(module, "BUSY_TIMEOUT_MS", 20)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("task", ["one", "two", "three"])
async def test_another_process_keeps_the_write_lock(manager, desk, flow, foreign, goes_on, task) -> None:
    """A lock that is held too long stops an execution with an error that says who is to blame; then it goes on."""
    with foreign() as other:
        desk.during[task] = lambda: other.execute("BEGIN IMMEDIATE") and None
        stopped = manager.create_flow_execution(flow)
        for failing in (manager.execute_flow(stopped), manager.run(flow), manager.rebuild()):
            with pytest.raises(LogUnavailable, match="another process holds the write lock"):
                await failing
        with pytest.raises(LogUnavailable, match="another process holds the write lock"):
            manager.create_flow_execution(flow)
        events = await manager.events(stopped)
        assert (events[-1].type, events[-1].fact.task) == ("task.started", task)
        assert (await manager.get_flow_status(stopped)).status is FlowStatus.RUNNING
        other.execute("ROLLBACK")
    await goes_on(stopped)
    assert desk.calls == ["one", "two", "three"] * 2, "what was done is recorded when it can be, and not done again"


@pytest.mark.usefixtures("impatient")
async def test_what_could_not_be_recorded_is_nothing_once_another_has_taken_over(
    manager, path, desk, flow, foreign
) -> None:
    """The result that a stale owner still holds is dropped; it joins, and gets what its successor came to."""
    with foreign() as other:
        desk.during["two"] = lambda: other.execute("BEGIN IMMEDIATE") and None
        stopped = manager.create_flow_execution(flow)
        with pytest.raises(LogUnavailable):
            await manager.execute_flow(stopped)
        other.execute("ROLLBACK")
        other.execute("UPDATE workers SET stopped = 1")
    desk.data = {"n": 2}
    async with FlowManager(path, tasks=desk.tasks, durability="normal") as successor:
        taken_over = await successor.execute_flow(stopped)
        assert taken_over.status is FlowStatus.COMPLETED
        assert taken_over.task_results["two"].data == {"n": 2}
        assert await manager.execute_flow(stopped) == taken_over
    types = [event.type for event in await manager.events(stopped)]
    assert types.count("task.interrupted") == 1
    assert (await manager.verify()).ok


@pytest.mark.parametrize("task", ["one", "three"])
async def test_a_full_disk(manager, desk, flow, goes_on, task) -> None:
    """When there is no room a step is not recorded at all; with room again it is."""

    def set_pages(pages: int | str) -> Any:
        return manager._log.write(lambda raw: raw.execute(f"PRAGMA max_page_count = {pages}").fetchone())

    desk.data = "large " * 5_000
    ((pages,),) = await manager._log.query("PRAGMA page_count")
    desk.during[task] = lambda: set_pages(1)  # no less than there are now
    stopped = manager.create_flow_execution(flow)
    with pytest.raises(LogUnavailable, match="the disk is full; nothing was written"):
        await manager.execute_flow(stopped)
    with pytest.raises(LogUnavailable, match="the disk is full"):
        await manager.rebuild()
    assert (await manager.verify()).ok
    assert (await manager.events(stopped))[-1].type == "task.started"
    await set_pages(pages + 100_000)
    await goes_on(stopped)
    assert desk.calls == ["one", "two", "three"] * 2


PROLOGUE = """
import asyncio, os, pathlib, resource, sys, urllib.request
from flowsm import FlowManager, TaskFactory
from flowsm.errors import *
path = sys.argv[1]
tasks = TaskFactory()
calls = []

@tasks.task("work")
async def work(context):
    calls.append(context.task_name)
    return "large " * 1_000

FLOW = %r

def wait_for_parent(word):
    print(word, flush=True)
    assert sys.stdin.readline() == "go on\\n"

async def goes_on(manager, stopped):
    assert (await manager.verify()).ok
    assert (await manager.execute_flow(stopped)).status == "completed"
    ended = await manager.run(FLOW)
    assert ended.status == "completed"
    assert (await manager.get_flow_status(ended.execution_id)).status == "completed"
    assert ended.execution_id in [row.execution_id for row in (await manager.executions()).items]
    assert (await manager.verify()).ok
"""

FILE_LIMIT = """
async def main():
    async with FlowManager(path, tasks=tasks, durability=sys.argv[2]) as manager:
        await manager.run(FLOW)
        stopped = manager.create_flow_execution(FLOW)
        largest = max(file.stat().st_size for file in pathlib.Path(path).parent.iterdir())
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest + int(sys.argv[3]), resource.RLIM_INFINITY))
        failed = []
        for failing in (manager.execute_flow(stopped), manager.run(FLOW), manager.rebuild()):
            try:
                for _ in range(100):
                    await failing
                    failing = manager.run(FLOW)
            except (LogUnavailable, AppendUnknown) as error:
                failed.append(str(error))
        try:
            manager.create_flow_execution(FLOW, "x" * 200_000)
        except (LogUnavailable, AppendUnknown) as error:
            failed.append(str(error))
        assert len(failed) == 4, failed
        assert all("disk" in reason for reason in failed), failed
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        await goes_on(manager, stopped)
    async with FlowManager(path, tasks=tasks) as manager:
        assert (await manager.verify()).ok
        assert (await manager.rebuild()).ok
        print("fine")
asyncio.run(main())
"""


def script(body: str, flow: dict[str, Any]) -> list[str]:
    return [sys.executable, "-W", "error", "-c", PROLOGUE % (flow,) + body]


def environment() -> dict[str, str]:
    """Without what measures coverage: it could not write its figures as another user, or under a limit."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}


@pytest.mark.parametrize("durability", ["full", "normal"])
@pytest.mark.parametrize("room", [0, 5_000, 30_000])
def test_a_limit_of_the_files_size(path: Path, flow, durability: str, room: int) -> None:
    """Where the system lets no file grow, steps are refused whole, also by a COMMIT; without the limit work goes on."""
    command = [*script(FILE_LIMIT, flow), str(path), durability, str(room)]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=TIMEOUT, check=False)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "fine\n")


READ_ONLY = """
async def import_all():
    async with FlowManager(":memory:", tasks=tasks) as manager:
        await goes_on(manager, manager.create_flow_execution(FLOW))
    calls.clear()

asyncio.run(import_all())  # while the interpreter's own folder can be read
if os.geteuid() == 0:
    os.setuid(65534)  # root may write anything

async def main():
    async with FlowManager(path, tasks=tasks) as manager:
        stopped = sys.argv[2]
        assert (await manager.get_flow_status(stopped)).status == "created"
        assert len((await manager.executions()).items) == 2
        assert (await manager.verify()).ok
        for failing in (manager.execute_flow(stopped), manager.run(FLOW), manager.rebuild()):
            try:
                await failing
            except LogUnavailable as error:
                assert "cannot be written; check their permissions" in str(error), error
            else:
                raise AssertionError("it was written")
        try:
            manager.create_flow_execution(FLOW)
        except LogUnavailable as error:
            assert "cannot be written" in str(error), error
        else:
            raise AssertionError("it was written")
        assert not calls
        wait_for_parent("refused")
        await goes_on(manager, stopped)
        print("fine", flush=True)
asyncio.run(main())
"""


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that another user can reach, which pytest's own are not."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


@pytest.mark.parametrize("folder_mode", [0o777, 0o555])
def test_a_read_only_file_in_a_folder(open_folder: Path, desk, flow, folder_mode: int) -> None:
    """What may only be read is read, and not written; once it may be written the same manager sees and does both."""
    path = open_folder / "flowsm.db"

    async def prepare() -> str:
        async with FlowManager(path, tasks=desk.tasks) as manager:
            await manager.run(flow)
            return manager.create_flow_execution(flow)

    stopped = asyncio.run(prepare())
    path.chmod(0o444)
    open_folder.chmod(folder_mode)
    command = [*script(READ_ONLY, flow), str(path), stopped]
    with subprocess.Popen(
        command,
        env=environment(),
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as child:
        assert child.stdout is not None
        refused = child.stdout.readline()
        open_folder.chmod(0o777)
        for file in open_folder.iterdir():  # a WAL is made with the permissions of its file
            file.chmod(0o666)
        output, errors = child.communicate("go on\n", timeout=TIMEOUT)
    assert (refused, output) == ("refused\n", "fine\n")
    assert all("the lease of" in line for line in errors.splitlines()), "nothing but that the lease was not renewed"


async def test_a_commit_whose_fate_is_not_known(manager, desk, flow, monkeypatch, goes_on) -> None:
    """When COMMIT itself fails the engine reads again what became of it, and says so where it cannot go on."""
    real = sqlite.SqliteEventLog.append
    failures = iter([True, False, True, True, False, True])

    async def append(self: Any, batch: Any) -> Any:
        lost = next(failures, False)
        if lost and batch.facts:
            raise AppendUnknown(batch.stream, "on purpose")
        appended = await real(self, batch)
        if next(failures, False):
            raise AppendUnknown(batch.stream, "on purpose, after it was recorded")
        return appended

    stopped = manager.create_flow_execution(flow)
    monkeypatch.setattr(sqlite.SqliteEventLog, "append", append)
    assert (await manager.execute_flow(stopped)).status is FlowStatus.COMPLETED
    assert desk.calls == ["one", "two", "three"]
    await goes_on(stopped)
