"""The README: every command, program and flow in it runs, and its tables say what the code says."""

from __future__ import annotations

import csv
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from flowsm import check_flow, limits
from flowsm.cli import exit_codes
from flowsm.cli.app import COMMANDS
from flowsm.cli.webhook import SECRET
from flowsm.definition.fields import CLAUSE, CONDITION, FLOW, OPERATORS, RETRY, TASK
from flowsm.runtime import webhook
from flowsm.tasks.builtin.fetch import FetchParameters
from flowsm.tasks.builtin.process import ProcessParameters
from flowsm.tasks.builtin.store import StoreParameters
from flowsm.tui import debug_keys

pytestmark = pytest.mark.processes

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
BLOCK = re.compile(r"^```(\w+)(?: file=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SECTIONS = dict(re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", README, re.MULTILINE | re.DOTALL))
LEFT_OUT = ("python3 -m venv", ". .venv/bin/activate", "pip install")
"""The parts of a command that make an environment: `.ci/run` runs them too."""


def first_command(heading):
    """The first fenced `sh` block under a heading."""
    return next(text for language, _, text in BLOCK.findall(SECTIONS[heading]) if language == "sh")


def rows(heading, first_cell):
    """The first two cells of the rows of the table that begins with this cell."""
    table = re.search(
        rf"^\| {first_cell} \|.*?\n\|---.*?\n(.*?)(?:\n\n|\Z)", SECTIONS[heading], re.MULTILINE | re.DOTALL
    )
    assert table, f"no table {first_cell!r} under {heading!r}"
    cells = [re.split(r"(?<!\\)\|", row.strip().strip("|")) for row in table.group(1).splitlines()]
    return [[cell.strip() for cell in row] for row in cells]


