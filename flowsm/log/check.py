"""May this batch be appended to a stream with this head? Pure; the same for every store."""

from __future__ import annotations

from flowsm.errors import Conflict, ExecutionNotFound, Fenced
from flowsm.log.port import Append

__all__ = ["refusal"]


def refusal(batch: Append, seq: int, epoch: int) -> Exception | None:
    """Why the batch is refused by a stream at `seq` (0: no such stream) and `epoch`; None when it is not.

    Fenced comes first: an owner that was replaced stops, whatever else has happened.
    """
    if batch.epoch is not None and batch.epoch != epoch:
        return Fenced(batch.stream, batch.epoch, epoch)
    if batch.claim and not batch.facts:
        return None if seq else ExecutionNotFound(batch.stream)
    if batch.expected_seq != seq:
        return Conflict(batch.stream, batch.expected_seq, seq)
    return None
