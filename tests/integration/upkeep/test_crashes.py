"""A process that is killed in the midst of an archive loses nothing: each execution is in the log, in the file, or both."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from flowsm import FlowManager
from flowsm.testing.log_contract import created, to_append

ROOT = Path(__file__).parents[3]
CHILD = """
import asyncio, os, signal, sys
from datetime import timedelta
from flowsm import FlowManager
from flowsm.log import purge
from flowsm.upkeep import archive, archived

path, out, point, count = sys.argv[1:]
archived.ARCHIVE_BATCH_EVENTS = 12

def die_at(module, name):
    real, left = getattr(module, name), [int(count)]
    def dying(*arguments, **options):
        left[0] -= 1
        if left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **options)
    setattr(module, name, dying)

async def main():
    async with FlowManager(path) as manager:
        owners = {"sync_folder": archive, "verify_archive": archive, "prepare": purge, "purge": type(manager._log)}
        die_at(owners.get(point, archive.ArchiveWriter), point)
        await manager.archive(out, older_than=timedelta(0))
asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("point", "count"),
    [("event", 0), ("event", 25), ("finish", 0), ("sync_folder", 0), ("verify_archive", 0), ("purge", 0), ("purge", 1),
     ("purge", 3), ("prepare", 2)],
)  # fmt: skip
async def test_killed_between_any_two_steps(manager, flows, tasks, path, tmp_path, rows, point, count):
    """Killed while the file is written, before it is whole, before, between and within the purges: nothing is lost.

    A second run finishes, and all that there was comes back from the two files.
    """
    for number in range(3):
        for name in flows:
            await manager.run(flows[name], execution_id=f"{name}-{number}")
    before = rows()
    heads = {row[0]: row for row in before["executions"]}
    await manager.close()
    out = tmp_path / "first"
    child = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", CHILD, str(path), str(out), point, str(count)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert child.returncode == -signal.SIGKILL, child.stderr

    async with FlowManager(path, tasks=tasks) as again:
        assert (await again.verify()).ok
        left = {row[0] for row in rows()["executions"]}
        assert left == heads.keys() or out.exists()  # nothing leaves the log before the file has its name
        report = await again.archive(tmp_path / "second", older_than=timedelta(0))
        assert report.purged == len(left)
        assert rows() == {"executions": [], "attempts": [], "statistics": before["statistics"]}
        await again.rebuild()
        assert rows()["statistics"] == before["statistics"]
        await again.import_archive(tmp_path / "second")
        if out.exists():
            await again.import_archive(out)
        assert rows() == before
        assert (await again.verify()).ok
        await again.rebuild()
        assert rows() == before


async def test_logs_without_uses_are_brought_up(manager, flows, path, tmp_path, tasks, sql):
    """A log of the first format gets a backup and its table of uses, filled from the events, damaged ones left out."""
    for name in flows:
        await manager.run(flows[name], execution_id=name)
    await manager._log.append(to_append("x", 0, created()))
    expected = sql("SELECT * FROM payload_uses ORDER BY stream")
    assert [stream for _, stream in expected] == ["large", "other"]
    await manager.close()
    sql("DROP TABLE payload_uses")
    sql("DELETE FROM meta WHERE key = 'migration/0004_payload_uses'")
    ((written,),) = sql("SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'format'")
    sql("UPDATE meta SET value = value - 1 WHERE key IN ('format', 'writer_format')")
    sql("UPDATE events SET data = 'no JSON' WHERE stream = 'plain'", force=True)
    sql("""UPDATE events SET data = '{"stored":{"data":"text"}}' WHERE stream = 'failing'""", force=True)
    async with FlowManager(path, tasks=tasks) as migrated:
        await migrated.run(flows["plain"])
    assert sql("SELECT * FROM payload_uses ORDER BY stream") == expected
    with closing(sqlite3.connect(tmp_path / f"flowsm.db.before-{written}.bak")) as copy:
        assert copy.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'payload_uses'").fetchone() == (0,)
        assert copy.execute("SELECT count(*) FROM streams").fetchone() == (len(flows) + 1,)