def words(text):
    return re.findall(r"`([^`]+)`", text)


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    """Runs commands as a reader would, in one folder, where `flowsm` and `python` are the ones under test."""
    folder = tmp_path_factory.mktemp("readme")
    programs = folder / "bin"
    programs.mkdir()
    for name, words in {"flowsm": "-m flowsm", "python": "", "python3": ""}.items():
        program = programs / name
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" {words} "$@"\n')
        program.chmod(0o755)
    work = folder / "work"
    work.mkdir()
    path = os.pathsep.join([str(programs), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error", "NO_COLOR": "1"}
    for name in ("FLOWSM_DB", "PYTEST_ADDOPTS", "COVERAGE_PROCESS_CONFIG"):
        environment.pop(name, None)
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # what is shown needs none, and theirs warn

    def run(command, **options):
        return subprocess.run(
            command, cwd=work, env=environment, capture_output=True, text=True, check=False, timeout=120, **options
        )

    run.folder = work
    return run


def test_the_two_commands_are_where_they_are_looked_for():
    """The first `sh` block under each of the two headings is one command that makes its own environment."""
    for heading in ("Quick start", "Tests"):
        command = first_command(heading)
        assert command.startswith("python3 -m venv .venv && . .venv/bin/activate &&\n")
        assert all(line.endswith("&&") for line in command.splitlines()[:-1])
    assert "flowsm run airports.json" in first_command("Quick start")
    assert "'.[dev]'" in first_command("Tests")
    assert "pytest" in first_command("Tests")


def without_chance(text: str) -> str:
    """A text without what differs from run to run: ids, moments, durations, and how wide columns are for them."""
    for pattern, word in ((r"\b[0-9a-z]{16}\b", "ID"), (r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?", "MOMENT")):
        text = re.sub(pattern, word, text)
    return re.sub(r" +", " ", re.sub(r"\b[\d.]+ (ms|s)\b", "TIME", text))


def test_everything_shown_runs(shell):
    """In the order of the page: files are written, flows validate, commands and programs end well."""
    ran = []
    shown = ""
    for language, name, text in BLOCK.findall(README):
        if name:
            (shell.folder / name).write_text(text, "utf-8")
        if language == "json":
            checked = check_flow(text)
            assert checked.flow is not None, checked.findings
        elif language == "text":
            assert without_chance(text) == without_chance(shown)
        elif text == first_command("Tests"):
            continue
        elif not name:
            if "sqlite3 flowsm.db" in text and shutil.which("sqlite3") is None:
                continue
            parts = [part.strip() for part in text.split("&&\n")] if text == first_command("Quick start") else [text]
            parts = [part for part in parts if not part.startswith(LEFT_OUT)]
            command = ["sh", "-ec", " &&\n".join(parts)] if language == "sh" else [sys.executable, "-c", text]
            result = shell(command)
            assert result.returncode == 0, f"{text}\n{result.stdout}\n{result.stderr}"
            shown = result.stdout
            ran.append(shown)
    assert len((shell.folder / "airports.csv").read_text("utf-8").splitlines()) > 28_000
    assert len((shell.folder / "airports_by_country.csv").read_text("utf-8").splitlines()) > 200
    assert len(ran) > 8
    everything = "".join(ran)
    airports = sum(1 for _ in csv.DictReader((shell.folder / "airports.csv").read_text("utf-8").splitlines()))
    for expected in (
        f"{airports} records",
        "completed",
        "transition.taken",
        "large",
        "the log holds",
        "'orders'",
        "rehearsed failure",
    ):
        assert expected in everything


@pytest.mark.parametrize(
    ("title", "record"),
    [("flow", FLOW), ("task", TASK), ("retry", RETRY), ("condition", CONDITION), ("clause", CLAUSE)],
)
def test_tables_have_every_field(title, record):
    """The tables of the format name every field of a document, and no other."""
    named = [field for row in rows("The flow format", title) for field in words(row[0])]
    assert sorted(named) == sorted(field.name for field in record.fields)


def test_tables_have_every_operator():
    """The operators of clauses are all there, in order."""
    by_name = {row[0]: row for row in rows("The flow format", "clause")}
    assert tuple(words(by_name["`op`"][2])) == OPERATORS


def test_retry_defaults_are_as_shown():
    """The defaults of a retry are those of the code."""
    shown = {words(row[0])[0]: words(row[1])[0] for row in rows("The flow format", "retry")}
    assert shown == {field.name: str(field.default) for field in RETRY.fields}


def test_tables_have_every_parameter():
    """The built-in tasks take the parameters that are listed."""
    listed: dict[str, set[str]] = {}
    task_type = ""
    for first, second, _ in rows("Tasks", "task type"):
        task_type = first or task_type
        listed.setdefault(task_type, set()).update(words(second))
    common = listed.pop("all three")
    shapes = {"`fetch_data`": FetchParameters, "`process_data`": ProcessParameters, "`store_data`": StoreParameters}
    assert {name: names | common for name, names in listed.items()} == {
        name: set(shape.__struct_fields__) for name, shape in shapes.items()
    }


def test_table_has_every_command():
    """The commands are all there, in the order of the help."""
    named = [words(row[0])[0].split()[1] for row in rows("The command line", "command")]
    assert named == list(COMMANDS)


def test_table_has_every_exit_code():
    """So are the exit codes."""
    codes = {value for name, value in vars(exit_codes).items() if name.isupper() and isinstance(value, int)}
    assert {int(row[0]) for row in rows("The command line", "exit code")} == codes


def test_table_has_the_keys_of_the_debugger():
    """The full-screen debugger's keys for motions and questions are all there, and no other."""
    shown = {key for row in rows("It failed last night", "key") for key in words(row[0])}
    assert shown == {key for keys, _ in debug_keys.HELP for key in keys.split()} & shown
    assert shown >= set("npNPgbwcCdif/?q")


def test_headers_of_webhooks_are_as_shown():
    """What a receiver reads is what is sent, and the waits between tries are those of the code."""
    shown = [words(row[0])[0] for row in rows("Being told", "header")]
    assert shown == [webhook.EVENT_ID, webhook.EVENT_TYPE, webhook.SIGNATURE]
    assert SECRET in SECTIONS["Being told"]
    waits = (limits.WEBHOOK_RETRY_FIRST_SECONDS, limits.WEBHOOK_RETRY_MAX_SECONDS)
    assert "after {:g} second, 2, 4, up to {:g};".format(*waits) in SECTIONS["Being told"]
    assert webhook.default_name("http://host/").startswith("webhook:")


def test_limits_are_as_shown():
    """The figures of the limits are those of the code."""
    for row in rows("Limits", "limit"):
        number, _, unit = row[1].partition(" ")
        factor = limits.MIB if unit == "MiB" else 1
        assert int(number.replace(",", "")) * factor == getattr(limits, words(row[2])[0])
