"""A backup of a log that is being written to is a log; a log of another format is kept, or read, never spoilt."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3

import pytest

from flowsm import FlowManager
from flowsm.errors import FileExists, LogTooNew


async def test_a_backup_made_under_load_is_a_log_of_one_moment(manager, flows, tasks, tmp_path):
    """While executions run, the copy is made; it verifies, and what it holds ended goes on being true of the log."""
    await manager.run(flows["plain"], execution_id="first")
    running = [await manager.start(flows["retrying"]) for _ in range(50)]
    report = await manager.backup(tmp_path / "copy.db")
    await asyncio.gather(*(handle.result() for handle in running))
    assert report.size_bytes == (tmp_path / "copy.db").stat().st_size
    async with FlowManager(tmp_path / "copy.db", tasks=tasks) as copy:
        assert (await copy.verify()).ok
        assert await copy.events("first") == await manager.events("first")
        page = await copy.executions(limit=1000)
        assert {row.execution_id for row in page.items} <= {
            row.execution_id for row in (await manager.executions(limit=1000)).items
        }
        for row in page.items:  # what was under way goes on in the copy
            assert (await copy.finish(row.execution_id)).status.value == "completed"
        assert (await copy.verify()).ok


async def test_a_backup_is_not_overwritten(manager, flows, tmp_path):
    """Only when it is said."""
    await manager.run(flows["plain"])
    await manager.backup(tmp_path / "copy.db")
    with pytest.raises(FileExists):
        await manager.backup(tmp_path / "copy.db")
    await manager.backup(tmp_path / "copy.db", force=True)


def newer(path):
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE meta SET value = '99' WHERE key IN ('format', 'writer_format')")
        connection.execute("INSERT INTO meta VALUES ('migration/0099_future', '2030')")


async def test_a_log_of_a_newer_flowsm_is_read_and_not_written(manager, flows, tasks, path, tmp_path):
    """Writing is refused with the formats named, reading and copying work, and the file stays as it is."""
    execution = await manager.run(flows["plain"])
    await manager.close()
    newer(path)
    async with FlowManager(path, tasks=tasks) as older:
        assert (await older.get_flow_status(execution.execution_id)).status == execution.status
        assert (await older.verify()).ok
        with pytest.raises(LogTooNew, match=r"format 99.*upgrade"):
            await older.run(flows["plain"])
        with pytest.raises(LogTooNew):
            older.create_flow_execution(flows["plain"])
        await older.backup(tmp_path / "copy.db")
        assert len((await older.executions()).items) == 1
    assert not list(tmp_path.glob("*.bak"))
