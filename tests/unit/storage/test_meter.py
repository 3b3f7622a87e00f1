"""What is counted of a writer's transactions."""

from __future__ import annotations

import asyncio
import sqlite3
from math import inf

from flowsm.storage.meter import GROUP_BOUNDS, LATENCY_BOUNDS_SECONDS, Meter
from flowsm.storage.writer import Writer


def test_bounds_are_inclusive_and_counts_add_up():
    """A transaction at a bound is within it; each bound counts all below it too, and the last counts all."""
    meter = Meter()
    for requests, seconds in ((1, 0.0005), (2, 0.00051), (3, 99.0), (513, 0.0)):
        meter.note(requests, seconds)
    latencies, sizes = dict(meter.latency_counts()), dict(meter.size_counts())
    assert (latencies[0.0005], latencies[0.001], latencies[10.0], latencies[inf]) == (2, 3, 3, 4)
    assert (sizes[1], sizes[2], sizes[4], sizes[512], sizes[inf]) == (1, 2, 3, 3, 4)
    assert (meter.requests, round(meter.seconds, 5)) == (519, 99.00101)
    assert list(latencies) == [*LATENCY_BOUNDS_SECONDS, inf]
    assert list(sizes) == [*GROUP_BOUNDS, inf]


async def test_a_writer_counts_its_groups():
    """Requests that shared a transaction are one of that size, whose latency begins when the first was submitted."""

    class Work:
        def __call__(self, connection, requests):
            return list(requests)

        def settled(self, committed):
            pass

    def connector():
        return sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)

    writer = Writer("p", connector, Work(), asyncio.get_running_loop())
    begun = asyncio.get_running_loop().time()
    await asyncio.gather(*map(writer.submit, range(3)))
    await writer.run(lambda connection: None)
    took = asyncio.get_running_loop().time() - begun
    await writer.close()
    assert writer.meter.requests == 4
    assert dict(writer.meter.size_counts())[1] == 1
    assert dict(writer.meter.size_counts())[4] == 2
    assert 0 < writer.meter.seconds <= took
