"""`flowsm whatif`, `upgrade` and `coverage`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest


def write(folder: Path, name: str, **fields: Any) -> None:
    """The flow of the folder, changed, as another file."""
    flow = json.loads((folder / "flow.json").read_text())["flow"] | fields
    (folder / name).write_text(json.dumps(flow))


@pytest.fixture
def ran(flowsm: Any) -> Any:
    flowsm("run", "flow.json", "--id", "x1")
    flowsm("run", "flow.json", "--id", "x2")
    return flowsm


def test_the_same_flow_takes_the_same_path(ran: Any) -> None:
    """Nothing changed, nothing parts: the exit code is 0."""
    found = ran("whatif", "flow.json")
    assert (found.code, found.err) == (0, "")
    lines = found.out.splitlines()
    assert lines[0].endswith(": 2 recorded histories")
    assert lines[1:] == ["  ✓ 2 take the same path"]


def test_a_change_that_matters_is_told_by_place(ran: Any, folder: Path) -> None:
    """Where they part, what they need, how they end; and the exit code is 1."""
    clause = {"path": "/results/fetch/data/count", "op": "gt", "value": 100}
    condition = {"name": "some", "source_task": "fetch", "target_task_success": "store", "when": [clause]}
    write(folder, "stricter.json", conditions=[condition | {"target_task_failure": "spare"}])
    found = ran("whatif", "stricter.json")
    assert found.code == 1
    assert "  ✓ 0 take the same path\n  ✗ 2 do not\n\nWhere they part first\n" in found.out
    assert "fetch  to 'store', by condition 'some'  to 'spare', no condition met  2          x2, x1" in found.out
    assert "What they need, and was never recorded\n" in found.out
    assert "spare       it never ran  2          x2, x1" in found.out
    write(folder, "failing.json", conditions=[condition | {"target_task_failure": "end_failure"}])
    found = ran("whatif", "failing.json", "--since", "1h")
    assert found.out.endswith("completed  failed        2          x2, x1\n")
    as_json = ran("whatif", "failing.json", "--json")
    assert (as_json.code, as_json.json["changed"], as_json.json["ending"][0]["count"]) == (1, 2, 2)


def test_what_was_compared_is_told(ran: Any, folder: Path) -> None:
    """What is in flight, what was cancelled, and tasks whose code was changed are said."""
    parameters = {"records": [1]}
    tasks = json.loads((folder / "flow.json").read_text())["flow"]["tasks"]
    write(folder, "other.json", tasks=[tasks[0] | {"parameters": parameters}, *tasks[1:]])
    found = ran("whatif", "other.json")
    assert found.code == 0
    assert found.out.endswith("Their recorded outcomes were taken, though what they do was changed: 'fetch'\n")
    none = ran("whatif", "flow.json", "--flow", "nobody")
    assert none.code == 0
    assert none.err == "flowsm: no execution of flow 'nobody' is recorded here: nothing was compared\n"
    assert ran("whatif", "nothing.json").code == 4
    assert ran("whatif", "flow.json", "--db", "nothing.db").code == 4


def test_in_flight_and_cancelled(flowsm: Any, folder: Path) -> None:
    """They are compared up to where they are, or were stopped; upgrade says who could go on."""
    waits = {
        "id": "waits",
        "name": "Waits",
        "start_task": "w",
        "tasks": [{"name": "w", "task_type": "wait_for_signal"}],
    }
    (folder / "waits.json").write_text(json.dumps(waits))
    create(folder, waits, "x1", "x2")
    flowsm("cancel", "x2")
    found = flowsm("whatif", "waits.json")
    compared = "1 in flight, up to where they are; 1 up to where they were cancelled, or their time was over"
    assert f"  ✓ 2 take the same path ({compared})\n" in found.out
    found = flowsm("upgrade", "x1", "x2", "--to", "waits.json", "--dry-run")
    assert found.code == 1
    assert [line.split()[0] for line in found.out.splitlines()] == ["id", "x1", "x2"]
    assert found.out.splitlines()[1].endswith("safe")
    assert "not safe: it has ended (cancelled): only what is in flight can be upgraded" in found.out
    found = flowsm("upgrade", "x1", "--to", "waits.json", "--dry-run", "--json")
    assert (found.code, found.json[0]["safe"], found.json[0]["reasons"]) == (0, True, [])


def create(folder: Path, flow: dict[str, Any], *ids: str) -> None:
    """Executions that nobody has begun."""
    from flowsm import FlowManager  # noqa: PLC0415 - what the command line does without

    manager = FlowManager(folder / "flowsm.db")
    for name in ids:
        manager.create_flow_execution(flow, execution_id=name)


def test_coverage_shows_every_way(ran: Any) -> None:
    """A row for each transition, and those never taken; as JSON; as a diagram."""
    found = ran("coverage")
    assert found.code == 0
    lines = found.out.splitlines()
    assert lines[0].startswith("Demo [bold] (demo), version ")
    assert lines[0].endswith(": 2 executions, 3 of 7 transitions taken")
    assert any(line.split()[:5] == ["fetch", "store", "success", "some", "2"] for line in lines)
    assert "  fetch → spare, by 'some', which was not met" in lines
    (found_json,) = ran("coverage", "--format", "json").json
    assert (found_json["executions"], len(found_json["never"])) == (2, 4)
    assert ran("coverage", "--flow", "demo", "--format", "mermaid").out.startswith("flowchart TD\n")


def test_coverage_of_several_versions(ran: Any, folder: Path) -> None:
    """The newest version by default, all on demand; a diagram is of one."""
    old = ran("coverage", "--format", "json").json[0]["digest"]
    write(folder, "newer.json", max_transitions=9)
    ran("run", "newer.json", "--id", "x3")
    (newest,) = ran("coverage", "--format", "json").json
    assert (newest["executions"], newest["digest"] != old) == (1, True)
    (chosen,) = ran("coverage", "--format", "json", "--digest", old[:6]).json
    assert chosen["digest"] == old
    both = ran("coverage", "--all")
    assert both.out.count("Never taken") == 2
    refused = ran("coverage", "--all", "--format", "mermaid")
    assert refused.code == 2
    assert "a diagram is of one version" in refused.err
    assert ran("coverage", "--all", "--digest", old).code == 2
    assert ran("coverage", "--flow", "nobody").err == "flowsm: no executions\n"
