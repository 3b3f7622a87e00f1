"""`flowsm debug` at a terminal: a person's session through a pseudo-terminal, with a real child process."""

from __future__ import annotations

import codecs
import contextlib
import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowsm import FlowManager, TaskContext, TaskFactory
from flowsm.testing.clock import ManualClock

ROOT = Path(__file__).parents[3]
DEADLINE_SECONDS = 40
SILENCE_SECONDS = 3
PROMPT = re.compile(r"\((\d+)/10\) $")
ESCAPES = re.compile(r"\x1b\[[?0-9;]*[a-zA-Z]|\x1b[=>]|\x07|\r")
TAKE_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""
"""The pseudo-terminal becomes the one whose Ctrl-C the child gets."""
FLOW = {
    "id": "f",
    "name": "Fetch",
    "start_task": "fetch",
    "tasks": [{"name": "fetch", "task_type": "fetch", "retry": {"max_attempts": 2, "initial_interval": 0}}],
    "conditions": [],
}


class Terminal:
    """A child at a pseudo-terminal; `text` is all that it showed, without escapes, `raw` with them."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        ours, theirs = pty.openpty()
        environment = {key: value for key, value in os.environ.items() if key not in {"NO_COLOR", "FLOWSM_DB"}}
        environment |= {"PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "COLUMNS": "200", "PYTHONWARNINGS": "error"}
        self.ours = ours
        self.raw = ""
        self._decode = codecs.getincrementaldecoder("utf-8")().decode  # a read may end within a character
        self.child = subprocess.Popen(
            [sys.executable, "-c", TAKE_TERMINAL, sys.executable, "-m", "flowsm", *arguments],
            cwd=folder,
            env=environment,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)

    @property
    def text(self) -> str:
        return ESCAPES.sub("", self.raw)

    def read(self) -> str:
        """What it shows until it asks for the next line, or ends."""
        begin = len(self.text)
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not PROMPT.search(self.text[begin:]):
            ready, _, _ = select.select([self.ours], [], [], deadline - time.monotonic())
            assert ready, f"no prompt: {self.text!r}"
            try:
                data = os.read(self.ours, 65536)
            except OSError:  # the child has closed its side
                break
            if not data:
                break
            self.raw += self._decode(data)
        return self.text[begin:]

    def say(self, keys: str) -> list[str]:
        """Type this, and give the lines of the answer: without the echo before and the prompt behind."""
        os.write(self.ours, keys.encode())
        return self.read().splitlines()[1:-1]

    def interrupt(self) -> list[str]:
        """Press Ctrl-C, and give the lines of the answer; pressed again after a silence.

        Readline, which waits for keys, does not see one that comes between its prompt and that wait.
        """
        deadline = time.monotonic() + DEADLINE_SECONDS
        while time.monotonic() < deadline:
            os.write(self.ours, b"\x03")
            ready, _, _ = select.select([self.ours], [], [], SILENCE_SECONDS)
            if ready:
                break
        return self.read().splitlines()[1:-1]

    def at(self) -> int:
        """Where the prompt says that it stands."""
        found = PROMPT.search(self.text)
        assert found is not None
        return int(found.group(1))


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    """A log with one execution: x1, of ten events."""
    tasks = TaskFactory()

    @tasks.task("fetch")
    def fetch(context: TaskContext) -> dict[str, int]:
        if context.attempt == 1:
            raise OSError("not now")
        return {"total": 12}

    async with FlowManager(tmp_path / "flowsm.db", tasks=tasks, clock=ManualClock()) as manager:
        ran = await manager.run(FLOW, execution_id="x1")
        assert ran.seq == 10
    return tmp_path


@pytest.fixture
def terminal(folder: Path) -> Iterator[Terminal]:
    made = Terminal(folder, "debug", "x1")
    try:
        yield made
    finally:
        made.child.kill()
        made.child.wait(DEADLINE_SECONDS)
        with contextlib.suppress(OSError):
            os.close(made.ours)


def test_a_session(terminal: Terminal) -> None:
    """A person steps, repeats by Enter, watches, goes back, is told of what is wrong, completes by Tab, and leaves."""
    greeting = terminal.read()
    assert "Fetch (f), execution x1: 10 events; nothing is executed here. `help` lists the words." in greeting
    assert terminal.at() == 0

    assert "fetch: failure" in terminal.say("next\n")[0]
    assert terminal.at() == 5
    assert "fetch (attempt 2): success" in terminal.say("\n")[0], "an empty line repeats the motion"
    assert terminal.at() == 8

    assert terminal.say("watch results.fetch.data.total\n") == ["watch 1, results.fetch.data.total"]
    assert terminal.say("rc\n")[0] == "the beginning of the execution"
    assert terminal.say("c\n")[0] == "watch 1, results.fetch.data.total: + 12"
    assert terminal.at() == 8
    assert terminal.say("print results.fetch.data\n") == ["{", '  "total": 12', "}"]

    assert terminal.say("stp\n") == ["unknown word 'stp': did you mean 'step'?"]
    assert terminal.say("break task fetsh\n") == ["no task of the flow is called 'fetsh': did you mean 'fetch'?"]
    assert terminal.interrupt() == [], "Ctrl-C gives up the line, not the session"
    assert terminal.child.poll() is None

    assert terminal.say("reverse-n\t\n")[0].startswith("7/10 ")
    assert terminal.say("goto 4\n")[0].startswith("4/10 ")
    terminal.say("\n")
    assert terminal.at() == 0, "the last motion is repeated, not what came between"
    assert "\x1b[" in terminal.raw, "it is coloured"

    os.write(terminal.ours, b"\x04")
    terminal.read()
    assert terminal.child.wait(DEADLINE_SECONDS) == 0


def test_quit_ends_it(terminal: Terminal) -> None:
    """With exit code 0; an empty line before any motion does nothing."""
    terminal.read()
    assert terminal.say("\n") == []
    os.write(terminal.ours, b"quit\n")
    terminal.read()
    assert terminal.child.wait(DEADLINE_SECONDS) == 0
