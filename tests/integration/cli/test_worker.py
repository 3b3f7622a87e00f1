"""`flowsm worker`, and what the other commands say of executions whose worker is gone, as processes."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from flowsm.limits import ABANDON_AFTER_SECONDS
from flowsm.sync import FlowManager

ROOT = Path(__file__).parents[3]
DEADLINE_SECONDS = 30
TASKS = """
import os, time
from flowsm import task

@task("first")
async def first() -> str:
    return "done"

@task("slow")
def slow() -> str:
    open("began", "a").close()
    while not os.path.exists("go"):
        time.sleep(0.01)
    return "done"
"""
FLOW = {
    "id": "demo",
    "name": "Demo",
    "start_task": "first",
    "tasks": [{"name": "first"}, {"name": "slow"}, {"name": "last", "task_type": "first"}],
    "conditions": [
        {"source_task": "first", "target_task_success": "slow"},
        {"source_task": "slow", "target_task_success": "last"},
    ],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "flow.json").write_text(json.dumps(FLOW))
    (tmp_path / "tasks.py").write_text(TASKS)
    return tmp_path


def begin(folder: Path, *argv: str) -> subprocess.Popen[str]:
    kept = {name: value for name, value in os.environ.items() if name not in {"FORCE_COLOR", "FLOWSM_DB"}}
    return subprocess.Popen(
        [sys.executable, "-m", "flowsm", *argv],
        cwd=folder,
        env={**kept, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def flowsm(folder: Path, *argv: str) -> tuple[int | None, str, str]:
    child = begin(folder, *argv)
    out, err = child.communicate(timeout=DEADLINE_SECONDS)
    return child.returncode, out, err


def until(file: Path) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not file.exists():
        assert time.monotonic() < deadline, f"{file.name} did not come"
        os.sched_yield()


def ends(child: subprocess.Popen[str]) -> tuple[int | None, str]:
    _, err = child.communicate(timeout=DEADLINE_SECONDS)
    return child.returncode, err


def test_a_terminated_run_says_how_to_go_on(folder) -> None:
    """SIGTERM ends `flowsm run` with 143 and the command that goes on, which does."""
    child = begin(folder, "run", "flow.json", "--tasks", "tasks.py", "--db", "my log.db", "--id", "x")
    until(folder / "began")
    child.send_signal(signal.SIGTERM)
    code, err = ends(child)
    assert code == 143
    go_on = err.splitlines()[-1].removeprefix("flowsm: interrupted; to go on: ")
    assert go_on == "flowsm run x --tasks tasks.py --db 'my log.db'"
    (folder / "go").touch()
    assert flowsm(folder, *shlex.split(go_on)[1:])[0] == 0


def test_a_killed_run_is_marked_and_taken_up(folder) -> None:
    """After SIGKILL `ls` and `show` say that the worker is dead; a worker finishes, and stops with one line and 0."""
    child = begin(folder, "run", "flow.json", "--tasks", "tasks.py", "--id", "x")
    until(folder / "began")
    assert "dead" not in flowsm(folder, "ls")[1]
    child.kill()
    ends(child)
    (folder / "began").unlink()
    worker = begin(folder, "worker", "--tasks", "tasks.py", "--lease", "0.5")
    until(folder / "began")
    worker.kill()
    ends(worker)
    (folder / "began").unlink()
    worker = begin(folder, "worker", "--tasks", "tasks.py", "--lease", "0.5", "--grace", "20")
    until(folder / "began")
    worker.send_signal(signal.SIGINT)
    for line in worker.stderr or ():
        if "stopping" in line:
            break
    (folder / "go").touch()
    code, err = ends(worker)
    assert code == 0
    said = "flowsm: stopped; executions left: 1 due now; to go on: flowsm worker --tasks tasks.py"
    assert err.splitlines()[-1] == said
    assert "no worker drives it now" in flowsm(folder, "ls")[1]
    shown = flowsm(folder, "show", "x")[1]
    assert "no worker drives it now; `flowsm run x` or `flowsm worker` goes on" in shown
    kinds = [line for line in flowsm(folder, "events", "x")[1].splitlines() if "task.interrupted" in line]
    assert len(kinds) == 2
    assert flowsm(folder, "run", "x", "--tasks", "tasks.py")[0] == 0


def test_a_dead_worker_is_named(folder) -> None:
    """What a killed worker had is shown with the worker, and when it was seen last."""
    child = begin(folder, "run", "flow.json", "--tasks", "tasks.py", "--id", "x")
    until(folder / "began")
    child.kill()
    ends(child)
    begin_again = begin(folder, "run", "flow.json", "--tasks", "tasks.py", "--id", "y")
    (folder / "go").touch()
    assert ends(begin_again)[0] == 0  # its first heartbeat finds the other process gone
    listed = flowsm(folder, "ls")[1]
    assert "is dead (last seen " in listed
    assert "is dead (last seen " in flowsm(folder, "show", "x")[1]


def test_a_second_signal_stops_at_once(folder) -> None:
    """Told twice, a worker waits for nothing and says so."""
    child = begin(folder, "run", "flow.json", "--tasks", "tasks.py", "--id", "x")
    until(folder / "began")
    child.kill()
    ends(child)
    (folder / "began").unlink()
    worker = begin(folder, "worker", "--tasks", "tasks.py", "--grace", "1000")
    until(folder / "began")
    worker.send_signal(signal.SIGTERM)
    for line in worker.stderr or ():
        if "stopping" in line:
            break
    worker.send_signal(signal.SIGTERM)
    code, err = ends(worker)
    assert (code, err.splitlines()[-1]) == (130, "flowsm: stopped at once")


def test_a_worker_with_nothing_to_do(folder) -> None:
    """It waits, and says so when it is stopped."""
    worker = begin(folder, "worker", "--create")
    assert worker.stderr is not None
    assert "takes up what is due in flowsm.db" in worker.stderr.readline()
    worker.send_signal(signal.SIGTERM)
    code, err = ends(worker)
    assert (code, err.splitlines()[-1]) == (0, "flowsm: stopped; nothing is left to do")


STUBBORN = """
import asyncio
from flowsm import task

