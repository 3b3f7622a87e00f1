"""The full screens at a terminal: keys typed through a pseudo-terminal, with real child processes."""

from __future__ import annotations

import codecs
import contextlib
import fcntl
import os
import pty
import re
import select
import signal
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
NOT_FOR_IT = {"NO_COLOR", "FLOWSM_DB", "COLUMNS", "LINES"}
"""The last two would be obeyed in place of the terminal."""
PLACES = re.compile(r"\x1b\[(\d+);\d+H")
FLOW = {"id": "f", "name": "Fetch", "start_task": "fetch", "tasks": [{"name": "fetch", "task_type": "fetch"}]}


class Terminal:
    """A child at a pseudo-terminal, of 24 lines and 80 columns if nothing else is said."""

    def __init__(self, folder: Path, *arguments: str, size: tuple[int, int] = (24, 80)) -> None:
        self.ours, theirs = pty.openpty()
        self._take(size)
        environment = {key: value for key, value in os.environ.items() if key not in NOT_FOR_IT}
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

    def resize(self, lines: int, columns: int) -> None:
        """Become smaller or larger, tell the child so, and forget what was shown before."""
        self.raw = ""
        self._take((lines, columns))
        self.child.send_signal(signal.SIGWINCH)

    def shows(self, words: str) -> None:
        """Return once it has shown some words."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while words not in ESCAPES.sub("", self.raw):
            assert self._read(deadline), f"{words!r} is not shown: {self.raw!r}"

    def fills(self, lines: int) -> None:
        """Return once it has written on the last of so many lines."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while lines not in self.written():
            assert self._read(deadline), f"line {lines} is empty: {self.raw!r}"

    def written(self) -> set[int]:
        """The lines that it has written on."""
        return {int(line) for line in PLACES.findall(self.raw)}

    def ends(self) -> int:
        """Its exit code, once it has ended."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while self._read(deadline):
            pass
        return self.child.wait(DEADLINE_SECONDS)

    def _take(self, size: tuple[int, int]) -> None:
        fcntl.ioctl(self.ours, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))

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

    def at(*arguments: str, size: tuple[int, int] = (24, 80)) -> Terminal:
        made.append(Terminal(folder, *arguments, size=size))
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


COMMANDS = pytest.mark.parametrize(
    ("command", "words"),
    [(("debug", "x1", "--full-screen"), "7/7"), (("top",), "1 execution")],
    ids=["debug", "top"],
)


@COMMANDS
@pytest.mark.parametrize("size", [(30, 100), (50, 200), (24, 81), (10, 40)], ids=lambda size: "{}x{}".format(*size))
def test_any_size(
    terminal: Callable[..., Terminal], command: tuple[str, ...], words: str, size: tuple[int, int]
) -> None:
    """A terminal of any size is filled to its last line, and answers its keys."""
    screen = terminal(*command, size=size)
    screen.shows(words)
    screen.fills(size[0])
    assert max(screen.written()) == size[0]
    screen.type("q")
    assert screen.ends() == 0


@COMMANDS
def test_a_terminal_that_tells_no_size(terminal: Callable[..., Terminal], command: tuple[str, ...], words: str) -> None:
    """Where a terminal says 0 lines and 0 columns, the screen takes a size of its own, and answers its keys."""
    screen = terminal(*command, size=(0, 0))
    screen.shows(words)
    screen.type("q")
    assert screen.ends() == 0


@COMMANDS
def test_a_terminal_that_changes_its_size(
    terminal: Callable[..., Terminal], command: tuple[str, ...], words: str
) -> None:
    """The screen follows a terminal whose corner is dragged, to the last size, and answers its keys."""
    screen = terminal(*command, size=(30, 100))
    screen.shows(words)
    screen.resize(40, 120)
    screen.fills(40)
    for lines in range(41, 60):
        screen.resize(lines, 81 + lines)
    screen.fills(59)
    screen.resize(20, 70)
    screen.fills(20)
    screen.type("?")
    screen.shows("Esc: back")
    screen.resize(35, 110)
    screen.fills(35)
    screen.type("q")
    screen.type("q")
    assert screen.ends() == 0
