"""`flowsm upgrade`, and how the other commands tell it."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

W = {"name": "w", "task_type": "wait_for_signal"}
OLD = {"id": "f", "name": "F", "version": "1", "start_task": "w", "tasks": [W]}
NEW = OLD | {
    "version": "2",
    "tasks": [W, {"name": "pause", "task_type": "wait", "parameters": {"seconds": 0}}],
    "conditions": [{"source_task": "w", "target_task_success": "pause"}],
}
OTHER = OLD | {"tasks": [W | {"task_type": "wait", "parameters": {"seconds": 3}}], "version": "3"}


@pytest.fixture
def ran(flowsm: Any, folder: Path) -> Any:
    for name, flow in (("old", OLD), ("new", NEW), ("other", OTHER)):
        (folder / f"{name}.json").write_text(json.dumps(flow))
    from flowsm import FlowManager  # noqa: PLC0415 - what the command line does without

    manager = FlowManager(folder / "flowsm.db")
    for name in ("x1", "x2"):
        manager.create_flow_execution(OLD, execution_id=name)
    flowsm("signal", "x1", "w")
    return flowsm


def test_it_upgrades_and_says_so(ran: Any) -> None:
    """Each of them is named, with the event that upgraded it; the next run goes the new way."""
    found = ran("upgrade", "x1", "x2", "--to", "new.json", "--reason", "because", "--actor", "ann")
    assert found.code == 0
    assert [line.split()[0] for line in found.out.splitlines()] == ["id", "x1", "x2"]
    assert found.out.splitlines()[1].endswith("upgraded, as event 3")
    assert found.err.startswith("flowsm: upgrade: 2 of 2 go on with version ")
    assert ran("run", "x1").code == 0
    shown = ran("show", "x1").out
    assert "path      w → pause" in shown
    line = next(line for line in shown.splitlines() if line.startswith("upgraded"))
    assert "from version 1 (" in line
    assert ", by ann: because, at " in line
    assert "upgraded from version 1 (" in ran("explain", "x1").out
    assert "upgraded from version 1 (" in ran("timeline", "x1").out
    assert ran("history", "x1").out.splitlines()[-1].endswith(") by ann: because")
    assert "from version 1 (" in ran("events", "x1").out
    assert json.loads(ran("show", "x1", "--json").out)["upgrades"] == 1
    assert ran("graph", "x1").code == 0
    assert ran("debug", "x1", "--batch", "-ex", "break task pause", "-ex", "continue", "-ex", "info tasks").code == 0


def test_what_cannot_be_is_named_and_the_rest_is_done(ran: Any) -> None:
    """The exit code is 1 when one of them stays as it is; a second time nothing is recorded."""
    ran("cancel", "x2")
    found = ran("upgrade", "x1", "x2", "--to", "new.json")
    assert found.code == 1
    assert "not safe: it has ended (cancelled): only what is in flight can be upgraded" in found.out
    assert "1 of 2 go on with version" in found.err
    assert found.err.rstrip().endswith(", 1 stay as they are")
    found = ran("upgrade", "x1", "--to", "new.json")
    assert found.code == 0
    assert "it has that version already" in found.out


def test_a_dry_run_changes_nothing(ran: Any) -> None:
    """It says whether it would be safe."""
    found = ran("upgrade", "--flow", "f", "--to", "new.json", "--dry-run")
    assert (found.code, found.out.count("safe"), found.err) == (0, 2, "")
    assert ran("show", "x1", "--json").json["upgrades"] == 0
    found = ran("upgrade", "--all", "--to", "other.json", "--dry-run", "--json")
    assert [one["safe"] for one in found.json] == [True, True], "nothing of them has begun"


def test_what_is_meant_must_be_said(ran: Any) -> None:
    """Ids, or a filter; not both, and not neither."""
    for arguments, found in ((["x1", "--all"], "both"), ([], "neither")):
        refused = ran("upgrade", *arguments, "--to", "new.json")
        assert refused.code == 2
        assert f"found {found}" in refused.err
    assert ran("upgrade", "nobody", "--to", "new.json").code == 4
    assert ran("upgrade", "x1", "--to", "nothing.json").code == 4


def test_one_that_is_stopped_says_what_was_done(ran: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """After Ctrl-C the list holds those that were upgraded, and says that the rest is not known."""

    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("flowsm.cli.upgrade.ask", interrupted)
    found = ran("upgrade", "x1", "--to", "new.json")
    assert found.code == 130
    assert "interrupted; 0 at least were asked" in found.err


@pytest.mark.parametrize("words", [("upgrade", "x1", "--to", "-"), ("fork", "x1", "--at", "1", "--flow", "-")])
def test_the_version_may_come_on_stdin(ran: Any, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]) -> None:
    """A hyphen stands for it, as with every flow; another word that begins like an option is none."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(json.dumps(NEW).encode())))
    assert ran(*words, "--dry-run").code == 0
    refused = ran(*words[:-1], "--all-of-it")
    assert (refused.code, "--all-of-it" in refused.err) == (2, True)
