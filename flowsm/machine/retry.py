"""When a failed attempt is followed by another: exponential backoff with jitter, as data."""

from __future__ import annotations

from typing import Final

from flowsm.definition.model import RetryPolicy
from flowsm.events.facts import ErrorInfo

__all__ = ["INTERRUPTED", "NEVER_RETRIED", "RESOLVED_AS_FAILURE", "delay_seconds", "is_retryable"]

INTERRUPTED: Final = "TaskInterrupted"
"""The error type of an interrupted attempt whose task runs at most once (`on_interrupt` is `fail`)."""
RESOLVED_AS_FAILURE: Final = "ResolvedAsFailure"
"""The error type of an attempt that a person gave up."""
NEVER_RETRIED: Final = frozenset(
    {INTERRUPTED, RESOLVED_AS_FAILURE, "InvalidParameters", "SubflowTooDeep", "UnresolvedReference"}
)
"""Failures that the engine itself found, and that another attempt would find again."""


def delay_seconds(policy: RetryPolicy, attempt: int, chance: float) -> float:
    """Seconds to wait after the failure of attempt 1, 2, …; `chance` in [0, 1) spreads it.

    `initial_interval · backoff_coefficient^(attempt - 1)`, at most `max_interval`, then moved by up to
    ± `jitter` of itself. Microseconds are the finest that is recorded.
    """
    try:
        grown = policy.initial_interval * policy.backoff_coefficient ** (attempt - 1)
    except OverflowError:
        grown = policy.max_interval
    bounded = min(grown, policy.max_interval)
    return round(bounded * (1 + policy.jitter * (2 * chance - 1)), 6)


def is_retryable(policy: RetryPolicy, attempt: int, error: ErrorInfo | None) -> bool:
    """Whether the policy lets an attempt that failed with this error be followed by another.

    `non_retryable_errors` match the exception's class name or that of a base.
    """
    if attempt >= policy.max_attempts:
        return False
    names = {error.type, *error.types} if error else set()
    return names.isdisjoint(policy.non_retryable_errors) and names.isdisjoint(NEVER_RETRIED)
