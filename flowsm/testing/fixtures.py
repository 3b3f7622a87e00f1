"""pytest fixtures: `pytest_plugins = ["flowsm.testing.fixtures"]` in a `conftest.py`, or import those that are wanted."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from flowsm.sync import FlowManager
from flowsm.tasks.factory import TaskFactory
from flowsm.testing.clock import ManualClock

__all__ = ["flow_manager", "flow_tasks", "manual_clock"]


@pytest.fixture
def manual_clock() -> ManualClock:
    """A clock that stands still until the test advances it."""
    return ManualClock()


@pytest.fixture
def flow_tasks() -> TaskFactory:
    """A registry of this test's own, with the built-in task types."""
    return TaskFactory()


@pytest.fixture
def flow_manager(flow_tasks: TaskFactory) -> Iterator[FlowManager]:
    """A manager without `await`, with the tasks of `flow_tasks` and a log of its own, which is gone after the test."""
    with FlowManager(":memory:", tasks=flow_tasks, durability="normal") as manager:
        yield manager
