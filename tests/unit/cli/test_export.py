"""`flowsm export`, and every reading command on what it made."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

COMMANDS = [
    ("show", "ID"),
    ("show", "ID", "--json"),
    ("events", "ID"),
    ("events", "ID", "--format", "cloudevents"),
    ("events", "ID", "--after", "2", "--limit", "3", "--format", "cloudevents"),
    ("history", "ID"),
    ("history", "ID", "--json"),
    ("explain", "ID"),
    ("explain", "ID", "--seq", "4", "--json"),
    ("timeline", "ID"),
    ("timeline", "ID", "--json"),
    ("state", "ID"),
    ("state", "ID", "--seq", "3"),
    ("diff", "ID", "2"),
    ("diff", "ID", "2", "5", "--patch"),
    ("graph", "ID"),
    ("graph", "ID", "--format", "text"),
    ("verify", "ID"),
    ("verify", "ID", "--json"),
    ("debug", "ID", "--batch", "-ex", "break type task.completed", "-ex", "c", "-ex", "p", "-ex", "list", "-ex", "where"),
]  # fmt: skip


@pytest.fixture
def exported(flowsm):
    """An execution that failed, in the log and in a file; gives its id and the file's name."""
    flowsm("run", "bad.json")
    ran = flowsm("export", "@last", "-o", "x.flowrun")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err.startswith("flowsm: x.flowrun: 1 execution, ")
    return flowsm("show", "@last", "--json").json["execution_id"], "x.flowrun"


def test_every_reading_command(flowsm, exported, folder):
    """They print the same, and end alike, by the id and the log, by the file alone, and by the id and the file."""
    name, path = exported
    alone = folder / "elsewhere"
    alone.mkdir()
    (alone / path).write_bytes(Path(path).read_bytes())
    before = {file: file.read_bytes() for file in alone.iterdir()}
    for command in COMMANDS:
        of_log = flowsm(*(word.replace("ID", name) for word in command))
        of_file = flowsm(*(word.replace("ID", f"elsewhere/{path}") for word in command), "--db", "none.db")
        of_both = flowsm(*(word.replace("ID", "@last") for word in command), "--db", f"elsewhere/{path}")
        assert of_log.err == of_file.err == of_both.err == "", command
        assert of_log.code == of_file.code == of_both.code == 0, command
        assert of_log.out == of_file.out == of_both.out != "", command
    assert {file: file.read_bytes() for file in alone.iterdir()} == before
    assert not Path("none.db").exists()


def test_to_stdout_and_back(flowsm, exported):
    """Without -o it goes to stdout; exported from the file it is the same but for when; imported it is there again."""
    _, path = exported
    once = flowsm("export", path).out
    assert once.splitlines()[1:-1] == Path(path).read_text().splitlines()[1:-1]
    Path("y.flowrun").write_text(once)
    assert flowsm("import", "y.flowrun", "--db", "new.db").code == 0
    assert flowsm("verify", "--db", "new.db").code == 0


def test_an_execution_of_another_file(flowsm, exported):
    """Two files are compared as two executions of a log are; a file and an id of a log are not."""
    name, path = exported
    flowsm("run", "bad.json")
    other = flowsm("show", "@last", "--json").json["execution_id"]
    flowsm("export", other, "-o", "y.flowrun")
    expected = flowsm("diff", name, other)
    assert (expected.code, flowsm("diff", path, "y.flowrun").out) == (0, expected.out)
    assert flowsm("diff", "@last", "y.flowrun", "--db", path).out == expected.out
    refused = flowsm("diff", name, "y.flowrun")
    assert (refused.code, "give both" in refused.err) == (2, True)


def test_a_file_with_several(flowsm, exported):
    """Where a file holds more than one execution, it stands for none; each is named beside --db."""
    name, _ = exported
    flowsm("run", "bad.json")
    flowsm("archive", "old.flowarchive", "--older-than", "0s")
    ran = flowsm("show", "old.flowarchive")
    assert (ran.code, "holds 2 executions" in ran.err) == (2, True)
    assert flowsm("show", name, "--db", "old.flowarchive").code == 0
    assert flowsm("verify", "old.flowarchive", "--json").json["streams"] == 3
    assert flowsm("graph", "old.flowarchive").code == 2


def test_what_is_refused(flowsm, exported):
    """A file that is not there, or there already; a cut one; a change of one; two formats."""
    name, path = exported
    assert "there is no log at 'no.flowrun'" in flowsm("show", "no.flowrun").err
    assert flowsm("export", name, "-o", path).code == 5
    assert flowsm("export", "zzz").code == 4
    Path("cut.flowrun").write_text(Path(path).read_text()[:-9])
    ran = flowsm("explain", "cut.flowrun")
    assert (ran.code, "cut.flowrun, line" in ran.err, "cut" in ran.err) == (1, True, True)
    assert flowsm("retry", "@last", "--db", path).code == 2
    assert flowsm("events", name, "--json", "--format", "cloudevents").code == 2
    assert flowsm("events", name, "--format", "json").out == flowsm("events", name, "--json").out


def test_redacted(flowsm, exported):
    """Each reading command says so on stderr; verify fails for it; import and a second export refuse it."""
    name, _ = exported
    ran = flowsm("export", name, "--redact", "/results/fetch/error/message", "-o", "r.flowrun", "--actor", "ada")
    assert ran.code == 0
    words = "r.flowrun is redacted by ada (/results/fetch/error/message)"
    for command in ("show", "events", "explain", "timeline", "state"):
        ran = flowsm(command, "r.flowrun")
        assert (ran.code, ran.err) == (0, f"flowsm: {words}: it cannot be verified\n")
    assert "[redacted]" in flowsm("explain", "r.flowrun").out
    ran = flowsm("verify", "r.flowrun")
    assert (ran.code, ran.out.splitlines()[0]) == (1, "✗ what was redacted cannot be verified")
    assert f"problem: {words}: it cannot be verified against what was recorded" in ran.out
    assert flowsm("verify", "r.flowrun", "--json").json["ok"] is False
    for command in (("import", "r.flowrun"), ("export", "r.flowrun"), ("anchor", "--db", "r.flowrun")):
        ran = flowsm(*command)
        assert (ran.code != 0, words in ran.err, ran.out) == (True, True, "")
    ran = flowsm("export", name, "--redact", "/results/ftech/data")
    assert (ran.code, "names nothing" in ran.err, ran.out) == (2, True, "")


def test_a_sub_flow_that_is_not_in_it(flowsm):
    """Explain says what it can of an execution whose sub-flow was left out; with it, it says all."""
    child = json.loads(Path("bad.json").read_text())
    tasks = [{"name": "below", "task_type": "subflow", "parameters": {"flow": child}}]
    Path("parent.json").write_text(json.dumps({"id": "p", "name": "P", "start_task": "below", "tasks": tasks}))
    flowsm("run", "parent.json")
    name = next(row for row in flowsm("ls", "--json").json["items"] if row["flow_id"] == "p")["execution_id"]
    flowsm("export", name, "-o", "alone.flowrun")
    flowsm("export", name, "--with-children", "-o", "whole.flowrun")
    expected = flowsm("explain", name).out
    assert "Its sub-flow" in expected
    assert flowsm("explain", "whole.flowrun").out == expected
    alone = flowsm("explain", "alone.flowrun")
    assert (alone.code, alone.out) == (0, expected.partition("\nIts sub-flow")[0])
