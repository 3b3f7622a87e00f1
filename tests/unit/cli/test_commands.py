"""Each command, called in this process."""

from __future__ import annotations

import io
import json
import sys
import types
from pathlib import Path
from typing import Any

import msgspec
import pytest

from flowsm.cli.app import COMMANDS
from flowsm.manager import FlowManager
from flowsm.projections.refold import Problem


def test_run_gives_the_execution_as_json_and_a_line_per_event(flowsm: Any) -> None:
    """Data goes to stdout as one JSON document, talk to stderr."""
    ran = flowsm("run", "flow.json", "--id", "x1", "--json")
    assert ran.code == 0
    assert ran.json["execution_id"] == "x1"
    assert ran.json["status"] == "completed"
    assert ran.json["path"] == ["fetch", "store"]
    assert ran.json["ended_at"].endswith("Z")
    kinds = [line.split()[1] for line in ran.err.splitlines()]
    assert kinds[0] == "execution.created"
    assert kinds[-1] == "execution.completed"
    assert kinds.count("task.started") == 2


def test_run_says_shortly_what_became_of_the_flow(flowsm: Any) -> None:
    """Without --json stdout has one line, with the mark, the status and the id."""
    ran = flowsm("run", "flow.json", "--id", "x1")
    assert ran.out.startswith("✓ completed  x1  Demo [bold]")
    assert len(ran.out.splitlines()) == 1


def test_a_failed_flow_is_exit_code_1_with_its_error(flowsm: Any) -> None:
    """A failed execution is a result, and its exit code is 1."""
    ran = flowsm("run", "bad.json")
    assert ran.code == 1
    assert ran.out.startswith("✗ failed")
    assert "error: " in ran.out


def test_run_with_the_id_of_an_ended_execution_gives_its_result_again(flowsm: Any) -> None:
    """Going on with what has ended runs nothing."""
    flowsm("run", "flow.json", "--id", "x1")
    ran = flowsm("run", "@last")
    assert (ran.code, ran.err) == (0, "")
    assert "x1" in ran.out
    flowsm("run", "bad.json", "--id", "y1")
    assert flowsm("run", "y").code == 1


@pytest.mark.parametrize("option", [("--input", "1"), ("--id", "z"), ("--idempotency-key", "k")])
def test_an_execution_that_exists_takes_no_input_and_no_id(flowsm: Any, option: tuple[str, str]) -> None:
    """Options of a new execution are a usage error for an old one."""
    flowsm("run", "flow.json", "--id", "x1")
    ran = flowsm("run", "x1", *option)
    assert ran.code == 2
    assert "for new ones" in ran.err


