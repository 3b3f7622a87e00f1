"""What a change of a flow would have meant for executions of every kind."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from small_flows import flow_of, task_of, tasks_that_say, until

from flowsm import FlowManager
from flowsm.errors import LogBroken
from flowsm.limits import REFOLD_PAGE_EVENTS, REHEARSAL_NAMED_EXECUTIONS, REHEARSAL_PAGE_EXECUTIONS
from flowsm.replay.rehearse import Rehearsal
from flowsm.testing.clock import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "flowsm.db"


@pytest.fixture
async def manager(path: Path, clock: ManualClock) -> AsyncIterator[FlowManager]:
    async with FlowManager(path, tasks=tasks_that_say(), clock=clock, durability="normal") as made:
        yield made


async def rehearsed(manager: FlowManager, flow: Any, **options: Any) -> list[Rehearsal]:
    found = [one async for one in manager.rehearse(flow, **options)]
    assert all(isinstance(one, Rehearsal) for one in found)
    return [one for one in found if isinstance(one, Rehearsal)]


async def only(manager: FlowManager, flow: Any) -> Rehearsal:
    (found,) = await rehearsed(manager, flow)
    return found


async def test_where_a_path_parts_and_how_it_would_end(manager: FlowManager) -> None:
    """The turn that each would take, the condition that asks for it, and the end that comes of it."""
    total = {"path": "/results/a/data/total", "op": "gt", "value": 10}
    tasks = task_of("a", parameters={"data": {"total": 12}}), task_of("b")
    flow = flow_of(*tasks, to=(("a", "success", "b", total), ("a", "success", "end_failure")))
    await manager.run(flow, execution_id="x1")
    assert (await only(manager, flow)).same
    stricter = flow_of(*tasks, to=(("a", "success", "b", total | {"value": 20}), ("a", "success", "end_failure")))
    found = await only(manager, stricter)
    assert (found.same, found.ends_differently, found.status, found.end) == (False, True, "completed", "failed")
    assert found.parted is not None
    assert (found.parted.common, found.parted.task) == (2, "a")
    assert (found.parted.recorded.way, found.parted.recorded.condition) == (("goes", "a", "b"), "c0")
    assert (found.parted.rehearsed.way, found.parted.rehearsed.condition) == (("goes", "a", "failed"), "c1")
    report = await manager.whatif(stricter)
    assert (report.histories, report.same, report.changed, report.ok) == (1, 0, 1, False)
    (group,) = report.parting
    assert (group.task, group.count, group.examples) == ("a", 1, ["x1"])
    assert (group.recorded, group.rehearsed) == ("to 'b', by condition 'c0'", "to 'failed', by condition 'c1'")
    assert [(group.recorded, group.rehearsed) for group in report.ending] == [("completed", "failed")]


async def test_what_was_never_recorded(manager: FlowManager) -> None:
    """A task that never ran, one that ran not so often, one that was not tried so often."""
    await manager.run(flow_of(task_of("a"), task_of("b", "fail"), to=(("a", "success", "b"),)), execution_id="x1")
    new = await only(manager, flow_of(task_of("a"), task_of("n"), to=(("a", "success", "n"),)))
    assert new.need is not None
    assert (new.need.task, new.need.why, new.end) == ("n", "it never ran", None)
    again = await only(manager, flow_of(task_of("a"), to=(("a", "success", "a"), ("a", "x", "end"))))
    assert again.need is not None
    assert (again.need.task, again.need.visit, again.need.why) == ("a", 2, "it was not visited so often")
    retried = flow_of(task_of("a"), task_of("b", "fail", retry={"max_attempts": 2}), to=(("a", "success", "b"),))
    more = await only(manager, retried)
    assert more.need is not None
    assert (more.need.attempt, more.need.why, more.parted, more.same) == (2, "it was not tried so often", None, False)


async def test_fewer_attempts_take_the_recorded_ones_in_order(manager: FlowManager, clock: ManualClock) -> None:
    """With fewer attempts the first failures decide; what they decide may be the same way."""
    retry = {"max_attempts": 3, "initial_interval": 0}
    flow = flow_of(task_of("a", "fail", parameters={"times": 2}, retry=retry))
    assert (await manager.run(flow)).status == "completed"
    fewer = await only(
        manager, flow_of(task_of("a", "fail", parameters={"times": 2}, retry=retry | {"max_attempts": 2}))
    )
    assert (fewer.end, fewer.ends_differently) == ("failed", True)


async def test_a_task_that_is_skipped_is_not_run(manager: FlowManager) -> None:
    """Whether a task runs or is skipped is a turn of the path."""
    always = [{"path": "/input", "op": "exists", "value": True}]
    await manager.run(flow_of(task_of("a")), 1, execution_id="ran")
    await manager.run(flow_of(task_of("a", skip_when=always)), 1, execution_id="skipped")
    skips = {one.execution_id: one for one in await rehearsed(manager, flow_of(task_of("a", skip_when=always)))}
    assert skips["skipped"].same
    parted = skips["ran"].parted
    assert parted is not None
    assert (parted.recorded.kind, parted.rehearsed.kind) == ("runs", "skips")
    runs = {one.execution_id: one for one in await rehearsed(manager, flow_of(task_of("a")))}
    assert runs["ran"].same
    need = runs["skipped"].need
    assert need is not None
    assert need.why == "it never ran"


async def test_a_loop_of_skips_is_followed_to_its_bound(manager: FlowManager) -> None:
    """A step of the machine ends after some events; the rehearsal goes on, and the bound is a turn of its own."""
    never = [{"path": "/input/x", "op": "exists", "value": False}]
    loop = (("a", "skipped", "a"), ("a", "failure", "end"))
    flow = flow_of(task_of("a", skip_when=never), to=loop, max_transitions=150)
    await manager.run(flow)
    assert (await only(manager, flow)).same
    longer = await only(manager, flow | {"max_transitions": 160})
    assert longer.parted is not None
    assert (longer.parted.recorded.kind, longer.parted.rehearsed.kind) == ("aborts", "goes")


async def test_an_input_that_would_be_refused(manager: FlowManager) -> None:
    """A version with another schema for the input would not have created the execution."""
    await manager.run(flow_of(task_of("a")), {"n": "x"})
    strict = flow_of(task_of("a"), input_schema={"properties": {"n": {"type": "number"}}})
    found = await only(manager, strict)
    assert found.parted is not None
    assert found.parted.rehearsed.kind == "refuses"
    (group,) = (await manager.whatif(strict)).parting
    assert group.rehearsed.startswith("refuses the input (/n: ")


async def test_what_is_in_flight_is_compared_up_to_where_it_is(manager: FlowManager, clock: ManualClock) -> None:
    """One that waits, one that is paused, one whose retry is due later: the same version takes the same path."""
    waits = flow_of(task_of("a"), task_of("w", "wait_for_signal"), to=(("a", "success", "w"),))
    handle = await manager.start(waits, execution_id="waits")
    await until(manager, handle.execution_id, "waiting")
    await manager.start(waits, execution_id="paused", paused=True)
    found = {one.execution_id: one for one in await rehearsed(manager, waits)}
    assert all(one.same and one.end is None and one.status == "in flight" for one in found.values())
    ends = flow_of(task_of("a"), to=(("a", "success", "end"),))
    found = {one.execution_id: one for one in await rehearsed(manager, ends)}
    assert found["paused"].same
    parted = found["waits"].parted
    assert parted is not None
    assert (parted.recorded.target, parted.rehearsed.target) == ("w", "completed")
    assert not found["waits"].ends_differently, "it has not ended yet"
    report = await manager.whatif(ends)
    assert (report.histories, report.in_flight, report.same) == (2, 2, 1)


async def test_what_waits_for_a_retry_goes_no_further(manager: FlowManager) -> None:
    """Where the version gives up and the recorded execution waits for another attempt, they part."""
    flow = flow_of(task_of("a", "fail", retry={"max_attempts": 2}))
    handle = await manager.start(flow)
    while "retry.scheduled" not in {event.type for event in await manager.events(handle.execution_id)}:
        await until(manager, handle.execution_id, "running")
    assert (await only(manager, flow)).same
    found = await only(manager, flow_of(task_of("a", "fail")))
    assert found.parted is not None
    assert (found.parted.recorded.kind, found.parted.rehearsed.target) == ("stands", "failed")
    (group,) = (await manager.whatif(flow_of(task_of("a", "fail")))).parting
    assert group.recorded == "goes no further"


async def test_a_signal_and_a_timeout_are_outcomes_like_others(manager: FlowManager, clock: ManualClock) -> None:
    """What a wait came to is taken, however long it took; the version's own waits are not waited for."""
    flow = flow_of(task_of("w", "wait_for_signal"), task_of("b"), to=(("w", "approved", "b"), ("w", "x", "end")))
    handle = await manager.start(flow)
    await until(manager, handle.execution_id, "waiting")
    await manager.signal(handle.execution_id, "w", {"by": "me"}, outcome="approved")
    assert (await handle).path == ["w", "b"]
    assert (await only(manager, flow)).same
    shorter = flow | {"timeout": 0.001}
    assert (await only(manager, shorter)).same


