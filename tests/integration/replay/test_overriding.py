"""A failed execution goes on with other values in the place of recorded ones, and nobody hides that."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from small_flows import flow_of, task_of, tasks_that_say

from flowsm import FlowManager, TaskContext
from flowsm.errors import OverrideRefused, UsageError
from flowsm.replay.recording import record
from flowsm.replay.rehearse import Stage
from flowsm.replay.testgen import generate_test

FLOW = flow_of(
    task_of("first", parameters={"data": {"total": 2, "secret": "a long secret"}}),
    task_of("check", "check", parameters={"seen": {"$from": "/results/first/data/total"}}),
    task_of("big"),
    task_of("small"),
    to=(
        ("first", "success", "check"),
        ("check", "success", "big", {"path": "/results/first/data/total", "op": "gt", "value": 10}),
        ("check", "success", "small"),
    ),
)


@pytest.fixture
async def manager() -> AsyncIterator[FlowManager]:
    tasks = tasks_that_say()

    @tasks.task("check")
    async def check(context: TaskContext, seen: Any = None) -> Any:
        if seen == 2:
            raise ValueError("two is too little")
        return [seen, context.previous_results["first"].data, context.input]

    async with FlowManager(":memory:", tasks=tasks, durability="normal") as made:
        yield made


async def failed(manager: FlowManager, name: str = "x") -> str:
    ended = await manager.run(FLOW, {"c": 1}, execution_id=name)
    assert ended.status == "failed"
    return name


async def test_the_tasks_after_it_see_it(manager: FlowManager) -> None:
    """`$from`, `previous_results`, the input and the clauses of conditions: all of them."""
    name = await failed(manager)
    overrides = {"results.first.data.total": 30, "/input/c": 2}
    await manager.retry(name, overrides=overrides, reason="by hand", actor="ann")
    ended = await manager.finish(name)
    assert (ended.status, ended.path) == ("completed", ["first", "check", "big"])
    assert ended.task_results["check"].data == [30, {"total": 30, "secret": "a long secret"}, {"c": 2}]
    assert ended.task_results["first"].data["total"] == 30
    assert ended.overrides == {"/results/first/data/total": 30, "/input/c": 2}
    events = await manager.events(name)
    assert next(event for event in events if event.type == "task.completed").fact.data["total"] == 2
    assert (await manager.verify()).ok
    assert (await manager.rebuild()).ok
    assert (await manager.verify()).ok


async def test_it_is_told(manager: FlowManager) -> None:
    """Timeline, explanation and differences say which value stands in the place of which."""
    name = await failed(manager)
    await manager.retry(name, overrides={"results.first.data.total": 30}, reason="by hand", actor="ann")
    await manager.finish(name)
    (entry,) = [one for one in await manager.timeline(name) if one.text.startswith("redriven")]
    assert entry.text == "redriven from check, with results.first.data.total=30 in place of 2 by ann: by hand"
    assert [one.text for one in (await manager.explain(name)).overrides] == [entry.text]
    changed = {change.path: change for change in await manager.diff(name, entry.seqs[0] - 1, entry.seqs[0])}
    assert (changed["/results/first/data/total"].before, changed["/results/first/data/total"].after) == (2, 30)
    assert "/overrides" in changed or any(path.startswith("/overrides") for path in changed)
    await failed(manager, "other")
    beside = await manager.compare("other", name)
    assert "/results/first/data/total" in {change.path for change in beside.results}


async def test_rehearsals_and_generated_tests_have_it_too(manager: FlowManager) -> None:
    """What-if takes the recorded way, which only the override opened; a generated test sets it as well."""
    name = await failed(manager)
    await manager.retry(name, overrides={"results.first.data.total": 30})
    await manager.finish(name)
    history = await manager.replay(name)
    found = Stage(history.machine.flow).rehearse(record(name, history.events))
    assert found.same
    assert (await manager.whatif(FLOW)).same == 1
    source = generate_test(history).source
    scope: dict[str, Any] = {}
    exec(compile(source, "generated", "exec"), scope)
    await asyncio.to_thread(scope[next(word for word in scope if word.startswith("test_"))])
    stricter = FLOW | {
        "tasks": [FLOW["tasks"][0] | {"result_schema": {"properties": {"total": {"maximum": 9}}}}, *FLOW["tasks"][1:]]
    }
    (group,) = (await manager.whatif(stricter)).parting
    assert group.rehearsed.startswith(
        "refuses the values that it was redriven with (/results/first/data/total: it does"
    )


async def test_many_at_once(manager: FlowManager) -> None:
    """All failed ones go on with the same values; another verb takes none."""
    names = [await failed(manager, f"x{number}") for number in range(3)]
    report = await manager.in_bulk("retry", status="failed", overrides={"results.first.data.total": 5})
    assert (report.done, report.refused) == (3, 0)
    for name in names:
        assert (await manager.finish(name)).path[-1] == "small"
    with pytest.raises(UsageError, match="overrides is an option of retry, not of pause"):
        await manager.in_bulk("pause", everything=True, overrides={"input": 1})


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        ([("input", 1)], "expected values by places"),
        ({1: 2}, "has the place 1, expected a text"),
        ({"input": object()}, "overrides input at"),
        ({"in put": 1}, "is no path"),
        ({"input": "x" * 2**20}, "bytes of JSON, expected at most"),
    ],
)
async def test_what_cannot_be_recorded(manager: FlowManager, overrides: Any, sentence: str) -> None:
    """Arguments of another kind are named, and nothing is recorded."""
    name = await failed(manager)
    with pytest.raises(UsageError, match=sentence):
        await manager.retry(name, overrides=overrides)
    for place in ("results.first.data.nothing", ""):
        with pytest.raises(OverrideRefused):
            await manager.retry(name, overrides={place: 1})
    assert (await manager.get_flow_status(name)).status == "failed"


async def test_an_export_redacts_them_too(manager: FlowManager, tmp_path: Path) -> None:
    """What stands in the place of a redacted value is not told either."""
    name = await failed(manager)
    await manager.retry(name, overrides={"results.first.data": {"total": 3, "secret": "another secret"}})
    await manager.finish(name)
    await manager.export(name, tmp_path / "x.flowrun", redact=["/results/first/data/secret"])
    text = (tmp_path / "x.flowrun").read_text("utf-8")
    assert "another secret" not in text
    async with FlowManager(":memory:") as other:
        await other.open_file(tmp_path / "x.flowrun")
        assert (await other.get_flow_status(name)).status == "completed"
