"""A manager that was made before its process was forked: each process is a worker of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PROGRAM = """
import asyncio, os, sys, time
from flowsm import FlowManager, TaskFactory

tasks = TaskFactory()
gate = sys.argv[2]

@tasks.task("slow")
async def slow():
    while not os.path.exists(gate):
        await asyncio.sleep(0.01)
    return os.getpid()

@tasks.task("quick")
async def quick():
    return os.getpid()

def one(name):
    return {"id": name, "name": name, "start_task": name, "tasks": [{"name": name}]}

manager = FlowManager(sys.argv[1], tasks=tasks, recover=True, lease_seconds=0.5)
before = manager.worker

async def parent():
    result = await manager.run(one("slow"), execution_id="x")
    assert result.task_results["slow"].data == os.getpid(), "the parent's own task went on"
    assert manager.worker == before
    assert "task.interrupted" not in [event.type for event in await manager.events("x")]
    assert (await manager.verify()).ok
    await manager.close()

async def child():
    while "x" not in {row.execution_id for row in (await manager.executions()).items}:
        await asyncio.sleep(0.01)
    assert manager.worker == before, "nothing is driven yet"
    ran = await manager.run(one("quick"), execution_id="y")
    assert ran.task_results["quick"].data == os.getpid()
    assert manager.worker != before
    await asyncio.sleep(1)  # longer than a lease: whatever could be taken over by mistake, is
    open(gate, "w").close()
    await manager.close()

forked = os.fork()
asyncio.run(parent() if forked else child())
if forked:
    _, status = os.waitpid(forked, 0)
    assert status == 0, status
"""


USED = """
import asyncio, os, sys
from flowsm import FlowManager
from flowsm.errors import LogUnavailable

manager = FlowManager(sys.argv[1])
asyncio.run(manager.executions())
forked = os.fork()
if forked:
    _, status = os.waitpid(forked, 0)
    assert status == 0, status
    asyncio.run(manager.executions())
    asyncio.run(manager.close())
    sys.exit()
try:
    asyncio.run(manager.executions())
except LogUnavailable as error:
    assert "it was open when this process was forked" in str(error)
else:
    raise AssertionError("it was read")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.parametrize("where", ["file", ":memory:"])
def test_a_forked_process_is_another_worker(tmp_path: Path, where: str) -> None:
    """The child works under a name and with connections of its own, and takes nothing from its living parent."""
    path = str(tmp_path / "flowsm.db") if where == "file" else where
    run(PROGRAM, path, str(tmp_path / "gate"))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.parametrize("where", ["file", ":memory:"])
def test_what_was_open_when_the_process_was_forked_is_refused(tmp_path: Path, where: str) -> None:
    """SQLite carries nothing over a fork: the child is told, and the parent works on."""
    run(USED, str(tmp_path / "flowsm.db") if where == "file" else where)


def run(program: str, *arguments: str) -> None:
    """Run a program to its good end, with all that it forks."""
    command = [sys.executable, "-W", "ignore", "-c", program, *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True) as begun:
        try:
            _, said = begun.communicate(timeout=40)
        except subprocess.TimeoutExpired:
            os.killpg(begun.pid, signal.SIGKILL)
            raise
    assert begun.returncode == 0, said
