"""The command line as a process: signals, pipes, terminals, environments."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TASKS = """
import os, time
from flowsm import task

@task("slow")
def slow() -> str:
    while not os.path.exists("go"):
        time.sleep(0.01)
    return "done"
"""
FLOW = {
    "id": "demo",
    "name": "Demo",
    "start_task": "first",
    "tasks": [{"name": "first", "task_type": "fetch_data"}, {"name": "second", "task_type": "slow"}],
    "conditions": [{"source_task": "first", "target_task_success": "second"}],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "flow.json").write_text(json.dumps(FLOW))
    (tmp_path / "tasks.py").write_text(TASKS)
    return tmp_path


def _environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "FORCE_COLOR", "FLOWSM_DB"}}
    return {**kept, "PYTHONPATH": str(ROOT), "TERM": "xterm", **more}


def _flowsm(folder: Path, *argv: str, stdin: bytes = b"", **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "flowsm", *argv],
        cwd=folder,
        env=_environment(**environment),
        input=stdin,
        capture_output=True,
        timeout=60,
        check=False,
    )


def _run_on_terminal(folder: Path, *argv: str, **environment: str) -> tuple[int, str, str]:
    """Exit code, stdout (a pipe) and what the terminal at stderr got."""
    ours, theirs = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "flowsm", *argv],
        cwd=folder,
        env=_environment(**environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        seen = b""
        with contextlib.suppress(OSError):  # the other side is closed
            while data := os.read(ours, 65536):
                seen += data
        os.close(ours)
        assert process.stdout is not None
        out = process.stdout.read().decode()
    return process.returncode, out, seen.decode()


def test_a_run_leaves_the_whole_story_in_the_file(folder: Path) -> None:
    """run, show, events and a plain sqlite3 connection agree."""
    (folder / "go").touch()
    ran = _flowsm(folder, "run", "flow.json", "--tasks", "tasks.py", "--json")
    assert ran.returncode == 0, ran.stderr
    execution = json.loads(ran.stdout)
    shown = json.loads(_flowsm(folder, "show", "@last", "--json").stdout)
    assert shown == execution
    events = json.loads(_flowsm(folder, "events", execution["execution_id"][:-1], "--json").stdout)
    with contextlib.closing(sqlite3.connect(folder / "flowsm.db")) as connection:
        rows = connection.execute("SELECT seq, type FROM events WHERE stream = ? ORDER BY seq", [shown["execution_id"]])
        assert [(event["seq"], event["type"]) for event in events] == rows.fetchall()


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_leaves_an_execution_that_goes_on(folder: Path) -> None:
    """An interrupted run exits with 130 and says how to go on; that command completes the execution."""
    with subprocess.Popen(
        [sys.executable, "-m", "flowsm", "run", "flow.json", "--tasks", "tasks.py", "--db", "my log.db"],
        cwd=folder,
        env=_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if re.search(r"task\.started +second", line):
                process.send_signal(signal.SIGINT)
                break
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, "")
    assert "Traceback" not in err
    said = re.search(r"to go on: flowsm (.*)", err)
    assert said
    listed = json.loads(_flowsm(folder, "ls", "--db", "my log.db", "--json").stdout)["items"]
    assert [item["status"] for item in listed] == ["running"]
    (folder / "go").touch()
    went_on = _flowsm(folder, *shlex.split(said[1]), "--json")
    assert went_on.returncode == 0, went_on.stderr
    assert json.loads(went_on.stdout)["path"] == ["first", "second"]
    history = json.loads(_flowsm(folder, "history", "@last", "--db", "my log.db", "--json").stdout)
    assert [attempt["status"] for attempt in history] == ["success", "interrupted", "success"]


def test_a_closed_pipe_ends_quietly(folder: Path) -> None:
    """`| head -1` gets its line, and nobody complains."""
    (folder / "go").touch()
    _flowsm(folder, "run", "flow.json", "--tasks", "tasks.py")
    command = f"{shlex.quote(sys.executable)} -m flowsm events @last --json"
    ran = subprocess.run(
        ["sh", "-c", f"{command} | head -1; {command} | true; {command} >&-"],
        cwd=folder,
        env=_environment(),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert ran.stdout == b"[\n"
    assert b"Traceback" not in ran.stderr
    assert b"Exception ignored" not in ran.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
@pytest.mark.parametrize("command", ["schema sql", "ls", "ls --json", "--help", "follow a --after 0", "anchor"])
def test_a_full_disk_behind_stdout_is_a_sentence(folder: Path, command: str) -> None:
    """What cannot be written is said once, without a traceback, and the exit code tells of it."""
    (folder / "go").touch()
    _flowsm(folder, "run", "flow.json", "--tasks", "tasks.py")
    ran = subprocess.run(
        ["sh", "-c", f"{shlex.quote(sys.executable)} -m flowsm {command} > /dev/full"],
        cwd=folder,
        env=_environment(),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (1, b"flowsm: stdout: No space left on device\n")


@pytest.mark.skipif(sys.platform == "win32", reason="terminals")
def test_a_terminal_shows_live_progress(folder: Path) -> None:
    """On a terminal the tasks are a table that is drawn again; stdout still has the result alone."""
    (folder / "go").touch()
    code, out, seen = _run_on_terminal(folder, "run", "flow.json", "--tasks", "tasks.py")
    assert code == 0
    assert out.startswith("✓ completed")
    assert "second" in seen
    assert "✓ success" in seen
    assert "task.started" not in seen
    assert re.search(r"\x1b\[[0-9;]*32m", seen)


@pytest.mark.skipif(sys.platform == "win32", reason="terminals")
def test_no_color_is_honoured(folder: Path) -> None:
    """With NO_COLOR a terminal gets no colour; a dumb one and a pipe get no escape at all."""
    (folder / "go").touch()
    argv = ("run", "flow.json", "--tasks", "tasks.py")
    _, _, seen = _run_on_terminal(folder, *argv, NO_COLOR="1")
    assert "✓ success" in seen
    assert not re.search(r"\x1b\[[0-9;]*[349][0-7]m", seen)
    _, _, seen = _run_on_terminal(folder, *argv, TERM="dumb")
    assert "\x1b" not in seen
    assert "task.started" in seen
    piped = _flowsm(folder, *argv)
    assert b"\x1b" not in piped.stdout + piped.stderr


def test_a_terminal_that_has_only_ascii_gets_all_the_words(folder: Path) -> None:
    """What an encoding lacks is escaped, never an error; JSON stays UTF-8."""
    (folder / "go").touch()
    ran = _flowsm(folder, "run", "flow.json", "--tasks", "tasks.py", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert ran.returncode == 0, ran.stderr
    assert b"completed" in ran.stdout


def test_what_init_suggests_works(folder: Path) -> None:
    """Every command that init prints succeeds, in the order given."""
    written = _flowsm(folder, "init", "new shop")
    assert written.returncode == 0
    commands = written.stderr.decode().split("Try it:\n")[1].splitlines()
    place = folder
    for command in commands:
        verb, *argv = shlex.split(command)
        if verb == "cd":
            place = place / argv[0]
            continue
        ran = _flowsm(place, *argv)
        assert ran.returncode == 0, ran.stderr
    assert "country,total" in (folder / "new shop" / "report.csv").read_text()


def test_a_flow_may_come_from_stdin(folder: Path) -> None:
    """`-` is stdin, for run, validate and graph; a file whose name begins with a hyphen is written otherwise."""
    document = json.dumps({**FLOW, "tasks": [FLOW["tasks"][0]], "conditions": []}).encode()  # type: ignore[index]
    for command in ("validate", "run", "graph"):
        assert _flowsm(folder, command, "-", stdin=document).returncode == 0
        odd = _flowsm(folder, command, "--odd")
        assert odd.returncode == 2
        assert b"--odd" in odd.stderr
        assert b"Traceback" not in odd.stderr


def test_help_loads_none_of_the_engine(folder: Path) -> None:
    """`flowsm --help` does without msgspec, transitions, aiosqlite and asyncio."""
    code = (
        "import sys; from flowsm.cli import main; main(['--help']); main(['--version']); "
        "sys.exit(' '.join(m for m in ('msgspec', 'transitions', 'aiosqlite', 'asyncio') if m in sys.modules))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=_environment(), capture_output=True, timeout=60, check=False
    )
    assert ran.stderr == b"\n"
    assert b"Usage: flowsm COMMAND" in ran.stdout


def test_an_ambiguous_beginning_names_the_candidates(folder: Path) -> None:
    """A prefix of several ids is a conflict that lists them; an exact id wins."""
    (folder / "go").touch()
    for chosen in ("ab", "abc", "abd"):
        _flowsm(folder, "run", "flow.json", "--tasks", "tasks.py", "--id", chosen)
    ran = _flowsm(folder, "show", "a")
    assert ran.returncode == 5
    assert b"ab, abc, abd" in ran.stderr
    assert _flowsm(folder, "show", "ab").returncode == 0


@pytest.mark.skipif(sys.platform == "win32", reason="terminals")
def test_a_list_on_a_terminal_is_cut_at_its_width(folder: Path) -> None:
    """On a terminal a table keeps to the width and has colours; in a pipe nothing is cut."""
    (folder / "go").touch()
    long = "x" * 90
    (folder / "flow.json").write_text(json.dumps(FLOW | {"name": long}))
    _flowsm(folder, "run", "flow.json", "--tasks", "tasks.py", "--id", "chosen")
    ours, theirs = os.openpty()
    environment = _environment(COLUMNS="60")
    ran = subprocess.run(
        [sys.executable, "-m", "flowsm", "ls"], cwd=folder, env=environment, stdout=theirs, timeout=60, check=False
    )
    seen = os.read(ours, 65536).decode()
    os.close(theirs)
    os.close(ours)
    assert ran.returncode == 0
    assert "x…" in seen
    assert "chosen" in seen
    assert "\x1b[32m" in seen
    assert all(len(re.sub(r"\x1b\[[0-9;]*m", "", line)) <= 60 for line in seen.splitlines())
    assert long.encode() in _flowsm(folder, "ls").stdout
