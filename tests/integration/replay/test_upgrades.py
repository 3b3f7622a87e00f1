"""Whether executions in flight could go on with another version of their flow."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from small_flows import flow_of, task_of, tasks_that_say, until

from flowsm import FlowManager
from flowsm.errors import ExecutionNotFound
from flowsm.replay.upgrade import Upgrade
from flowsm.testing.clock import ManualClock

WAITS = flow_of(
    task_of("a"), task_of("w", "wait_for_signal"), task_of("b"), to=(("a", "success", "w"), ("w", "success", "b"))
)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def manager(clock: ManualClock) -> AsyncIterator[FlowManager]:
    async with FlowManager(":memory:", tasks=tasks_that_say(), clock=clock, durability="normal") as made:
        yield made


@pytest.fixture
async def waiting(manager: FlowManager) -> str:
    handle = await manager.start(WAITS, execution_id="waiting")
    await until(manager, handle.execution_id, "waiting")
    return handle.execution_id


async def verdict(manager: FlowManager, execution_id: str, flow: Any) -> Upgrade:
    (found,) = await manager.rehearse_upgrade([execution_id], flow)
    assert found.safe == (not found.reasons)
    return found


def changed(*, wait: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    flow = flow_of(
        task_of("a"),
        task_of("w", "wait_for_signal") | (wait or {}),
        task_of("b"),
        task_of("new"),
        to=(("a", "success", "w"), ("w", "success", "new"), ("new", "success", "b")),
    )
    return flow | fields


async def test_what_lies_ahead_may_be_another_way(manager: FlowManager, waiting: str) -> None:
    """Safe is the one whose path so far and whose wait are there; what was not reached is free."""
    found = await verdict(manager, waiting, changed())
    assert (found.safe, found.status, found.task, found.execution_id) == (True, "waiting", "w", "waiting")


@pytest.mark.parametrize(
    ("version", "reason"),
    [
        (
            changed(wait={"parameters": {"name": "go"}}),
            "its present wait, of task 'w', was begun with other parameters",
        ),
        (
            changed(wait={"task_type": "wait", "parameters": {"seconds": 5}}),
            "its present wait, of task 'w', is of type 'wait_for_signal'; there it is 'wait'",
        ),
        (
            flow_of(task_of("a"), task_of("b"), to=(("a", "success", "b"),)),
            "its path parts at 'a': recorded to 'w', by condition 'c0'; the version to 'b', by condition 'c0'",
        ),
        (changed(id="g"), "it is an execution of flow 'f', the document is of flow 'g'"),
        (
            changed(start_task="new"),
            "its path parts at 'created': recorded to 'a'; the version to 'new'",
        ),
    ],
)
async def test_what_is_not_safe_and_why(manager: FlowManager, waiting: str, version: Any, reason: str) -> None:
    """Another wait, another path, another flow: each is told in a sentence."""
    found = await verdict(manager, waiting, version)
    assert (found.safe, found.reasons) == (False, [reason])


async def test_an_outcome_that_is_not_there(manager: FlowManager) -> None:
    """A version that would have tried once more than was recorded has no path up to here."""
    flow = flow_of(
        task_of("x", "fail"), task_of("w", "wait_for_signal"), to=(("x", "failure", "w"), ("x", "success", "end"))
    )
    handle = await manager.start(flow)
    await until(manager, handle.execution_id, "waiting")
    more = flow | {"tasks": [task_of("x", "fail", retry={"max_attempts": 2}), flow["tasks"][1]]}
    found = await verdict(manager, handle.execution_id, more)
    assert found.reasons == ["the version asks for attempt 2 of visit 1 of 'x': it was not tried so often"]


async def test_a_running_attempt_has_the_parameters_that_it_was_given(manager: FlowManager) -> None:
    """An attempt under way is compared with the one that the version would have begun; one to come is not."""
    flow = flow_of(task_of("h", "hang"))
    handle = await manager.start(flow)
    await until(manager, handle.execution_id, "running")
    assert (await verdict(manager, handle.execution_id, flow)).safe
    other = flow_of(task_of("h", "say", parameters={"data": 1}))
    found = await verdict(manager, handle.execution_id, other)
    assert found.reasons == ["its present attempt, of task 'h', is of type 'hang'; there it is 'say'"]
    later = await manager.start(flow, execution_id="later", paused=True)
    assert (await verdict(manager, later.execution_id, other)).safe, "it has not begun"


async def test_what_will_not_go_on_is_not_upgraded(manager: FlowManager, clock: ManualClock) -> None:
    """What has ended, what is being cancelled, what is beyond a timeout; and unknown ids."""
    ended = await manager.run(flow_of(task_of("a")))
    found = await verdict(manager, ended.execution_id, flow_of(task_of("a")))
    assert found.reasons == ["it has ended (completed): only what is in flight can be upgraded"]
    cleans = flow_of(task_of("h", "hang"), task_of("c", "hang"), on_cancel="c", id="cleans")
    handle = await manager.start(cleans)
    await until(manager, handle.execution_id, "running")
    await manager.cancel(handle.execution_id)
    assert (await verdict(manager, handle.execution_id, cleans)).reasons == ["it is being cancelled"]
    timed = flow_of(task_of("h", "hang"), timeout=60)
    late = await manager.start(timed)
    await until(manager, late.execution_id, "running")
    clock.advance(61)
    assert (await late).status == "failed"
    await manager.retry(late.execution_id)
    (reason,) = (await verdict(manager, late.execution_id, timed)).reasons
    assert reason.startswith("the flow's time was over once")
    with pytest.raises(ExecutionNotFound):
        await manager.rehearse_upgrade(["nobody"], timed)


async def test_a_running_attempt_has_the_result_schema_that_it_was_begun_with(manager: FlowManager) -> None:
    """Its result will be checked against that one: another one has to wait for the end of the attempt."""
    flow = flow_of(task_of("h", "hang"))
    handle = await manager.start(flow)
    await until(manager, handle.execution_id, "running")
    found = await verdict(manager, handle.execution_id, flow_of(task_of("h", "hang", result_schema={"type": "object"})))
    assert found.reasons == [
        "its present attempt, of task 'h', was begun with another result_schema: upgrade it after that"
    ]
