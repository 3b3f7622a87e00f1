"""The log in memory and the one in SQLite answer alike, whatever is appended."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from flowsm.log.memory import MemoryEventLog
from flowsm.log.port import Append
from flowsm.log.sqlite import SqliteEventLog
from flowsm.testing.log_contract import AT, created, started

BATCHES = st.builds(
    Append,
    stream=st.sampled_from("abc"),
    expected_seq=st.integers(0, 6),
    at=st.just(AT),
    facts=st.lists(st.sampled_from([created(), started(), started("ü")]), max_size=3).map(tuple),
    epoch=st.none() | st.integers(0, 2),
    claim=st.booleans(),
    worker=st.sampled_from(["w-1", "w-2"]),
)


@settings(max_examples=60, deadline=None)
@given(groups=st.lists(st.lists(BATCHES, min_size=1, max_size=8), max_size=8))
def test_two_implementations_give_one_history(groups):
    """Every result, refusal, head and event is the same: the check, the order and the chain are the contract's."""
    assert asyncio.run(history(SqliteEventLog(":memory:", durability="normal"), groups)) == asyncio.run(
        history(MemoryEventLog(), groups)
    )


async def history(log, groups):
    """What comes of the groups, each appended at once."""
    told = []
    for group in groups:
        results = await asyncio.gather(*map(log.append, group), return_exceptions=True)
        told += [str(result) if isinstance(result, Exception) else result for result in results]
    told += [await log.head(stream) for stream in "abc"]
    told += [await log.read(stream) for stream in "abc"]
    told += [pair async for pair in log.read_all()]
    await log.close()
    return told