def test_input_is_json_text_a_file_or_stdin(flowsm: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The three ways to give an input lead to the same execution."""
    (folder / "in.json").write_text('{"a": [1]}')
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"a": [1]}')))
    for given in ('{"a": [1]}', "@in.json", "@-"):
        assert flowsm("run", "flow.json", "--input", given, "--json").json["input"] == {"a": [1]}


@pytest.mark.parametrize(
    ("given", "code", "said"),
    [
        ("{nope", 2, "--input is not JSON"),
        ("[" * 9999, 2, "not JSON"),
        ("@", 2, "--input @: Is a directory"),
        ("@a\0b", 2, "--input @a\\x00b: embedded null byte"),
        ("@gone.json", 4, "--input @gone.json: No such file"),
        ("@broken.json", 3, "--input @broken.json is not JSON"),
        ("@/dev/zero", 3, "larger than 16 MiB"),
    ],
)
def test_an_input_that_cannot_be_used_is_refused(flowsm: Any, folder: Path, given: str, code: int, said: str) -> None:
    """The sentence says what is wrong with the input, the exit code of what kind it is, and nothing is recorded."""
    (folder / "broken.json").write_text("{nope")
    ran = flowsm("run", "flow.json", "--input", given)
    assert ran.code == code
    assert said in ran.err
    assert not Path("flowsm.db").exists()


def test_an_input_on_a_closed_stdin_is_a_usage_error(flowsm: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is nothing to read where the shell closed it (`<&-`)."""
    monkeypatch.setattr(sys, "stdin", None)
    ran = flowsm("run", "flow.json", "--input", "@-")
    assert (ran.code, ran.err) == (2, "flowsm: --input @-: stdin is not open: give a file, or the text itself\n")


def test_an_input_that_is_missing_is_asked_for(flowsm: Any, folder: Path) -> None:
    """Where the flow wants an input and none was given, the option to give it with is named."""
    flow = json.loads((folder / "bad.json").read_text()) | {"input_schema": {"type": "object"}}
    (folder / "wants.json").write_text(json.dumps(flow))
    assert "; give one with --input" in flowsm("run", "wants.json").err
    assert "--input" not in flowsm("run", "wants.json", "--input", "1").err


def test_stdin_cannot_be_two_things(flowsm: Any) -> None:
    """A flow on stdin leaves none for the input."""
    ran = flowsm("run", "-", "--input", "@-")
    assert ran.code == 2
    assert "stdin" in ran.err


def test_an_invalid_document_is_exit_code_3_with_every_finding(flowsm: Any, folder: Path) -> None:
    """Run and validate print all findings with their pointers; with --json, as JSON on stdout."""
    document = {
        "id": "x",
        "name": "x",
        "start_task": "nope",
        "tasks": [{"name": "a", "task_type": "fetch_data", "z": 1}],
    }
    (folder / "wrong.json").write_text(json.dumps(document))
    for command in ("run", "validate"):
        ran = flowsm(command, "wrong.json", "--json")
        assert ran.code == 3
        assert ran.json["valid"] is False
        pointers = {finding["pointer"] for finding in ran.json["findings"]}
        assert {"/start_task", "/tasks/0/z"} <= pointers
        plain = flowsm(command, "wrong.json")
        assert plain.code == 3
        assert "/tasks/0/z" in plain.out + plain.err


def test_validate_warns_of_unknown_types_unless_tasks_are_given(flowsm: Any, folder: Path) -> None:
    """Without the user's tasks an unknown type may be theirs; with them it is an error."""
    text = json.dumps(
        {"id": "x", "name": "x", "start_task": "a", "tasks": [{"name": "a", "task_type": "nobody_has_it"}]}
    )
    (folder / "f.json").write_text(text)
    (folder / "none_here.py").write_text("X = 1\n")
    assert flowsm("validate", "f.json").code == 0
    ran = flowsm("validate", "f.json", "--tasks", "none_here.py")
    assert ran.code == 3
    assert "registers no task type" in ran.err


def test_ls_lists_the_newest_first_and_pages(flowsm: Any) -> None:
    """Filters, pages and JSON of the list agree."""
    for number in range(3):
        flowsm("run", "flow.json", "--id", f"x{number}")
    flowsm("run", "bad.json", "--id", "y1")
    listed = flowsm("ls", "--json").json
    assert [item["execution_id"] for item in listed["items"]] == ["y1", "x2", "x1", "x0"]
    assert [item["execution_id"] for item in flowsm("ls", "--status", "failed", "--json").json["items"]] == ["y1"]
    assert len(flowsm("ls", "--flow", "demo", "--since", "1h", "--json").json["items"]) == 3
    first = flowsm("ls", "--limit", "3")
    cursor = first.err.split()[-1]
    assert len(first.out.splitlines()) == 4
    assert "x0" in flowsm("ls", "--cursor", cursor).out
    assert "no executions" in flowsm("ls", "--flow", "other").err


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (("ls", "--since", "soon"), 2),
        (("ls", "--limit", "0"), 2),
        (("ls", "--cursor", "%%%"), 2),
        (("ls", "--status", "odd"), 2),
        (("show", "nobody"), 4),
        (("show", "@last-failed"), 4),
        (("show", "x"), 5),
        (("run", "nobody"), 4),
        (("run", "gone.json"), 4),
        (("run", "flow.json", "--id", "x1"), 5),
        (("run", "flow.json", "--id", "-"), 2),
        (("run", "flow.json", "--tasks", "gone.py"), 4),
        (("run", "flow.json", "--tasks", "no_such_module_anywhere"), 4),
        (("graph", "nobody"), 4),
        (("frob",), 2),
        (("--frob",), 2),
        (("show",), 2),
        (("ls", "--frob"), 2),
        (("remove", "x1", "--nope"), 2),
        (("schema", "nothing"), 2),
    ],
)
def test_what_a_user_does_wrong_has_its_exit_code_and_a_sentence(flowsm: Any, argv: tuple[str, ...], code: int) -> None:
    """Nothing goes to stdout, one sentence to stderr, and no traceback."""
    flowsm("run", "flow.json", "--id", "x1")
    flowsm("run", "flow.json", "--id", "x2")
    ran = flowsm(*argv)
    assert (ran.code, ran.out) == (code, "")
    assert ran.err.startswith("flowsm: ")
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    "command", ["ls", "show x", "events x", "history x", "summary", "remove x", "graph x", "verify"]
)
def test_looking_at_a_log_that_is_not_there_does_not_make_it(flowsm: Any, folder: Path, command: str) -> None:
    """A command that reads says that there is no log, exit code 4, and leaves the folder as it was."""
    before = set(folder.iterdir())
    ran = flowsm(*command.split(), "--db", "none.db")
    assert ran.code == 4
    assert "none.db" in ran.err
    assert set(folder.iterdir()) == before


