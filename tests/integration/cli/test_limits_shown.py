"""What the command line says of an execution that a limit holds back, and how it sets limits."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from flowsm import FlowManager, TaskFactory

ROOT = Path(__file__).parents[3]
DEADLINE_SECONDS = 30
TASKS = """
import asyncio, os
from flowsm import task

@task("slow")
async def slow() -> str:
    open("began", "a").close()
    while not os.path.exists("go"):
        await asyncio.sleep(0.01)
    return "done"
"""
FLOW = {"id": "demo", "name": "Demo", "start_task": "slow", "tasks": [{"name": "slow"}]}


def begin(folder: Path, *argv: str) -> subprocess.Popen[str]:
    kept = {name: value for name, value in os.environ.items() if name not in {"FORCE_COLOR", "FLOWSM_DB"}}
    command = [sys.executable, "-m", "flowsm", *argv]
    environment = {**kept, "PYTHONPATH": str(ROOT), "COLUMNS": "400"}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=pipe, stderr=pipe, text=True)


def flowsm(folder: Path, *argv: str) -> tuple[int | None, str, str]:
    child = begin(folder, *argv)
    out, err = child.communicate(timeout=DEADLINE_SECONDS)
    return child.returncode, out, err


async def test_a_worker_is_given_limits_and_others_see_them_held(tmp_path: Path) -> None:
    """`worker --limit` holds the second execution back; `show` and `ls` say so until it has its turn."""
    (tmp_path / "tasks.py").write_text(TASKS)
    tasks = TaskFactory()
    tasks.register_task("slow", lambda: 1)
    async with FlowManager(tmp_path / "flowsm.db", tasks=tasks) as manager:
        for name in ("a", "b"):
            await manager.start(FLOW, execution_id=name, paused=True)
    worker = begin(tmp_path, "worker", "--tasks", "tasks.py", "--limit", "slow=1", "--rate", "slow=1000/1/1000")
    try:
        for name in ("a", "b"):
            assert flowsm(tmp_path, "resume", name)[0] == 0
        deadline = time.monotonic() + DEADLINE_SECONDS
        words = "held by the limit of task type 'slow': 1 of 1"
        while words not in (listed := flowsm(tmp_path, "ls")[1]):
            assert time.monotonic() < deadline, listed
        assert listed.count(words) == 1
        (waiting,) = [line.split()[0] for line in listed.splitlines() if words in line]
        assert f"waits     {words}, since " in flowsm(tmp_path, "show", waiting)[1]
        (tmp_path / "go").touch()
        while flowsm(tmp_path, "show", waiting)[1].find("completed") < 0:
            assert time.monotonic() < deadline
    finally:
        worker.kill()
        worker.communicate()


def test_limits_that_cannot_be_are_refused(tmp_path: Path) -> None:
    """A mistyped task type ends the worker at once, with what there is."""
    (tmp_path / "tasks.py").write_text(TASKS)
    code, _, err = flowsm(tmp_path, "worker", "--tasks", "tasks.py", "--limit", "slo=1")
    assert code == 2
    assert "a limit names the task type 'slo', which is not registered; there are: " in err


async def test_a_limit_for_a_flow_that_is_not_there_is_noted(tmp_path: Path) -> None:
    """The worker works all the same, for the flow may come; a flow's name in place of its id is told apart."""
    tasks = TaskFactory()
    tasks.register_task("slow", lambda: 1)
    async with FlowManager(tmp_path / "flowsm.db", tasks=tasks) as manager:
        await manager.start(FLOW, execution_id="a", paused=True)
    worker = begin(
        tmp_path, "worker", *(word for name in ("demo", "Demo", "dem") for word in ("--limit-flow", f"{name}=1"))
    )
    assert worker.stderr is not None
    lines = [worker.stderr.readline() for _ in range(3)]
    worker.terminate()
    worker.communicate(timeout=DEADLINE_SECONDS)
    no = "the log has no execution of a flow with this id"
    assert lines[:2] == [
        f"flowsm: --limit-flow 'Demo': {no}; the id of the flow with that name is 'demo'\n",
        f"flowsm: --limit-flow 'dem': {no}\n",
    ]
    assert "takes up" in lines[2]
