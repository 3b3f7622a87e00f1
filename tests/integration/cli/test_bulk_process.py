"""Operators' verbs for many executions as processes: pipes that nobody reads, and signals."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from flowsm.limits import BULK_PAGE_EXECUTIONS
from flowsm.sync import FlowManager

ROOT = Path(__file__).parents[3]
DEADLINE_SECONDS = 40
FLOW = {"id": "f", "name": "F", "start_task": "t", "tasks": [{"name": "t", "task_type": "wait_for_signal"}]}
COUNT = 5 * BULK_PAGE_EXECUTIONS // 2


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A log of more than two pages of executions, whose ids are long."""
    with FlowManager(tmp_path / "flowsm.db", durability="normal") as manager:
        for number in range(COUNT):
            manager.create_flow_execution(FLOW, execution_id=f"x{number:099}")
    return tmp_path


def begin(folder: Path, *argv: str, stdout: int = subprocess.PIPE) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "flowsm", *argv],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
    )


def cancelled(folder: Path) -> int:
    with FlowManager(folder / "flowsm.db") as manager:
        return manager.summary().status_counts.get("cancelled", 0)


@pytest.mark.parametrize("as_json", [(), ("--json",)])
def test_all_are_asked_though_nobody_reads_the_list(folder: Path, as_json: tuple[str, ...]) -> None:
    """Whoever reads goes away after the first bytes: the rest is done all the same, and stderr says how many."""
    reading, writing = os.pipe()
    child = begin(folder, "cancel", "--all", *as_json, stdout=writing)
    os.close(writing)
    assert os.read(reading, 1)
    os.close(reading)
    _, err = child.communicate(timeout=DEADLINE_SECONDS)
    assert (child.returncode, err) == (0, f"flowsm: cancel: {COUNT} executions matched, {COUNT} done, 0 refused\n")
    assert cancelled(folder) == COUNT


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_list_that_cannot_be_written_is_named(folder: Path) -> None:
    """All are asked; that the list is not whole is said, and is a failure."""
    with Path("/dev/full").open("w") as full:
        child = begin(folder, "cancel", "--all", stdout=full.fileno())
    _, err = child.communicate(timeout=DEADLINE_SECONDS)
    assert child.returncode == 1
    assert err.splitlines()[-1] == "flowsm: stdout: No space left on device: not all of them could be listed"
    assert cancelled(folder) == COUNT


@pytest.mark.skipif(not hasattr(fcntl, "F_SETPIPE_SZ"), reason="needs pipes whose size can be set")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_it_says_how_many_were_done(folder: Path, number: signal.Signals, code: int) -> None:
    """The page at hand is done, also when its list stands in a full pipe; the others were not asked."""
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    child = begin(folder, "cancel", "--all", stdout=writing)
    os.close(writing)
    with os.fdopen(reading, "rb", buffering=0) as pipe:
        assert pipe.read(1)  # more of it is written than the pipe holds
        child.send_signal(number)
        lines = pipe.read().splitlines()
    _, err = child.communicate(timeout=DEADLINE_SECONDS)
    said = f"flowsm: cancel: interrupted; {BULK_PAGE_EXECUTIONS} done, 0 refused; the rest was not asked\n"
    assert (child.returncode, err) == (code, said)
    assert len(lines) == cancelled(folder) == BULK_PAGE_EXECUTIONS
