from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowsm.definition.model import RetryPolicy
from flowsm.events.facts import ErrorInfo
from flowsm.machine.retry import delay_seconds, is_retryable


@pytest.mark.parametrize(
    ("attempt", "chance", "expected"),
    [(1, 0.5, 1.0), (2, 0.5, 2.0), (3, 0.5, 4.0), (4, 0.5, 5.0), (1, 0.0, 0.8), (3, 1.0, 4.8), (9, 0.0, 4.0)],
)
def test_the_delay_grows_up_to_its_bound_and_is_spread(attempt: int, chance: float, expected: float) -> None:
    """Exponential up to `max_interval`, then moved by up to ± jitter."""
    policy = RetryPolicy(initial_interval=1, backoff_coefficient=2, max_interval=5, jitter=0.2)
    assert delay_seconds(policy, attempt, chance) == pytest.approx(expected)


def test_the_delay_does_not_overflow() -> None:
    """However many attempts, the delay is at most `max_interval`."""
    policy = RetryPolicy(initial_interval=1, backoff_coefficient=1000, max_interval=60, jitter=0)
    assert delay_seconds(policy, 1000, 0.5) == 60


@given(
    st.floats(0, 1e7),
    st.floats(1, 1000),
    st.floats(0, 1e7),
    st.floats(0, 1),
    st.integers(1, 1000),
    st.floats(0, 1, exclude_max=True),
)
def test_the_delay_is_never_negative_nor_beyond_its_bound(
    initial: float, coefficient: float, most: float, jitter: float, attempt: int, chance: float
) -> None:
    """For every policy that a document can give, the delay lies between 0 and max_interval · (1 + jitter)."""
    policy = RetryPolicy(initial_interval=initial, backoff_coefficient=coefficient, max_interval=most, jitter=jitter)
    assert 0 <= delay_seconds(policy, attempt, chance) <= most * (1 + jitter) + 1e-6


def test_which_errors_are_tried_again() -> None:
    """Attempts are bounded; errors whose class, or a base of it, is listed are not tried again."""
    policy = RetryPolicy(max_attempts=3, non_retryable_errors=("OSError",))
    assert is_retryable(policy, 2, None)
    assert not is_retryable(policy, 3, None)
    assert is_retryable(policy, 1, ErrorInfo(type="ValueError", message="", types=("ValueError", "Exception")))
    assert not is_retryable(policy, 1, ErrorInfo(type="OSError", message=""))
    assert not is_retryable(policy, 1, ErrorInfo(type="FileNotFoundError", message="", types=("OSError",)))
