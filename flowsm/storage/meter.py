"""What a writer's transactions took: counted as they are made, in two additions and two searches each."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from itertools import accumulate
from math import inf
from typing import Final

__all__ = ["GROUP_BOUNDS", "LATENCY_BOUNDS_SECONDS", "Meter"]

LATENCY_BOUNDS_SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0)
GROUP_BOUNDS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


class Meter:
    """Counts of one writer.

    `latencies` and `sizes` say how many transactions were within each bound, and above the one before it; their last
    entries those above all bounds. The latency of a transaction is that of the request that waited longest for it.
    """

    __slots__ = ("latencies", "requests", "seconds", "sizes")

    def __init__(self) -> None:
        self.requests = 0
        self.seconds = 0.0
        self.latencies = [0] * (len(LATENCY_BOUNDS_SECONDS) + 1)
        self.sizes = [0] * (len(GROUP_BOUNDS) + 1)

    def note(self, requests: int, seconds: float) -> None:
        """A transaction of so many requests was answered, so long after the first of them was submitted."""
        self.requests += requests
        self.seconds += seconds
        self.latencies[bisect_left(LATENCY_BOUNDS_SECONDS, seconds)] += 1
        self.sizes[bisect_left(GROUP_BOUNDS, requests)] += 1

    def latency_counts(self) -> list[tuple[float, int]]:
        """How many transactions were answered within each bound in seconds, the last of them infinite."""
        return _within(LATENCY_BOUNDS_SECONDS, self.latencies)

    def size_counts(self) -> list[tuple[float, int]]:
        """How many had at most so many requests, the last bound being infinite."""
        return _within(GROUP_BOUNDS, self.sizes)


def _within(bounds: Iterable[float], counts: Iterable[int]) -> list[tuple[float, int]]:
    return list(zip((*bounds, inf), accumulate(counts), strict=True))
