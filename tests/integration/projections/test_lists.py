"""Lists, histories and sums, as a manager gives them after real executions."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from flowsm.errors import IllegalCommand


async def test_history_has_every_attempt(manager, flows):
    """Failed attempts, timed out ones and skipped visits are all there, in order."""
    retried = await manager.run(flows["retrying"])
    assert [(row.task, row.attempt, row.status) for row in await manager.history(retried.execution_id)] == [
        ("t0", 1, "failure"),
        ("t0", 2, "failure"),
        ("t0", 3, "success"),
        ("t1", 1, "success"),
    ]
    hung = await manager.run(flows["hanging"])
    assert [row.status for row in await manager.history(hung.execution_id)] == ["timed_out"]
    skipped = await manager.run(flows["skipping"])
    rows = await manager.history(skipped.execution_id)
    assert [(row.task, row.attempt, row.status) for row in rows][1] == ("t1", 0, "skipped")
    looped = await manager.run(flows["looping"])
    assert [row.visit for row in await manager.history(looped.execution_id)] == [1, 2, 3, 4]


async def test_a_removed_execution_keeps_its_history(manager, flows):
    """It leaves the lists and the counts; its events, attempts and statistics stay; once is enough."""
    ended = await manager.run(flows["failing"])
    before = await manager.summary()
    await manager.remove_flow(ended.execution_id, reason="old")
    assert (await manager.executions()).items == []
    assert len(await manager.history(ended.execution_id)) == 2
    assert (await manager.events(ended.execution_id))[-1].type == "execution.removed"
    after = await manager.summary()
    assert (before.total_flows, after.total_flows) == (1, 0)
    assert (after.flows, after.tasks) == (before.flows, before.tasks)
    with pytest.raises(IllegalCommand):
        await manager.remove_flow(ended.execution_id)


async def test_statistics_are_sums_of_what_happened(manager, flows):
    """Counts and durations by flow, task and outcome equal those added up from the attempts' rows."""
    ended = await asyncio.gather(*(manager.run(flow) for flow in flows.values() for _ in range(5)))
    counts: Counter[tuple[str, str, str]] = Counter()
    durations: Counter[tuple[str, str, str]] = Counter()
    for execution in ended:
        for row in await manager.history(execution.execution_id):
            key = (execution.flow_id, row.task, row.outcome)
            counts[key] += 1
            durations[key] += row.duration_us
    summary = await manager.summary()
    assert {(entry.flow_id, entry.task, entry.outcome): entry.count for entry in summary.tasks} == counts
    sums = {(entry.flow_id, entry.task, entry.outcome): entry.total_seconds for entry in summary.tasks}
    assert sums == {key: duration / 1_000_000 for key, duration in durations.items()}
    assert {(entry.flow_id, entry.outcome): entry.count for entry in summary.flows} == Counter(
        (execution.flow_id, str(execution.status)) for execution in ended
    )


async def test_a_row_shows_what_the_fold_shows(manager, flows):
    """Status, path and tasks of the list equal those of the execution itself, for every kind."""
    ended = await asyncio.gather(*(manager.run(flow) for flow in flows.values()))
    listed = {item.execution_id: item for item in (await manager.executions()).items}
    for execution in ended:
        item = listed[execution.execution_id]
        for name in ("status", "current_task", "path", "completed_tasks", "skipped_tasks", "started_at", "ended_at"):
            assert getattr(item, name) == getattr(execution, name)
        assert item.seq == execution.seq


async def test_an_interrupted_attempt_stays_in_the_history(manager, flows, path, registry):
    """A manager that is closed leaves an interrupted attempt, which is no crash; the next one goes on."""
    from flowsm import FlowManager  # noqa: PLC0415 - a second process, in a way

    hanging = flows["hanging"] | {"id": "forever"}
    hanging["tasks"] = [{"name": "t0", "task_type": "hang"}]
    async with FlowManager(path, tasks=registry) as first:
        handle = await first.start(hanging)
        assert [row.status for row in await first.history(handle.execution_id)] == ["running"]
    registry.task("hang", replace=True)(_at_once)
    await manager.execute_flow(handle.execution_id)
    rows = await manager.history(handle.execution_id)
    assert [(row.attempt, row.status, row.worker == manager.worker) for row in rows] == [
        (1, "interrupted", False),
        (1, "success", True),
    ]
    (item,) = (await manager.executions()).items
    assert (item.interruptions, item.attempts) == (0, 2)
    assert (await manager.verify()).ok
    await manager.rebuild()
    assert await manager.history(handle.execution_id) == rows


async def _at_once() -> None:
    return None
