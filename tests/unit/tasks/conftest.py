"""What the tests of tasks share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from flowsm.tasks import factory
from flowsm.tasks.context import Permissions, TaskContext


@pytest.fixture
def make_context(tmp_path: Path) -> Callable[..., TaskContext]:
    """Makes contexts whose only allowed folder is `tmp_path`."""

    def make(**changes):
        values = {
            "execution_id": "e1",
            "flow_id": "f",
            "flow_name": "F",
            "task_name": "t",
            "input": None,
            "previous_results": {},
            "attempt": 1,
            "visit": 1,
            "idempotency_key": "e1:t:1",
            "deadline": None,
            "permissions": Permissions(folders=(tmp_path,)),
        }
        return TaskContext(**(values | changes))

    return make


@pytest.fixture
def context(make_context) -> TaskContext:
    return make_context()


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> factory.TaskFactory:
    """A default registry of this test's own."""
    monkeypatch.setattr(factory, "_default", None)
    return factory.default_registry()
