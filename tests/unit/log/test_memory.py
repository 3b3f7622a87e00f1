"""What the log in memory adds to the contract."""

from __future__ import annotations

import pytest

from flowsm.errors import LogBroken, LogUnavailable
from flowsm.log.memory import MemoryEventLog
from flowsm.log.port import Increment, RowChange
from flowsm.testing.log_contract import created, to_append


async def test_rows_are_kept():
    """Row changes are kept in order, those of refused batches not."""
    log = MemoryEventLog()
    rows = (RowChange("s", (1,)), Increment("t", ("k",), (1,)))
    await log.append(to_append("a", 0, rows=rows))
    with pytest.raises(Exception, match="is at seq 0"):
        await log.append(to_append("a", 1, rows=rows))
    assert log.rows == list(rows)
    assert await log.head("a") is None


async def test_a_missing_payload_is_found():
    """A large value that is not what was recorded breaks the stream."""
    log = MemoryEventLog()
    log.append_sync(to_append("a", 0, created(input="x" * 100_000)))
    log._payloads.clear()
    with pytest.raises(LogBroken, match="payload"):
        await log.read("a", inflated=True)


async def test_release():
    """After `release` nothing is answered."""
    log = MemoryEventLog()
    log.release()
    with pytest.raises(LogUnavailable, match="closed"):
        await log.head("a")