@task("stubborn")
async def stubborn() -> str:
    open("began", "a").close()
    while True:
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            pass
"""


@pytest.mark.parametrize("command", ["worker", "run"])
def test_a_second_signal_does_not_wait_for_code_that_does_not_stop(folder, command) -> None:
    """A task that swallows its cancellation keeps neither a worker nor a run alive once somebody asks again."""
    (folder / "tasks.py").write_text(STUBBORN)
    (folder / "flow.json").write_text(
        json.dumps({"id": "s", "name": "S", "start_task": "stubborn", "tasks": [{"name": "stubborn"}]})
    )
    child = begin(folder, "run", "flow.json", "--tasks", "tasks.py")
    until(folder / "began")
    if command == "worker":
        child.kill()
        ends(child)
        (folder / "began").unlink()
        child = begin(folder, "worker", "--tasks", "tasks.py", "--grace", "1000")
        until(folder / "began")
    told = time.monotonic()
    while child.poll() is None and time.monotonic() < told + DEADLINE_SECONDS:
        child.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(0.5)
    took = time.monotonic() - told
    code, _ = ends(child)
    assert code == 130
    assert took < ABANDON_AFTER_SECONDS


def _too_new(file: Path) -> None:
    with FlowManager(file) as manager:
        manager.summary()
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.execute("UPDATE meta SET value = 99 WHERE key IN ('format', 'writer_format')")
        connection.commit()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda file: file.write_text("hello"), "expected a SQLite database"),
        (lambda file: file.mkdir(), "the file cannot be opened"),
        (_too_new, "has log format 99"),
    ],
)
def test_a_file_that_it_can_never_work_on_ends_it(folder, make, said) -> None:
    """A worker that is given one says so in one message, and ends as `flowsm run` does."""
    make(folder / "odd")
    code, _, err = flowsm(folder, "worker", "--db", "odd")
    assert (code, err.count("\n")) == (1, 1)
    assert said in err
    assert flowsm(folder, "run", "flow.json", "--tasks", "tasks.py", "--db", "odd")[::2] == (code, err)


def test_a_mistyped_log_is_not_made(folder) -> None:
    """A log that is not there is made only when that is said; in a folder that is not there it cannot be."""
    code, _, err = flowsm(folder, "worker", "--db", "typo.db")
    assert (code, err.count("\n")) == (4, 1)
    assert "there is no log at 'typo.db'" in err
    assert "--create makes it" in err
    assert not (folder / "typo.db").exists()
    code, _, err = flowsm(folder, "worker", "--create", "--db", "none/x.db")
    assert (code, err.count("\n")) == (1, 1)
    assert "check that its folder exists" in err


def test_a_worker_that_nobody_reads_stops_when_told(folder) -> None:
    """Once: what it would say on a closed stderr is lost, not its stopping."""
    worker = begin(folder, "worker", "--create")
    assert worker.stdout is not None
    assert worker.stderr is not None
    assert "takes up" in worker.stderr.readline()
    worker.stderr.close()
    worker.send_signal(signal.SIGTERM)
    try:
        assert worker.wait(DEADLINE_SECONDS) == 0
    finally:
        worker.kill()
        worker.stdout.close()
