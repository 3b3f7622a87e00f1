"""Searching a history: the next event in whose type, words or data a text occurs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Final

import msgspec

from flowsm.events.envelope import Recorded
from flowsm.replay.history import History
from flowsm.wording.facts import describe

__all__ = ["find"]

_AT_ONCE_EVENTS: Final = 500
"""So many are looked at before others have a turn."""


async def find(history: History, after: int, text: str) -> int | None:
    """The seq of the next event after this one with the text in it, going on at the first; None where there is none.

    Case does not matter.

    Raises:
        LogBroken: a stored event is not what was recorded.
    """
    wanted = text.casefold()
    for number, seq in enumerate(_order(after, history.last)):
        if wanted in _text(history.event(seq)).casefold():
            return seq
        if number % _AT_ONCE_EVENTS == _AT_ONCE_EVENTS - 1:
            await asyncio.sleep(0)
    return None


def _order(after: int, last: int) -> Iterator[int]:
    yield from range(after + 1, last + 1)
    yield from range(1, min(after, last) + 1)


def _text(event: Recorded) -> str:
    return f"{event.type} {describe(event.fact)} {msgspec.json.encode(event.fact).decode()}"
