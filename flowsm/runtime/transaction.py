"""An attempt that ends with a transaction: its result is known only inside the append that records it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flowsm.errors import UsageError
from flowsm.events.commands import RecordResult
from flowsm.log.port import Append, Appended, EventLog, Guarded, TransactionalLog
from flowsm.machine.state import ExecutionState
from flowsm.status import TaskStatus

__all__ = ["TransactionEnd", "append_after"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionEnd:
    """The end of an attempt, to be.

    `function` is given a guarded connection, for `seconds`; `result_of` makes the command that records what it
    returned, or raised.
    """

    task: str
    visit: int
    attempt: int
    function: Callable[[Any], Any]
    seconds: float
    result_of: Callable[[Any, BaseException | None], RecordResult]


async def append_after(
    log: EventLog,
    state: ExecutionState,
    ending: TransactionEnd,
    epoch: int,
    decide: Callable[[RecordResult], tuple[Append, ExecutionState]],
) -> tuple[Appended, Append, ExecutionState]:
    """Run the function and record what came of it, in one transaction; what a failure wrote does not stay.

    `decide` gives the batch for a result, and the state that it leads to. Errors as those of
    `TransactionalLog.append_after`.
    """
    if not isinstance(log, TransactionalLog):
        raise UsageError(f"context.transaction needs a log in a file, {type(log).__name__} is none")
    gate = Append(stream=state.stream, expected_seq=state.seq, at=state.updated_at, epoch=epoch)
    batch, after = gate, state

    def settle(value: Any, failed: BaseException | None) -> tuple[bool, Append]:
        nonlocal batch, after
        command = ending.result_of(value, failed)
        batch, after = decide(command)
        return command.status != TaskStatus.FAILURE.value, batch

    guarded = Guarded(function=ending.function, seconds=ending.seconds, settle=settle)
    appended = await log.append_after(gate, guarded)
    return appended, batch, after