async def test_a_cancelled_one_is_compared_up_to_that(manager: FlowManager) -> None:
    """Somebody's decision is no outcome: what came before it is compared, what cleans up is not."""
    flow = flow_of(task_of("a"), task_of("h", "hang"), task_of("c"), to=(("a", "success", "h"),), on_cancel="c")
    handle = await manager.start(flow)
    while (await manager.get_flow_status(handle.execution_id)).current_task != "h":
        await until(manager, handle.execution_id, "running")
    await manager.cancel(handle.execution_id)
    assert (await handle).path == ["a", "h", "c"]
    found = await only(manager, flow)
    assert (found.same, found.upto, found.status, found.end) == (True, "cut", "cancelled", None)
    assert not (await only(manager, flow_of(task_of("a")))).same
    report = await manager.whatif(flow)
    assert (report.cut, report.in_flight, report.same) == (1, 0, 1)


async def test_the_flows_timeout_is_not_rehearsed(manager: FlowManager, clock: ManualClock) -> None:
    """What ended because its time was over is compared up to that, also after a redrive."""
    flow = flow_of(task_of("h", "hang"), timeout=60)
    handle = await manager.start(flow)
    await until(manager, handle.execution_id, "running")
    clock.advance(61)
    assert (await handle).status == "failed"
    found = await only(manager, flow)
    assert (found.same, found.upto, found.status) == (True, "cut", "failed")
    await manager.retry(handle.execution_id)
    assert (await only(manager, flow)).status == "in flight"


