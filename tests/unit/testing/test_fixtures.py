"""The pytest fixtures."""

from __future__ import annotations

from datetime import timedelta

from flowsm.sync import FlowManager
from flowsm.tasks.factory import TaskFactory
from flowsm.testing.clock import ManualClock
from flowsm.testing.fixtures import flow_manager, flow_tasks, manual_clock

__all__ = ["flow_manager", "flow_tasks", "manual_clock"]


def test_a_manager_of_the_tests_own(flow_tasks: TaskFactory, flow_manager: FlowManager) -> None:
    """It runs the tasks that the test registers, in a log that nobody else sees."""
    flow_tasks.register_task("mine", lambda: 7)
    flow = {"id": "f", "name": "F", "start_task": "a", "tasks": [{"name": "a", "task_type": "mine"}]}
    assert flow_manager.run(flow).task_results["a"].data == 7


def test_a_clock_that_stands_still(manual_clock: ManualClock) -> None:
    """It goes on when it is told to."""
    before = manual_clock.now()
    manual_clock.advance(3)
    assert manual_clock.now() - before == timedelta(seconds=3)
