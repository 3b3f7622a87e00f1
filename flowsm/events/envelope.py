"""The two sides of recording: a pending event is a fact without a place; a recorded one has it for ever."""

from __future__ import annotations

from typing import Any

import msgspec

from flowsm.events.codec import encode_fact
from flowsm.events.facts import Fact

__all__ = ["Recorded"]


class Recorded(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A fact with its place in the log.

    `position` counts over the whole log, `seq` within the stream, from 1. `at` is `clock.timestamp` text.
    `digest` (hex) seals the event and all before it in its stream.
    """

    position: int
    stream: str
    seq: int
    at: str
    type: str
    version: int
    fact: Fact
    digest: str

    def as_dict(self) -> dict[str, Any]:
        """The event as JSON data, as the command line prints it."""
        return {
            "position": self.position,
            "stream": self.stream,
            "seq": self.seq,
            "type": self.type,
            "version": self.version,
            "at": self.at,
            "data": msgspec.json.decode(encode_fact(self.fact)),
            "digest": self.digest,
        }
