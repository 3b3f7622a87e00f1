"""What the tests of the built-in tasks share."""

from __future__ import annotations

import pytest

from flowsm.definition.model import TaskConfig
from flowsm.status import TaskStatus
from flowsm.tasks.factory import TaskFactory
from flowsm.tasks.outcome import normalise
from flowsm.tasks.result import TaskResult


@pytest.fixture
def run(make_context, tmp_path, monkeypatch):
    """Runs one attempt of a built-in task in the working folder `tmp_path`, and gives the normalised result."""
    monkeypatch.chdir(tmp_path)

    async def run_task(task_type, records=None, /, *, context=None, **parameters):
        if context is None:
            previous = {} if records is None else {"before": with_records(records)}
            context = make_context(previous_results=previous)
        made = TaskFactory().create(TaskConfig(name="t", task_type=task_type, parameters=parameters))
        return normalise(await made.execute(context), "t").result

    return run_task


def with_records(records):
    return TaskResult(task_name="before", status=TaskStatus.SUCCESS, data={"records": records})
