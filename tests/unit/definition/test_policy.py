"""A task's policy: its own fields first, then its parameters."""

from __future__ import annotations

import pytest

from flowsm.definition.model import RetryPolicy, TaskConfig
from flowsm.definition.policy import task_retry, task_timeout


def task(**fields):
    return TaskConfig(name="a", task_type="a", **fields)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (30, 30.0),
        (0.5, 0.5),
        (0, None),
        (-1, None),
        (True, None),
        ("30", None),
        ({"$from": "/input"}, None),
        (1e12, None),
        (None, None),
    ],
)
def test_a_timeout_in_the_parameters_counts_if_it_is_usable(value, seconds):
    """Seconds above 0 are a timeout; anything else is ignored."""
    assert task_timeout(task(parameters={"timeout": value})) == seconds


@pytest.mark.parametrize(
    ("value", "attempts"), [(0, 1), (2, 3), (2.0, 3), (1.5, 1), (-1, 1), (True, 1), ("2", 1), (999, 1000), (1000, 1)]
)
def test_a_retry_count_in_the_parameters_counts_retries_after_the_first_attempt(value, attempts):
    """A count of n is n + 1 attempts with the default intervals; what is no count is ignored."""
    assert task_retry(task(parameters={"retry_count": value})) == RetryPolicy(max_attempts=attempts)


def test_a_task_s_own_fields_win():
    """`timeout` and `retry` hold where they are given, and nothing is one attempt without limit."""
    own = task(timeout=1.0, retry=RetryPolicy(max_attempts=7), parameters={"timeout": 5, "retry_count": 9})

    assert (task_timeout(own), task_retry(own).max_attempts) == (1.0, 7)
    assert (task_timeout(task()), task_retry(task()).max_attempts) == (None, 1)
