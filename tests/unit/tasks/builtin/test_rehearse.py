from __future__ import annotations

import pytest

from flowsm.status import TaskStatus
from flowsm.tasks.builtin.rehearse import rehearsed_failure


@pytest.mark.parametrize("task_type", ["fetch_data", "process_data", "store_data"])
async def test_rehearsed_failure(run, task_type):
    """A built-in task fails on purpose, in clear words, and says so in its result."""
    result = await run(task_type, [{"a": 1}], failure_rate=1)
    assert result.status is TaskStatus.FAILURE
    assert result.error == "rehearsed failure (failure_rate 1, attempt 1)"
    assert (await run(task_type, [{"a": 1}], failure_rate=0)).status is TaskStatus.SUCCESS


def test_with_a_seed_always_the_same(make_context):
    """With a seed the same attempts fail every time, and another task, visit, attempt or seed is another draw."""

    def draw(seed, **changes):
        return rehearsed_failure(0.5, seed, make_context(**changes)) is not None

    def draws(seed, **changes):
        return [draw(seed, attempt=attempt, **changes) for attempt in range(64)]

    first = draws(7)
    assert first == draws(7)
    assert 16 < sum(first) < 48
    assert first != draws(8)
    assert first != draws(7, task_name="u")
    assert first != draws(7, visit=2)


def test_without_a_seed_by_chance(context):
    """Without a seed about `failure_rate` of the attempts fail."""
    failed = sum(rehearsed_failure(0.5, None, context) is not None for _ in range(1000))
    assert 300 < failed < 700
