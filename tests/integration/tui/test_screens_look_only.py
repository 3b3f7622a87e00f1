"""The full screens on a file that may only be read: no task's code runs, and nothing is written."""

from __future__ import annotations

import asyncio
import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from screens import debugging, fill, manager_of, topping
from small_flows import ForbiddenRegistry

from flowsm import FlowManager
from flowsm.errors import LogUnavailable

ROOT = Path(__file__).parents[3]
TIMEOUT_SECONDS = 60
DEBUG_KEYS = [
    "p", "left", "up", "n", "right", "down", "N", "P", "home", "end", "c", "C", "d", "d", "1", "2", "3", "4", "tab",
    "pagedown", "pageup", "i", "escape", "f", "escape", "question_mark", "escape",
]  # fmt: skip
ANSWERS = [("g", "3"), ("b", "outcome *"), ("w", "results.fetch.data"), ("slash", "store"), ("b", "delete")]
TOP_KEYS = [
    "down", "up", "j", "k", "pagedown", "pageup", "end", "home", "s", "S", "r", "f", "F", "escape", "question_mark",
    "escape", "enter", "p", "q",
]  # fmt: skip
PROGRAM = """
import asyncio, contextlib, io, os, shutil, sys, tempfile
import {module} as test
with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
    shutil.copyfile(sys.argv[1], folder + "/copy.db")
    asyncio.run(test.look(folder + "/copy.db"))  # imports, while the interpreter's own folder can be read
os.chdir("/")
if os.geteuid() == 0:
    os.setuid(65534)  # root may write anything
asyncio.run(test.look(sys.argv[1], "bad"))
"""


async def look(path: str, *executions: str) -> None:
    """Press every key of both screens, of the debugger for each execution; and show that nothing could have been written."""
    async with FlowManager(path, tasks=ForbiddenRegistry()) as manager:
        for execution in executions:
            async with debugging(manager, execution) as driven:
                for key, line in ANSWERS:
                    await driven.answer(key, line)
                await driven.press(*DEBUG_KEYS)
                await driven.screen.look_again()
        async with topping(manager) as driven:
            await driven.press(*TOP_KEYS)
            await driven.answer("slash", "orders")
            await driven.screen.look_again()
        try:
            await manager.cancel("waits")
        except LogUnavailable:
            print("fine")


def digests(folder: Path) -> dict[str, str]:
    """What the log's files hold: not what SQLite shares about its readers."""
    files = (file for file in folder.iterdir() if not file.name.endswith("-shm"))
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files if file.stat().st_size}


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that another user can reach, which pytest's own are not."""
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o777)
        yield Path(made)
        Path(made).chmod(0o777)


def test_nothing_runs_and_nothing_is_written(folder: Path) -> None:
    """Every key of the debugger and of the list needs neither the right to write nor any code of a task."""
    path = folder / "flowsm.db"

    async def prepare() -> None:
        async with manager_of(path) as manager:
            await fill(manager)

    asyncio.run(prepare())
    before = digests(folder)
    for file in folder.iterdir():
        file.chmod(0o444)
    folder.chmod(0o555)
    environment: dict[str, Any] = {key: value for key, value in os.environ.items() if not key.startswith("COVERAGE_")}
    environment |= {"PYTHONWARNINGS": "error", "PYTHONDONTWRITEBYTECODE": "1"}
    environment["PYTHONPATH"] = os.pathsep.join(map(str, (ROOT, ROOT / "tests/support", Path(__file__).parent)))
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(module=Path(__file__).stem), str(path)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_SECONDS,
    )
    assert (done.returncode, done.stdout) == (0, "fine\n"), done.stderr
    assert digests(folder) == before
