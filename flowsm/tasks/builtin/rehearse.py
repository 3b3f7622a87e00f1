"""Failures on purpose, to see what a flow does then."""

from __future__ import annotations

import hashlib
import random
from typing import Final

from flowsm.tasks.context import TaskContext

__all__ = ["rehearsed_failure"]

_BITS: Final = 64


def rehearsed_failure(rate: float, seed: int | str | None, context: TaskContext) -> str | None:
    """The message of a failure that is to be rehearsed now, or None.

    With a seed it depends on nothing but the seed, the task's name, the visit and the attempt.
    """
    if rate <= 0 or _chance(seed, context) >= rate:
        return None
    return f"rehearsed failure (failure_rate {rate:g}, attempt {context.attempt})"


def _chance(seed: int | str | None, context: TaskContext) -> float:
    if seed is None:
        return random.random()  # noqa: S311 - a rehearsal, not a secret
    text = f"{seed}\0{context.task_name}\0{context.visit}\0{context.attempt}"
    digest = hashlib.sha256(text.encode()).digest()
    return int.from_bytes(digest[: _BITS // 8], "big") / float(1 << _BITS)
