"""The generated schemas: in step with the code, and true of real documents, events and files."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from flowsm import FlowManager, TaskFactory
from flowsm.definition.load import _read
from flowsm.definition.report import Report
from flowsm.events.facts import FACTS
from flowsm.events.system import SYSTEM_FACTS
from flowsm.schemas import FILES, event_schema, log_sql_text, main
from flowsm.storage.open import APPLICATION_ID

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "schemas"
FLOWS = Draft202012Validator(json.loads((FOLDER / "flow.schema.json").read_text("utf-8")))
EVENTS = Draft202012Validator(json.loads((FOLDER / "events.schema.json").read_text("utf-8")))
DOCUMENTS = [
    path
    for folder in (ROOT / "tests" / "flows" / "valid", ROOT / "flowsm" / "examples")
    for path in sorted(folder.iterdir())
    if path.suffix in {".json", ".toml", ".yaml", ".yml"} and path.name != "deepest.json"  # deeper than jsonschema goes
]
OBJECTS = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name"
FLOW = {
    "id": "every-event",
    "name": "Nearly every event",
    "start_task": "flaky",
    "tasks": [
        {"name": "flaky", "retry": {"max_attempts": 2, "initial_interval": 0}},
        {"name": "skipped", "skip_when": [{"path": "/input", "op": "eq", "value": 1}]},
        {"name": "hangs", "timeout": 0.01},
        {"name": "never"},
    ],
    "conditions": [
        {
            "source_task": "flaky",
            "target_task_success": "skipped",
            "when": [{"path": "/results/flaky/data/ok", "op": "eq", "value": True}],
        },
        {"source_task": "skipped", "outcome": "skipped", "target_task_success": "hangs"},
        {"source_task": "hangs", "target_task_success": "never", "target_task_failure": "end_failure"},
    ],
}


@pytest.mark.parametrize("name", sorted(FILES))
def test_files_are_in_step(name):
    """Each file of `schemas/` is what the code generates: after a change run `python -m flowsm.schemas schemas`."""
    assert (FOLDER / name).read_text("utf-8") == FILES[name]()


def test_there_is_no_other_file():
    """Every file of `schemas/` is generated."""
    assert {path.name for path in FOLDER.iterdir()} == {*FILES, "openapi.json"}


def test_main_writes_them(tmp_path, capsys):
    """`python -m flowsm.schemas DIR` writes all of them, and says how it is used when the folder is missing."""
    assert main([str(tmp_path / "new")]) == 0
    assert {path.name for path in (tmp_path / "new").iterdir()} == FILES.keys()
    assert main([]) == 2
    assert "DIR" in capsys.readouterr().err


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_real_documents_fit_the_schema_of_flows(path):
    """Every document that loads is one that an editor accepts."""
    document, _ = _read(path, Report())
    FLOWS.validate(document)


async def test_recorded_events_fit_the_schema_of_events(tmp_path):
    """What a run records, with a retry, a skipped task, a timeout and a removal, is described by the schema."""
    tasks = TaskFactory()

    @tasks.task("flaky")
    async def flaky(context):
        if context.attempt == 1:
            raise OSError("try again")
        return {"ok": True}

    @tasks.task("hangs")
    async def hangs(started: bool = True):
        await forever

    tasks.register_task("skipped", flaky)
    tasks.register_task("never", flaky)
    forever = asyncio.get_running_loop().create_future()
    async with FlowManager(tmp_path / "flowsm.db", tasks=tasks) as manager:
        execution = await manager.run(FLOW, 1)
        await manager.remove_flow(execution.execution_id, reason="seen")
        events = [event.as_dict() for event in await manager.events(execution.execution_id)]

    for event in events:
        EVENTS.validate(event)
    seen = {event["type"] for event in events}
    missing = {fact.TYPE for fact in FACTS} - seen
    assert missing == {
        "execution.cancelled",
        "execution.cancelling",
        "execution.completed",
        "execution.forked",
        "execution.paused",
        "execution.redriven",
        "execution.resumed",
        "execution.upgraded",
        "probe.started",
        "resolution.awaited",
        "resolution.given",
        "signal.received",
        "task.interrupted",
        "wait.ended",
        "wait.started",
    }


@pytest.mark.parametrize(
    "change",
    [
        {"type": "task.strated"},
        {"version": 2},
        {"data": {}},
        {"digest": "short"},
        {"seq": 0},
        {"extra": 1},
    ],
)
def test_other_things_do_not_fit_the_schema_of_events(change):
    """A wrong type, version, place, fact or digest is seen."""
    event = {
        "position": 1,
        "stream": "e1",
        "seq": 1,
        "type": "execution.started",
        "version": 1,
        "at": "2026-01-01T00:00:00.000000Z",
        "data": {"worker": "w1"},
        "digest": "0" * 64,
    }
    EVENTS.validate(event)
    assert not EVENTS.is_valid(event | change)


def test_event_schema_is_a_json_schema():
    """It is one of draft 2020-12, and names every type of event."""
    schema = event_schema()
    Draft202012Validator.check_schema(schema)
    assert [entry["title"] for entry in schema["oneOf"]] == [fact.TYPE for fact in (*FACTS, *SYSTEM_FACTS)]


def test_log_sql_makes_the_tables_of_a_log(tmp_path):
    """The SQL, run in an empty file, gives the tables, indexes, triggers and views that a manager makes."""
    manager = FlowManager(tmp_path / "real.db")
    manager.create_flow_execution(
        {"id": "a", "name": "A", "start_task": "fetch_data", "tasks": [{"name": "fetch_data"}]}
    )
    with sqlite3.connect(tmp_path / "real.db") as real, sqlite3.connect(":memory:") as made:
        made.executescript(log_sql_text())
        assert made.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        expected = real.execute(OBJECTS).fetchall()
        assert {kind for kind, *_ in expected} == {"table", "index", "trigger", "view"}
        assert made.execute(OBJECTS).fetchall() == expected
    real.close()
    made.close()
