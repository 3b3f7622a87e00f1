"""The end of an attempt by a transaction, where there is no file to write to."""

from __future__ import annotations

import pytest

from flowsm.errors import UsageError
from flowsm.log.memory import MemoryEventLog
from flowsm.machine.state import new_state
from flowsm.runtime.transaction import TransactionEnd, append_after


async def test_a_log_without_a_file_is_refused() -> None:
    """A log in memory has no transactions for others: that is said, and the function does not run."""

    def never(*_: object) -> None:
        raise AssertionError

    ending = TransactionEnd(task="a", visit=1, attempt=1, function=never, seconds=1, result_of=never)
    with pytest.raises(UsageError, match="needs a log in a file, MemoryEventLog is none"):
        await append_after(MemoryEventLog(), new_state("x"), ending, 1, never)
