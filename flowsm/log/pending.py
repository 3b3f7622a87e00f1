"""A batch made ready on the caller's side, so that the transaction is short."""

from __future__ import annotations

from flowsm.errors import UsageError
from flowsm.events.codec import encode_fact, encode_known, split_payloads
from flowsm.events.facts import Unknown
from flowsm.limits import APPEND_MAX_EVENTS, PAYLOAD_INLINE_MAX_BYTES
from flowsm.log.places import Claims
from flowsm.log.port import Append
from flowsm.log.port_limits import LimitedAppend
from flowsm.log.starts import Start, start_of

__all__ = ["Pending", "prepare", "prepare_limited"]


class Pending:
    """A batch with its events encoded: (type, version, bytes of `data`), and the large values by digest.

    `start` is what it claims besides: the key of an execution that it creates with one, or places under limits.
    """

    __slots__ = ("batch", "events", "payloads", "start")

    def __init__(self, batch: Append, events: list[tuple[str, int, bytes]], payloads: dict[str, bytes]) -> None:
        self.batch = batch
        self.events = events
        self.payloads = payloads
        self.start: Start | Claims | None = None if batch.expected_seq else start_of(batch.facts, batch.at)


def prepare(batch: Append) -> Pending:
    """Encode the batch's facts, and move their large values out.

    Raises:
        UsageError: there are more than `APPEND_MAX_EVENTS`.
    """
    if len(batch.facts) > APPEND_MAX_EVENTS:
        raise UsageError(f"expected at most {APPEND_MAX_EVENTS} events in one append, got {len(batch.facts)}: split it")
    events: list[tuple[str, int, bytes]] = []
    payloads: dict[str, bytes] = {}
    for fact in batch.facts:
        if type(fact) is Unknown:
            events.append((fact.type, fact.version, encode_fact(fact)))
            continue
        data = encode_known(fact)
        if len(data) > PAYLOAD_INLINE_MAX_BYTES:
            _, data, moved = split_payloads(fact, data)
            payloads |= moved
        events.append((fact.TYPE, fact.VERSION, data))
    return Pending(batch, events, payloads)


def prepare_limited(batch: LimitedAppend) -> Pending:
    """The same for a batch that needs places."""
    pending = prepare(batch)
    pending.start = Claims(batch, pending.start if isinstance(pending.start, Start) else None)
    return pending