def test_the_log_may_be_named_by_the_environment(flowsm: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """FLOWSM_DB stands for --db."""
    monkeypatch.setenv("FLOWSM_DB", "other.db")
    flowsm("run", "flow.json", "--id", "x1")
    assert (folder / "other.db").exists()
    assert flowsm("show", "x1", "--json").json["execution_id"] == "x1"


def test_show_events_and_history_tell_the_same_story(flowsm: Any) -> None:
    """Text and JSON of the reading commands name the same tasks, seqs and statuses."""
    flowsm("run", "flow.json", "--id", "x1", "--input", '{"k": "v"}')
    shown = flowsm("show", "x1").out
    assert "path      fetch → store" in shown
    assert "skipped   spare" in shown
    assert 'input     {"k": "v"}' in shown
    recorded = flowsm("events", "x1", "--json").json
    assert [event["seq"] for event in recorded] == list(range(1, len(recorded) + 1))
    after = flowsm("events", "x1", "--after", "4", "--limit", "2", "--json").json
    assert [event["seq"] for event in after] == [5, 6]
    assert "gt 0: yes, saw 8" in flowsm("events", "x1").out
    attempts = flowsm("history", "x1", "--json").json
    assert [(attempt["task"], attempt["status"]) for attempt in attempts] == [
        ("fetch", "success"),
        ("store", "success"),
    ]
    assert "store" in flowsm("history", "x1").out


def test_an_empty_answer_is_an_empty_json_array(flowsm: Any) -> None:
    """No events after the end are `[]`."""
    flowsm("run", "flow.json", "--id", "x1")
    assert flowsm("events", "x1", "--after", "99", "--json").json == []


def test_summary_counts(flowsm: Any) -> None:
    """Counts by status and by outcome, as text and as JSON."""
    assert flowsm("run", "flow.json").code == 0
    flowsm("run", "bad.json")
    assert flowsm("summary", "--json").json["status_counts"] == {"completed": 1, "failed": 1}
    text = flowsm("summary").out
    assert text.startswith("2 executions: 1 completed, 1 failed")
    assert "fetch  failure" in text


def test_remove_takes_an_execution_out_of_the_list_once(flowsm: Any) -> None:
    """A removed execution is not listed, keeps its events, and cannot be removed again."""
    flowsm("run", "flow.json", "--id", "x1")
    assert flowsm("remove", "x1", "--reason", "old", "--actor", "ada").code == 0
    assert flowsm("ls", "--json").json["items"] == []
    assert flowsm("events", "x1", "--json").json[-1]["data"] == {"reason": "old", "actor": "ada"}
    assert flowsm("remove", "x1").code == 5


def test_graph_draws_documents_and_executions(flowsm: Any) -> None:
    """A file is drawn as it is, an execution with what became of it."""
    assert flowsm("graph", "flow.json").out.startswith("flowchart TD")
    flowsm("run", "flow.json", "--id", "x1")
    drawn = flowsm("graph", "x1", "--format", "text").out
    assert "✓ fetch" in drawn
    assert "· spare" in drawn
    assert flowsm("graph", "x1", "--format", "dot").out.startswith("digraph")


class _Report(msgspec.Struct):
    ok: bool
    events: int
    problems: list[Problem]


@pytest.mark.parametrize("ok", [True, False])
def test_verify_is_exit_code_1_when_the_log_does_not_hold(
    flowsm: Any, monkeypatch: pytest.MonkeyPatch, ok: bool
) -> None:
    """The report's problems are printed, and the exit code says whether there are any."""
    problems = (
        []
        if ok
        else [
            Problem(stream="x1", seq=5, message="a row differs"),
            Problem(stream="x2", seq=0, message="has no row"),
            Problem(stream="", seq=0, message="the head is elsewhere"),
        ]
    )

    async def verify(manager: FlowManager, execution_id: str | None) -> _Report:
        assert execution_id in {None, "x1"}
        return _Report(ok, 7, problems)

    monkeypatch.setattr(FlowManager, "verify", verify, raising=False)
    flowsm("run", "flow.json", "--id", "x1")
    more = ["problem: x2: has no row", "problem: the head is elsewhere"]
    for argv in (("verify",), ("verify", "x")):
        ran = flowsm(*argv)
        assert ran.code == (0 if ok else 1)
        assert "events: 7" in ran.out
        told = [line for line in ran.out.splitlines() if line.startswith("problem: ")]
        assert told == ([] if ok else ["problem: x1, seq 5: a row differs", *more])
        assert flowsm(*argv, "--json").json["ok"] is ok


@pytest.mark.parametrize("ok", [True, False])
def test_rebuild_prints_its_report(flowsm: Any, monkeypatch: pytest.MonkeyPatch, ok: bool) -> None:
    """The report's figures are printed, or the report as JSON; damage that it met is exit code 1."""

    async def rebuild(manager: FlowManager) -> _Report:
        return _Report(ok, 7, [])

    monkeypatch.setattr(FlowManager, "rebuild", rebuild, raising=False)
    flowsm("run", "flow.json")
    ran = flowsm("rebuild")
    assert ran.code == (0 if ok else 1)
    assert ran.out.splitlines() == ["✓ rebuilt" if ok else "✗ rebuilt, but for what is damaged", "events: 7"]
    assert flowsm("rebuild", "--json").json == {"ok": ok, "events": 7, "problems": []}


def test_init_writes_once_and_overwrites_nothing(flowsm: Any, folder: Path) -> None:
    """A second init of the same folder is a conflict that leaves every file alone."""
    assert flowsm("init", "shop").code == 0
    (folder / "shop" / "flow.json").write_text("mine")
    (folder / "shop" / "orders.csv").unlink()
    ran = flowsm("init", "shop")
    assert ran.code == 5
    assert "flow.json, tasks.py" in ran.err
    assert (folder / "shop" / "flow.json").read_text() == "mine"
    assert not (folder / "shop" / "orders.csv").exists()
    (folder / "file").write_text("")
    assert flowsm("init", "file/sub").code == 2


def test_the_help_of_every_command_is_printed(flowsm: Any) -> None:
    """Each command's help begins with its usage, and the list of commands names it."""
    listing = flowsm("--help").out
    for command in COMMANDS:
        assert f" {command} " in listing
        assert f"flowsm {command}" in flowsm(command, "--help").out
    assert flowsm("--version").out == "flowsm 0.1.0\n"


def test_schema_prints_what_is_asked_for(flowsm: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each word prints its own schema."""
    texts = {"flow": "flow_schema_text", "events": "event_schema_text", "sql": "log_sql_text"}
    fake = types.SimpleNamespace(**{name: lambda name=name: f"<{name}>" for name in texts.values()})
    monkeypatch.setitem(sys.modules, "flowsm.schemas", fake)
    for word, name in texts.items():
        assert flowsm("schema", word).out == f"<{name}>\n"


def test_ctrl_c_while_looking_is_exit_code_130(flowsm: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupted command that only looks says nothing."""

    async def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    flowsm("run", "flow.json", "--id", "x1")
    monkeypatch.setattr(FlowManager, "summary", interrupted)
    ran = flowsm("summary")
    assert (ran.code, ran.out, ran.err) == (130, "", "")


def test_ctrl_c_names_the_command_that_goes_on(flowsm: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is said has every option that going on needs, quoted for a shell."""

    async def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    (folder / "t y.py").write_text("X = 1\n")
    monkeypatch.setattr(FlowManager, "finish", interrupted)
    options = ("--tasks", "t y.py", "--allow-dir", "d", "--allow-host", "h", "--durability", "normal", "--db", "o.db")
    ran = flowsm("run", "flow.json", "--id", "x1", *options)
    assert ran.code == 130
    said = ran.err.splitlines()[-1]
    assert said.endswith("flowsm run x1 --tasks 't y.py' --db o.db --allow-dir d --allow-host h --durability normal")


def test_show_tells_of_an_execution_that_has_not_begun(flowsm: Any) -> None:
    """Without a start, an end or a result only the rest is shown; running it by its id completes it."""
    FlowManager().create_flow_execution("flow.json", execution_id="x1")
    shown = flowsm("show", "x1").out
    assert "· created" in shown
    assert "ended" not in shown
    assert flowsm("summary").out == "1 execution: 1 created\n"
    assert flowsm("run", "x1").code == 0
    assert flowsm("show", "x1", "--json").json["status"] == "completed"
