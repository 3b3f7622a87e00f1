"""The commands that look after a log: what they print, what they refuse, how they end."""

from __future__ import annotations

import getpass
import gzip
import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from flowsm.cli.options import who

GOLDEN = Path(__file__).parents[2] / "golden"


@pytest.fixture
def archived(flowsm):
    """Two executions that went to an archive; gives the ids."""
    for document in ("flow.json", "bad.json"):
        flowsm("run", document)
    ids = [row["execution_id"] for row in flowsm("ls", "--json").json["items"]]
    before = {name: flowsm(name, "@last", "--json").out for name in ("show", "events", "history")}
    ran = flowsm("archive", "old.flowarchive", "--older-than", "0s", "--reason", "room", "--actor", "ada")
    assert ran.code == 0
    assert "2 executions (1 completed, 1 failed)" in ran.err
    assert "2 executions left the log" in ran.err
    return ids, before


def test_backup(flowsm):
    """A copy is made, its size told; it is a log; it is not overwritten unless --force is given."""
    flowsm("run", "flow.json")
    ran = flowsm("backup", "copy.db")
    assert (ran.code, ran.out) == (0, "")
    assert "checked" in ran.err
    assert flowsm("verify", "--db", "copy.db").code == 0
    again = flowsm("backup", "copy.db")
    assert (again.code, "--force" in again.err) == (5, True)
    forced = flowsm("backup", "copy.db", "--force", "--json").json
    assert forced == {"path": "copy.db", "size_bytes": Path("copy.db").stat().st_size}


def test_doctor(flowsm):
    """A log that is well ends with 0; one that is not with 1, and each trouble says what to do."""
    flowsm("run", "flow.json")
    ran = flowsm("doctor")
    assert (ran.code, ran.out.splitlines()[0]) == (0, "✓ the log is well")
    assert flowsm("doctor", "--json").json["ok"] is True
    with closing(sqlite3.connect("flowsm.db")) as connection, connection:
        connection.execute("UPDATE executions_1 SET status = 'failed'")
    ran = flowsm("doctor")
    assert (ran.code, ran.out.splitlines()[0]) == (1, "✗ the log is not well")
    assert "flowsm rebuild" in ran.out
    found = flowsm("doctor", "--json").json
    assert (found["ok"], found["trouble_count"], found["troubles"][0]["kind"]) == (False, 1, "verify")


def test_executions_that_do_not_go_on_are_no_fault_of_the_log(flowsm, folder):
    """Logs of old are whole; their executions, which nobody has driven since, are told apart from that."""
    for name, stuck in (("0001-first", 5), ("0002-waits", 8)):
        (folder / "old.db").write_bytes(gzip.decompress((GOLDEN / f"{name}.db.gz").read_bytes()))
        ran = flowsm("doctor", "--db", "old.db")
        first = ran.out.splitlines()[0]
        assert (ran.code, first) == (
            1,
            f"✗ the log itself is well; {stuck} of its executions do not go on as they should",
        )
        for file in folder.glob("old.db*"):
            file.unlink()


def test_anchor(flowsm):
    """To stdout or to a file, which doctor compares with; what is cut off is told."""
    flowsm("run", "flow.json")
    printed = flowsm("anchor").out.splitlines()
    assert [json.loads(printed[0])["flowsm_anchor"], json.loads(printed[-1])] == [1, {"streams": 1}]
    ran = flowsm("anchor", "-o", "anchor")
    assert (ran.code, "1 stream," in ran.err) == (0, True)
    assert Path("anchor").read_text().splitlines()[1:] == printed[1:]
    ran = flowsm("doctor", "--anchor", "anchor")
    assert ran.code == 0
    assert "compared with the anchor of" in ran.out
    with closing(sqlite3.connect("flowsm.db")) as connection, connection:
        connection.execute("UPDATE log_head SET position = 1")
    ran = flowsm("doctor", "--anchor", "anchor")
    assert ran.code == 1
    assert "are gone" in ran.out


