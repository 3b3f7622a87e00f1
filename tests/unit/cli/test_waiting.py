"""`show` says what an execution waits for, `ls` in a few words; and what the status does not tell."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from small_flows import until

from flowsm import FlowManager
from flowsm.cli.output import local_time
from flowsm.status import FlowStatus
from flowsm.wording.waiting import waits_in_words

SOON = datetime.now(UTC) + timedelta(days=1)
CHILD = {
    "id": "child",
    "name": "Child",
    "start_task": "ask",
    "tasks": [{"name": "ask", "task_type": "wait_for_signal"}],
}


def flow_of(task_type: str, **parameters: Any) -> dict[str, Any]:
    task = {"name": "t", "task_type": task_type, "parameters": parameters}
    return {"id": task_type, "name": "F", "start_task": "t", "tasks": [task]}


async def stands(folder, flow: dict[str, Any], status: str, **options: Any) -> None:
    """Drive execution x until it has that status."""
    async with FlowManager(folder / "flowsm.db", durability="normal") as manager:
        await manager.start(CHILD, execution_id="other")
        await manager.start(flow, execution_id="x", **options)
        await until(manager, "x", status)


def line_of(out: str, label: str) -> str:
    return next((line[10:] for line in out.splitlines() if line.startswith(label)), "")


@pytest.mark.parametrize(
    ("flow", "sentence", "word"),
    [
        (flow_of("wait_for_signal", name="go"), "task 't' waits for signal 'go' since ", "waits for signal go"),
        (flow_of("wait", seconds=9000), "task 't' waits until ", "waits until 20"),
        (flow_of("subflow", flow="child"), "task 't' waits for execution x:t:1 since ", "waits for x:t:1"),
    ],
)
def test_what_a_waiting_execution_waits_for(flowsm, folder, flow, sentence, word) -> None:
    """The sentence is that of `explain`."""
    asyncio.run(stands(folder, flow, "waiting"))
    assert line_of(flowsm("show", "x").out, "waits").startswith(sentence)
    (row,) = [line for line in flowsm("ls").out.splitlines() if line.startswith("x ")]
    assert word in row


def test_what_has_not_begun_or_is_paused(flowsm, folder) -> None:
    """A start to come has its moment; who paused is named, and how it goes on."""
    asyncio.run(stands(folder, CHILD, "created", start_at=SOON))
    assert line_of(flowsm("show", "x").out, "waits").startswith(f"it starts at {SOON.isoformat()[:19]}")
    assert "starts at 20" in flowsm("ls").out
    flowsm("pause", "x", "--actor", "ada")
    assert line_of(flowsm("show", "x").out, "waits").startswith("it was paused by ada at ")


def test_what_is_created_paused(flowsm, folder) -> None:
    """It waits for whoever resumes it, and for no moment that nobody gave."""
    asyncio.run(stands(folder, CHILD, "paused", paused=True))
    said = flowsm("explain", "x").out
    assert "it was paused" in said
    assert "starts at" not in said


def test_what_the_status_does_not_tell(flowsm, folder) -> None:
    """A cancelled one that cleans up first is being cancelled; a removed one is out of the lists; others say nothing."""
    cleaned = flow_of("wait_for_signal", name="go") | {"on_cancel": "t2"}
    cleaned["tasks"] = [*cleaned["tasks"], {"name": "t2", "task_type": "wait_for_signal"}]
    asyncio.run(stands(folder, cleaned, "waiting"))
    assert line_of(flowsm("show", "x").out, "status") == "… waiting"
    flowsm("cancel", "x", "--actor", "ada", "--reason", "no stock")
    status = line_of(flowsm("show", "x").out, "status")
    assert ", being cancelled, as asked by ada at 20" in status
    assert status.endswith(": no stock")
    flowsm("run", "flow.json", "--id", "done")
    assert line_of(flowsm("show", "done").out, "waits") == ""
    flowsm("remove", "done")
    assert line_of(flowsm("show", "done").out, "status") == "✓ completed, removed from the lists"


async def test_a_few_words(folder) -> None:
    """For each kind of waiting; what should have come already is due."""
    async with FlowManager(folder / "flowsm.db", durability="normal") as manager:
        await manager.start(CHILD, execution_id="x", paused=True)
        (row,) = (await manager.executions()).items
    told = {
        what: waits_in_words(msgspec.structs.replace(row, status=FlowStatus.WAITING, waiting_for=what, due_at=due))
        for what, due in (("resolution", None), ("retry", SOON), ("timer", SOON), ("signal go", row.created_at))
    }
    assert told == {
        "resolution": "asks a person: flowsm resolve",
        "retry": f"retry at {local_time(SOON)}",
        "timer": f"waits until {local_time(SOON)}",
        "signal go": f"due since {local_time(row.created_at)}",
    }
    assert waits_in_words(row) == ""
