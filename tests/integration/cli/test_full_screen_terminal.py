"""The full screens at a terminal: keys typed through a pseudo-terminal, with real child processes."""

from __future__ import annotations

import codecs
import contextlib
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flowsm import FlowManager, TaskFactory

ROOT = Path(__file__).parents[3]
DEADLINE_SECONDS = 60
ESCAPES = re.compile(r"\x1b\[[?<>=0-9;]*[a-zA-Z$~]|\x1b[=>]|\x1b[P\]_].*?(\x1b\\|\x07)|\r")
FLOW = {"id": "f", "name": "Fetch", "start_task": "fetch", "tasks": [{"name": "fetch", "task_type": "fetch"}]}


class Terminal:
    """A child at a pseudo-terminal of 24 lines and 80 columns."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        environment = {key: value for key, value in os.environ.items() if key not in {"NO_COLOR", "FLOWSM_DB"}}
        environment |= {"PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "PYTHONWARNINGS": "error"}
        self._decode = codecs.getincrementaldecoder("utf-8")().decode  # a read may end within a character
        self.raw = ""
        self.child = subprocess.Popen(
            [sys.executable, "-m", "flowsm", *arguments],
            cwd=folder,
            env=environment,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)

    def type(self, keys: str) -> None:
        """Type keys, and forget what was shown before."""
        self.raw = ""
        os.write(self.ours, keys.encode())

    def shows(self, words: str) -> None:
        """Return once it has shown some words."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while words not in ESCAPES.sub("", self.raw):
            assert self._read(deadline), f"{words!r} is not shown: {self.raw!r}"

    def ends(self) -> int:
        """Its exit code, once it has ended."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while self._read(deadline):
            pass
        return self.child.wait(DEADLINE_SECONDS)

    def _read(self, deadline: float) -> bool:
        ready, _, _ = select.select([self.ours], [], [], max(deadline - time.monotonic(), 0))
        try:
            data = os.read(self.ours, 65536) if ready else b""
        except OSError:  # the child has closed its side
            data = b""
        self.raw += self._decode(data)
        return bool(data)


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    """A log with one execution: x1, which failed."""
    tasks = TaskFactory()

    @tasks.task("fetch")
    def fetch() -> None:
        raise OSError("not now")

    async with FlowManager(tmp_path / "flowsm.db", tasks=tasks) as manager:
        await manager.run(FLOW, execution_id="x1")
    return tmp_path


@pytest.fixture
def terminal(folder: Path) -> Iterator[Callable[..., Terminal]]:
    made: list[Terminal] = []

    def at(*arguments: str) -> Terminal:
        made.append(Terminal(folder, *arguments))
        return made[-1]

    yield at
    for one in made:
        one.child.kill()
        one.child.wait(DEADLINE_SECONDS)
        with contextlib.suppress(OSError):
            os.close(one.ours)


def test_the_debugger(terminal: Callable[..., Terminal]) -> None:
    """A person opens what failed last, steps back, asks why, and leaves; the terminal is as it was."""
    screen = terminal("debug", "@last-failed", "--full-screen")
    screen.shows("execution x1")
    screen.shows("7/7")
    screen.type("p")
    screen.shows("6/7")
    screen.type("i")
    screen.shows("Why it stands here")
    screen.type("q")
    screen.type("q")
    assert screen.ends() == 0
    assert "\x1b[?1049l" in screen.raw, "the other screen of the terminal is left"


def test_the_list(terminal: Callable[..., Terminal]) -> None:
    """A person watches the executions, opens one, and ends it all by Ctrl-C."""
    screen = terminal("top")
    screen.shows("1 execution")
    screen.type("\r")
    screen.shows("execution x1")
    screen.type("\x03")
    assert screen.ends() == 0