def test_archive_and_import(flowsm, archived):
    """What went is not listed any more; an import brings it back; the log's own events say so."""
    ids, before = archived
    assert flowsm("ls", "--json").json["items"] == []
    assert flowsm("show", ids[0]).code == 4
    purged = flowsm("events", "$log").out
    assert "2 executions, to old.flowarchive, by ada: room" in purged
    ran = flowsm("import", "old.flowarchive")
    assert "imported 2 executions" in ran.err
    assert {name: json_of(flowsm(name, ids[0], "--json").out) for name in before} == {
        name: json_of(text) for name, text in before.items()
    }
    assert flowsm("import", "old.flowarchive", "--json").json["present"] == 2
    assert flowsm("verify").code == 0
    assert flowsm("import", "old.flowarchive", "--db", "new.db").code == 0
    assert len(flowsm("ls", "--json", "--db", "new.db").json["items"]) == 2


def json_of(text):
    """The output without the places in the whole log, which an import gives anew."""
    found = json.loads(text)
    return [{**row, "position": 0} for row in found] if isinstance(found, list) else found


def test_an_archive_is_read_like_a_log(flowsm, archived):
    """Every reading command takes it as --db, and gives what the log gave."""
    ids, before = archived
    Path("flowsm.db").unlink()
    for name, text in before.items():
        assert json_of(flowsm(name, "@last", "--json", "--db", "old.flowarchive").out) == json_of(text)
    for command in (
        ("ls",),
        ("summary",),
        ("verify",),
        ("doctor",),
        ("anchor",),
        ("graph", ids[0]),
        ("verify", ids[1]),
    ):
        assert flowsm(*command, "--db", "old.flowarchive").code == 0, command
    assert flowsm("backup", "copy.db", "--db", "old.flowarchive").code == 0
    assert flowsm("show", ids[1], "--db", "copy.db").code == 0
    assert not Path("flowsm.db").exists()


@pytest.mark.parametrize(
    "command",
    [
        ("cancel", "@last"),
        ("remove", "@last"),
        ("rebuild",),
        ("archive", "x", "--older-than", "1d"),
        ("import", "old.flowarchive"),
    ],
    ids=lambda command: command[0],
)
def test_an_archive_is_never_changed(flowsm, archived, command):
    """What would change it is refused, and says how to go on."""
    before = Path("old.flowarchive").read_bytes()
    ran = flowsm(*command, "--db", "old.flowarchive")
    assert (ran.code, "import it into a log" in ran.err) == (2, True)
    assert Path("old.flowarchive").read_bytes() == before


def test_a_file_that_cannot_be_made_is_no_usage(flowsm):
    """Backup, archive, anchor and export end alike: 1 where it cannot be written, 5 where it is there; --force only where it is."""
    flowsm("run", "flow.json")
    commands = {"backup": (), "export": ("@last",), "anchor": (), "archive": ("--older-than", "0s")}
    for command, options in commands.items():
        target = ("-o",) if command in {"anchor", "export"} else ()
        ran = flowsm(command, *target, "none/file", *options)
        assert ran.code == 1
        assert "cannot be" in ran.err
        Path(command).touch()
        ran = flowsm(command, *target, command, *options)
        assert (ran.code, "--force" in ran.err) == (5, command in {"backup", "anchor"})


def test_dry_run_and_nothing(flowsm):
    """What would be archived is counted, and what is too young is nothing."""
    flowsm("run", "flow.json")
    assert "would archive 1 execution" in flowsm("archive", "old", "--older-than", "0s", "--dry-run").err
    assert "nothing to archive" in flowsm("archive", "old", "--older-than", "30d").err
    assert flowsm("archive", "old", "--older-than", "0s", "--status", "failed", "--json").json["executions"] == 0
    assert not Path("old").exists()
    ran = flowsm("archive", "old", "--older-than", "soon")
    assert (ran.code, "--older-than" in ran.err) == (2, True)


def test_what_stays_is_said(flowsm):
    """An execution that cannot be archived is named with the reason."""
    flowsm("run", "flow.json", "--id", "broken")
    with closing(sqlite3.connect("flowsm.db")) as connection, connection:
        connection.execute("DROP TRIGGER events_are_not_updated")
        connection.execute("UPDATE events SET data = '{}' WHERE seq = 2")
    assert "kept broken: seq 2" in flowsm("archive", "old", "--older-than", "0s").err


def test_who_asks(monkeypatch):
    """The actor that was given, else the login name, else the user's number."""
    assert who("ada") == "ada"
    monkeypatch.setattr(getpass, "getuser", lambda: "eve")
    assert who("") == "eve"

    def nobody():
        raise KeyError("uid not found")

    monkeypatch.setattr(getpass, "getuser", nobody)
    assert who("") == str(os.getuid())
