"""A debug session on a file that may only be read: no task's code runs, and nothing is written."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowsm import FlowManager, TaskFactory

ROOT = Path(__file__).parents[3]
TIMEOUT = 60
FLOW = {
    "id": "f",
    "name": "F",
    "start_task": "fetch",
    "tasks": [{"name": "fetch", "task_type": "fetch"}, {"name": "store", "task_type": "store"}],
    "conditions": [{"name": "fetched", "source_task": "fetch", "target_task_success": "store"}],
}
WORDS = [
    "watch results.fetch.data", "break task store", "break outcome success", "c", "c", "c", "c", "rc", "rc", "step", "rs",
    "next", "rn", "goto 4", "finish", "when", "print", "info state", "info tasks", "info timers", "info break", "list",
    "where", "diff 1 5", "explain", "help", "delete", "continue", "reverse-continue", "quit",
]  # fmt: skip
SESSION = """
import contextlib, io, os, shutil, sys, tempfile
import flowsm.manager
from flowsm import TaskFactory
from flowsm.cli import main

class Raises(TaskFactory):
    def _find(self, *_):
        raise AssertionError("the code of a task was asked for")

flowsm.manager.default_registry = lambda: registry
registry = Raises()
path, *words = sys.argv[1:]
options = [part for word in words for part in ("-ex", word)]
with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
    shutil.copyfile(path, folder + "/copy.db")
    main(["debug", "@last", "--batch", "--db", folder + "/copy.db", *options])  # imports, while that can be read
os.chdir("/")
if os.geteuid() == 0:
    os.setuid(65534)  # root may write anything
try:
    open(path, "ab").close()
except PermissionError:
    sys.exit(main(["debug", "@last", "--batch", "--db", path, *options]))
raise AssertionError("the file can be written")
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that another user can reach, which pytest's own are not."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)
        Path(name).chmod(0o777)


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_a_session_executes_and_writes_nothing(folder: Path) -> None:
    """Every word of it but fork: the folder is as it was, byte for byte, and the registry is never asked."""
    path = folder / "flowsm.db"
    tasks = TaskFactory()
    ran: list[str] = []
    tasks.register_task("fetch", lambda: {"total": 12})
    tasks.register_task("store", lambda: ran.append("store"))

    async def prepare() -> None:
        async with FlowManager(path, tasks=tasks) as manager:
            await manager.run(FLOW)

    asyncio.run(prepare())
    path.chmod(0o444)
    folder.chmod(0o555)
    before = contents(folder)
    command = [sys.executable, "-W", "error", "-c", SESSION, str(path), *WORDS]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("COVERAGE_")}
    done = subprocess.run(
        command,
        env=environment | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "watch 1, results.fetch.data: + {" in done.stdout
    assert contents(folder) == before
    assert ran == ["store"]