async def test_a_redriven_one_goes_on(manager: FlowManager) -> None:
    """After the same failure the version is redriven as the recorded execution was; before it, it may part."""
    flow = flow_of(task_of("a"), task_of("b", "fail", parameters={"times": 1}), to=(("a", "success", "b"),))
    result = await manager.run(flow)
    assert result.status == "failed"
    assert (await only(manager, flow)).same
    await manager.retry(result.execution_id)
    assert (await only(manager, flow)).same, "it has not begun yet"
    assert (await manager.execute_flow(result.execution_id)).status == "completed"
    found = await only(manager, flow)
    assert (found.same, found.end, found.status) == (True, "completed", "completed")
    kept = flow_of(task_of("a"), task_of("b", "fail"), to=(("a", "success", "b"), ("b", "failure", "end_success")))
    found = await only(manager, kept)
    assert found.parted is not None
    assert (found.parted.recorded.target, found.parted.rehearsed.target) == ("failed", "completed")


async def test_one_redriven_after_its_bound_goes_on_from_there(manager: FlowManager) -> None:
    """Where the transitions were used up the last result stands, and the way on is sought again."""
    flow = flow_of(task_of("a"), task_of("b"), to=(("a", "success", "b"), ("b", "success", "end")), max_transitions=1)
    result = await manager.run(flow)
    assert result.status == "failed"
    await manager.retry(result.execution_id)
    assert (await manager.execute_flow(result.execution_id)).status == "completed"
    assert (await only(manager, flow)).same
    found = await only(manager, flow | {"max_transitions": 9})
    assert found.parted is not None
    assert (found.parted.recorded.kind, found.parted.rehearsed.kind) == ("aborts", "goes")


