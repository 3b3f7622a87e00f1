from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowsm.events import codec
from flowsm.events.codec import decode_fact, encode_fact, inflate, split_payloads
from flowsm.events.facts import (
    FACTS,
    ErrorInfo,
    ExecutionCreated,
    Fact,
    Operand,
    TaskCompleted,
    TaskStarted,
    TransitionTaken,
    Unknown,
)
from flowsm.limits import PAYLOAD_INLINE_MAX_BYTES

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)
LARGE = "x" * PAYLOAD_INLINE_MAX_BYTES


def completed(**more: Any) -> TaskCompleted:
    return TaskCompleted(**{"task": "a", "visit": 1, "attempt": 1, "status": "success", "outcome": "success"} | more)


def test_tags_are_written_by_hand_and_differ() -> None:
    """Every fact has a tag of its own, with a version; no class path is in it."""
    tags = [(fact.TYPE, fact.VERSION) for fact in FACTS]
    assert len(set(tags)) == len(tags)
    assert all(type_.count(".") == 1 and type_ == type_.lower() and version >= 1 for type_, version in tags)


@given(JSON)
def test_a_fact_is_read_back_as_it_was(data: Any) -> None:
    """Whatever JSON value a task gave, the stored fact is the fact."""
    fact = completed(data=data, error=ErrorInfo(type="E", message="m", types=("E",)), warnings=("w",))
    assert decode_fact(fact.TYPE, fact.VERSION, encode_fact(fact)) == fact
    assert decode_fact(fact.TYPE, fact.VERSION, encode_fact(fact).decode()) == fact


def test_nested_values_are_read_back() -> None:
    """Operands within a transition are structs again."""
    operand = Operand(path="/input", op="eq", wanted=1, seen={"a": [1]}, held=False)
    fact = TransitionTaken(source="a", target="b", trigger="o0", outcome="success", operands=(operand,))
    assert decode_fact(fact.TYPE, 1, encode_fact(fact)) == fact


def test_unknown_fields_are_tolerated() -> None:
    """A field that a later flowsm added is passed over."""
    assert decode_fact("execution.started", 1, b'{"worker":"w","colour":"blue"}').worker == "w"


@pytest.mark.parametrize(("type_", "version"), [("from.tomorrow", 1), ("execution.started", 99)])
def test_unknown_types_and_versions_are_kept_as_they_are(type_: str, version: int) -> None:
    """What this flowsm does not know keeps its bytes."""
    data = b'{"x": 1 }'
    for given_as in (data, data.decode()):
        fact = decode_fact(type_, version, given_as)
        assert isinstance(fact, Unknown)
        assert (fact.type, fact.version) == (type_, version)
        assert encode_fact(fact) == data


def test_bytes_that_are_no_such_fact_are_refused() -> None:
    """Damage is an error, not a guess."""
    for data in (b"{", b"[]", b'{"worker": 1}'):
        with pytest.raises(msgspec.DecodeError):
            decode_fact("execution.started", 1, data)


def test_old_versions_are_brought_up_to_date(monkeypatch: pytest.MonkeyPatch) -> None:
    """An event of an older version goes through its upcaster when it is read."""
    monkeypatch.setitem(codec.UPCASTERS, ("execution.started", 0), lambda old: {"worker": old["by"]})
    assert decode_fact("execution.started", 0, b'{"by":"w"}') == decode_fact("execution.started", 1, b'{"worker":"w"}')


@pytest.mark.parametrize(
    ("fact", "field"),
    [
        (completed(data=[LARGE]), "data"),
        (ExecutionCreated(flow_id="f", flow_name="F", digest="d", input={"x": LARGE}), "input"),
        (TaskStarted(task="a", visit=1, attempt=1, worker="w", parameters={"x": LARGE}), "parameters"),
    ],
)
def test_large_values_move_out_and_come_back(fact: Fact, field: str) -> None:
    """A large value is replaced by its digest and size, and is whole again once it is loaded."""
    slim, data, payloads = split_payloads(fact, encode_fact(fact))
    assert len(data) < 1_000
    ((digest, text),) = payloads.items()
    assert slim.stored[field].digest == digest
    assert slim.stored[field].size == len(text) > PAYLOAD_INLINE_MAX_BYTES
    assert decode_fact(fact.TYPE, fact.VERSION, data) == slim
    assert inflate(slim, payloads.__getitem__) == fact


@pytest.mark.parametrize(
    "fact",
    [
        completed(data="x" * 1_000),
        completed(message=LARGE),
        TransitionTaken(source=LARGE, target="b", trigger="o0"),
    ],
)
def test_what_is_small_or_cannot_move_stays(fact: Fact) -> None:
    """Only the fields that are declared large move, and only when they are."""
    data = encode_fact(fact)
    assert split_payloads(fact, data) == (fact, data, {})
    assert inflate(fact, dict[str, bytes]().__getitem__) is fact
