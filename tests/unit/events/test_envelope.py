from __future__ import annotations

import msgspec

from flowsm.events.envelope import Recorded
from flowsm.events.facts import ExecutionStarted, Fact, Unknown


def recorded(type_: str, fact: Fact) -> Recorded:
    return Recorded(position=7, stream="x", seq=2, at="t", type=type_, version=1, fact=fact, digest="d")


def test_an_event_as_json_data() -> None:
    """An event shows its place, its type and its data; defaults are left out."""
    assert recorded("execution.started", ExecutionStarted(worker="w")).as_dict() == {
        "position": 7,
        "stream": "x",
        "seq": 2,
        "type": "execution.started",
        "version": 1,
        "at": "t",
        "data": {"worker": "w"},
        "digest": "d",
    }


def test_an_unknown_event_shows_the_data_that_it_has() -> None:
    """The data of an event that this flowsm does not know is shown as stored."""
    fact = Unknown(type="from.tomorrow", version=1, data=msgspec.Raw(b'{"x":[1]}'))
    assert recorded("from.tomorrow", fact).as_dict()["data"] == {"x": [1]}
