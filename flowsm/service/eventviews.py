"""Events as they are answered and streamed: `data` is the JSON text that is stored."""

from __future__ import annotations

import msgspec

from flowsm.events.codec import encode_fact
from flowsm.events.envelope import Recorded

__all__ = ["EventPage", "EventView", "event_view"]


class EventView(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What happened, with its place in the log, as `flowsm events --json` prints it."""

    position: int
    stream: str
    seq: int
    type: str
    version: int
    at: str
    data: msgspec.Raw
    digest: str


class EventPage(msgspec.Struct, frozen=True, kw_only=True):
    """Events in order; `after` asks for those that come next, None at the end."""

    items: list[EventView]
    after: int | None


def event_view(event: Recorded) -> EventView:
    """An event as it is answered."""
    return EventView(
        position=event.position,
        stream=event.stream,
        seq=event.seq,
        type=event.type,
        version=event.version,
        at=event.at,
        data=msgspec.Raw(encode_fact(event.fact)),
        digest=event.digest,
    )
