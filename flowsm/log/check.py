"""May this batch be appended to a stream with this head? Pure; the same for every store."""

from __future__ import annotations

from collections.abc import Callable

from flowsm.errors import Conflict, ExecutionNotFound, Fenced, LeaseHeld
from flowsm.log.port import Append, Worker

__all__ = ["refusal"]


def refusal(
    batch: Append, seq: int, epoch: int, owner: str, living: Callable[[str], Worker | None]
) -> Exception | None:
    """Why the batch is refused by a stream at `seq` (0: no such stream), `epoch` and `owner`; None when it is not.

    Fenced comes first: an owner that was replaced stops, whatever else has happened. A claim of what belongs to
    another worker asks `living` for that worker's row, which gives None unless it is alive.
    """
    if batch.epoch is not None and batch.epoch != epoch:
        return Fenced(batch.stream, batch.epoch, epoch)
    if batch.claim and seq and not batch.expected_seq and batch.facts:
        return Conflict(batch.stream, 0, seq)  # the id is taken, whoever has it
    if batch.claim and owner and owner != batch.worker:
        holder = living(owner)
        if holder is not None:
            return LeaseHeld(batch.stream, owner, holder.host, holder.pid)
    if batch.claim and not batch.facts:
        return None if seq else ExecutionNotFound(batch.stream)
    if batch.expected_seq != seq:
        return Conflict(batch.stream, batch.expected_seq, seq)
    return None
