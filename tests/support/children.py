"""Child processes that run executions, and waiting for what they do."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

__all__ = ["ROOT", "TASKS", "spawn", "stop", "until"]

ROOT = Path(__file__).parents[2]
DEADLINE_SECONDS = 40

TASKS = '''
import asyncio, os, pathlib, sys, threading, time
from flowsm import FlowManager
from flowsm.tasks.factory import TaskFactory

path, notes = sys.argv[1], pathlib.Path(sys.argv[2])
parent = os.getppid()


def leave_with_parent():
    """No child outlives the tests, however they end."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=leave_with_parent, daemon=True).start()
tasks = TaskFactory()


def note(context, word):
    with open(notes / "notes", "a") as file:
        file.write(f"{word} {context.idempotency_key} {os.getpid()}\\n")


async def quick(context):
    note(context, "quick")
    await asyncio.sleep(0.02)
    return 1


async def slower(context):
    note(context, "slower")
    await asyncio.sleep(0.1)


async def gate(context):
    """Hangs in its first process; whoever comes after it is through."""
    note(context, "gate")
    if not (notes / "open").exists():
        await asyncio.Event().wait()
    return os.getpid()


async def held(context):
    """Goes on once the file is there; its process works on meanwhile."""
    note(context, "held")
    while not (notes / "open").exists():
        await asyncio.sleep(0.01)
    return os.getpid()


async def blocked(context):
    """Like `gate`, but the whole process stands still until the file is there."""
    note(context, "blocked")
    while not (notes / "open").exists():
        time.sleep(0.01)
    return os.getpid()


for function in (quick, slower, gate, held, blocked):
    tasks.register_task(function.__name__, function)


def flow(*names):
    return {
        "id": "f", "name": "F", "start_task": f"{names[0]}-0",
        "tasks": [{"name": f"{name}-{n}", "task_type": name} for n, name in enumerate(names)],
        "conditions": [
            {"source_task": f"{name}-{n}", "target_task_success": f"{names[n + 1]}-{n + 1}"}
            for n, name in enumerate(names[:-1])
        ],
    }
'''
"""The tasks of children; `notes` is a folder in which each run of a task leaves a line."""


def spawn(body: str, path: Path, notes: Path, *arguments: str) -> subprocess.Popen[str]:
    """A Python process that runs `TASKS`, then the body, whose stdout can be read line by line."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", TASKS + body, str(path), str(notes), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def stop(child: subprocess.Popen[str], path: Path) -> None:
    """SIGSTOP the process at a moment when it does not hold the write lock of the file: others would wait for it.

    Raises:
        TimeoutError: it held the lock each time.
    """
    connection = sqlite3.connect(path, isolation_level=None, timeout=0.2)
    deadline = time.monotonic() + DEADLINE_SECONDS
    try:
        while time.monotonic() < deadline:
            child.send_signal(signal.SIGSTOP)
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                child.send_signal(signal.SIGCONT)
            else:
                connection.execute("ROLLBACK")
                return
    finally:
        connection.close()
    raise TimeoutError(f"it held the write lock for {DEADLINE_SECONDS} s")


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Return once the condition holds; polled, for it is about other processes.

    Raises:
        TimeoutError: it did not within the deadline.
    """
    deadline = time.monotonic() + DEADLINE_SECONDS
    pause = 0.02
    while not await condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"it did not happen within {DEADLINE_SECONDS} s")
        await asyncio.wait({asyncio.get_running_loop().create_future()}, timeout=pause)
