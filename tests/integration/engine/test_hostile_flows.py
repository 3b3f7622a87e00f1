"""Flows that were put together by hand, or changed after they were loaded."""

from __future__ import annotations

import pytest

from flowsm import ConditionConfig, FlowConfig, FlowStatus, TaskConfig
from flowsm.errors import DocumentInvalid, FlowMismatch

FINE = TaskConfig(name="fine", task_type="fine")
BROKEN = {
    "unknown start": {"start_task": "nowhere"},
    "no tasks": {"tasks": ()},
    "a task twice": {"tasks": (FINE, FINE)},
    "unknown target": {"conditions": (ConditionConfig(name="c", source_task="fine", target_task_success="nowhere"),)},
    "a number for a name": {"name": 3},
    "no JSON": {"tasks": (TaskConfig(name="fine", task_type="fine", parameters={"a": object()}),)},
    "a negative bound": {"max_transitions": -1},
    "no number": {"timeout": float("nan")},
    "beyond msgpack": {"tasks": (TaskConfig(name="fine", task_type="fine", parameters={"a": 2**70}),)},
}


def by_hand(**changes) -> FlowConfig:
    """A flow that no parser has seen."""
    return FlowConfig(**{"id": "f", "name": "F", "start_task": "fine", "tasks": (FINE,), **changes})


@pytest.mark.parametrize("changes", BROKEN.values(), ids=BROKEN)
async def test_a_flow_made_by_hand_is_checked_like_any_other(manager, tasks, changes) -> None:
    """Nothing of a flow with errors is recorded, however it came about."""
    tasks.register_task("fine", lambda: 1)
    with pytest.raises(DocumentInvalid):
        await manager.run(by_hand(**changes))
    with pytest.raises(DocumentInvalid):
        manager.create_flow_execution(by_hand(**changes))
    assert (await manager.executions()).items == []
    assert (await manager.run(by_hand(tasks=[FINE]))).status is FlowStatus.COMPLETED


async def test_a_flow_that_is_changed_is_another_flow(manager, tasks) -> None:
    """Parameters of a loaded flow can be changed: executions made before keep theirs, those made after get the new."""
    tasks.register_task("fine", lambda n: n)
    flow = manager.load_flow_config(
        {"id": "f", "name": "F", "start_task": "fine", "tasks": [{"name": "fine", "parameters": {"n": 1}}]}
    )
    before, left = manager.create_flow_execution(flow), manager.create_flow_execution(flow)
    flow.tasks[0].parameters["n"] = 2
    with pytest.raises(FlowMismatch):
        await manager.execute_flow(before, flow)
    assert (await manager.execute_flow(left)).task_results["fine"].data == 1
    after = await manager.run(flow)
    assert after.task_results["fine"].data == 2
    assert (await manager.machine_of(after.execution_id)).flow.tasks[0].parameters == {"n": 2}
    assert (await manager.verify()).ok