async def test_references_that_lead_to_nothing(manager: FlowManager) -> None:
    """A failure that the engine found in the parameters is found again, or not, by the version's own."""
    broken = flow_of(task_of("a", parameters={"data": {"$from": "/input/n"}}))
    assert (await manager.run(broken)).status == "failed"
    assert (await only(manager, broken)).same
    mended = await only(manager, flow_of(task_of("a", parameters={"data": {"$from": "/input/n", "default": 0}})))
    assert mended.need is not None
    assert mended.need.why == "it never ran"


async def test_large_results_and_long_streams(manager: FlowManager) -> None:
    """Values that lie beside the events are looked at; a history longer than a page is one history."""
    loop = (("a", "success", "a", {"path": "/results/a/data", "op": "starts_with", "value": "large"}),)
    flow = flow_of(task_of("a", parameters={"data": "large " * 12_000}), to=loop, max_transitions=REFOLD_PAGE_EVENTS)
    result = await manager.run(flow, execution_id="long")
    assert result.seq > 2 * REFOLD_PAGE_EVENTS
    found = await only(manager, flow)
    assert (found.same, found.end) == (True, "failed")
    other = (("a", "success", "end", {"path": "/results/a/data", "op": "starts_with", "value": "large"}),)
    found = await only(manager, flow | {"conditions": flow_of(task_of("a"), to=other)["conditions"]})
    assert found.end == "completed"


async def test_many_histories_are_counted_not_listed(manager: FlowManager, clock: ManualClock) -> None:
    """Groups name a few; a flow's id or name and a moment choose whose histories; removed ones are left out."""
    flow = flow_of(task_of("a"), name="Many")
    count = REHEARSAL_PAGE_EXECUTIONS + 1
    for number in range(count):
        await manager.run(flow, execution_id=f"x{number:03}")
    changed = flow_of(task_of("a"), to=(("a", "success", "end_failure"),), id="another")
    assert (await manager.whatif(changed)).histories == 0
    report = await manager.whatif(changed, flow_id="Many")
    assert (report.histories, report.changed) == (count, count)
    assert report.parting[0].examples == [
        f"x{count - number:03}" for number in range(1, REHEARSAL_NAMED_EXECUTIONS + 1)
    ]
    assert report.changed_tasks == []
    moment = clock.now() + timedelta(seconds=1)
    clock.advance(2)
    await manager.run(flow, execution_id="later")
    assert (await manager.whatif(flow, since=moment)).histories == 1
    await manager.remove_flow("later")
    assert (await manager.whatif(flow, since=moment)).histories == 0


async def test_tasks_whose_code_was_changed_are_named(manager: FlowManager) -> None:
    """Their recorded outcomes are taken: the report says of whose tasks that is true."""
    await manager.run(flow_of(task_of("a"), task_of("b"), to=(("a", "success", "b"),)))
    changed = flow_of(task_of("a", parameters={"data": 1}), task_of("b"), to=(("a", "success", "b"),))
    report = await manager.whatif(changed)
    assert (report.same, report.changed_tasks, report.ok) == (1, ["a"], True)


async def test_a_broken_history_is_set_aside(manager: FlowManager, path: Path) -> None:
    """What is not what was recorded is named; the others are rehearsed, and the report is not fine."""
    flow = flow_of(task_of("a"))
    for name in ("x1", "x2", "x3"):
        await manager.run(flow, execution_id=name)
    with closing(sqlite3.connect(path)) as connection:
        triggers = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall()
        for (name,) in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute("UPDATE events SET data = '{}' WHERE stream = 'x2' AND seq = 3")
        connection.commit()
    report = await manager.whatif(flow)
    assert (report.histories, report.same, report.unreadable, report.unreadable_examples) == (2, 2, 1, ["x2"])
    assert not report.ok
    assert [one.stream async for one in manager.rehearse(flow) if isinstance(one, LogBroken)] == ["x2"]
    with pytest.raises(LogBroken):
        await manager.coverage()


async def test_a_report_is_json(manager: FlowManager) -> None:
    """The report goes through JSON as the command line prints it."""
    await manager.run(flow_of(task_of("a")))
    report = msgspec.json.decode(msgspec.json.encode(await manager.whatif(flow_of(task_of("a")))))
    assert (report["flow_id"], report["histories"], report["parting"]) == ("f", 1, [])
