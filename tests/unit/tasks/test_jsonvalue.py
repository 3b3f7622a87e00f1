from __future__ import annotations

import dataclasses
import uuid
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from enum import Enum

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowsm.limits import RESULT_MAX_DEPTH
from flowsm.tasks import jsonvalue
from flowsm.tasks.jsonvalue import NotJson, json_form

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@dataclasses.dataclass
class Point:
    x: object
    y: object = 0


class Shape(msgspec.Struct):
    a: object
    b: object | msgspec.UnsetType = msgspec.UNSET


class Colour(Enum):
    RED = "red"


class Loud:
    def __eq__(self, other):
        raise RuntimeError("compared")

    __hash__ = None


class Lost(tzinfo):
    def utcoffset(self, moment):
        raise ValueError("no offset")


class LoudDict(dict):
    def __eq__(self, other):
        raise RuntimeError("compared")

    __hash__ = None


ODD = st.recursive(
    st.none()
    | st.floats()
    | st.text(st.characters(categories=["L", "Cs"]))
    | st.binary()
    | st.decimals()
    | st.datetimes()
    | st.timedeltas()
    | st.uuids()
    | st.sampled_from([Colour.RED, Colour, object(), Loud(), range(3), Point(float("nan"))]),
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner)
        | st.builds(Shape, inner, inner)
        | st.dictionaries(
            st.text(st.characters(categories=["L", "Cs"])) | st.integers() | st.floats() | st.none(), inner
        )
    ),
    max_leaves=10,
)


def nested(levels):
    value = 1
    for _ in range(levels):
        value = [value]
    return value


@given(JSON)
def test_json_is_itself(value):
    """What is JSON already is given back equal."""
    assert json_form(value) == value


@given(ODD)
def test_json_or_a_clear_refusal(value):
    """Any value whatever has a JSON form that is its own JSON round trip, or is refused with a place."""
    refusal = form = None
    try:
        form = json_form(value)
    except NotJson as error:
        refusal = str(error)
    assert refusal is None or refusal.startswith("/")
    assert msgspec.json.decode(msgspec.json.encode(form)) == form


@pytest.mark.parametrize(
    ("value", "form"),
    [
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Decimal("1.50"), "1.50"),
        (Colour.RED, "red"),
        (datetime(2024, 1, 2, tzinfo=UTC), "2024-01-02T00:00:00Z"),
        (Point((1, 2)), {"x": [1, 2], "y": 0}),
        (Shape({"k": Point(None)}), {"a": {"k": {"x": None, "y": 0}}}),
        ({1: 2, "ü": 3, Colour.RED: 4}, {"1": 2, "ü": 3, "red": 4}),
        (frozenset({1}), [1]),
        (b"\0", "AA=="),
        (2**80, 2**80),
    ],
)
def test_json_form(value, form):
    """What has a JSON form is given back in it."""
    assert json_form(value) == form


@pytest.mark.parametrize(
    ("value", "pointer", "word"),
    [
        (float("nan"), "", "nan"),
        ({"a": [1, {"b/c": float("-inf")}]}, "/a/1/b~1c", "-inf"),
        (Point(1, Shape(float("inf"))), "/y/a", "inf"),
        ({"a": object()}, "/a", "'object'"),
        ([1, {2, object}], "/1", "'type'"),
        ("a\ud800", "", "surrogate"),
        ({"k": {"\ud800": 1}}, "/k", "surrogate"),
        ({(1,): 1}, "", "use str()"),
        ({None: 1}, "", "use str()"),
        ({"k": {1: "a", "1": "b"}}, "/k", "the same in JSON"),
        ({"small": 1.5, "big": 10**5000}, "/big", "too many digits"),
        (LoudDict(a=float("nan")), "/a", "nan"),
        (LoudDict(a=1), "", "compared"),
        ({"a": datetime(2024, 1, 2, tzinfo=Lost())}, "/a", "no offset"),
        ({"a": Loud()}, "/a", "'Loud'"),
    ],
)
def test_place_of_the_misfit(value, pointer, word):
    """What has no JSON form is refused, with the place and what is there."""
    with pytest.raises(NotJson) as caught:
        json_form(value)
    assert caught.value.pointer.startswith(pointer)
    assert word in caught.value.problem


def test_attrs_like_objects_are_looked_into():
    """A number that is not finite is found inside objects that only msgspec can read."""
    import attr  # noqa: PLC0415 (jsonschema brings it)

    made = attr.make_class("Made", {"x": attr.ib()})
    assert json_form(made(1)) == {"x": 1}
    with pytest.raises(NotJson) as caught:
        json_form([made(float("nan"))])
    assert caught.value.pointer == "/0/x"


def test_deepest():
    """Data is taken down to RESULT_MAX_DEPTH levels, and refused below, whatever the depth."""
    assert json_form(nested(RESULT_MAX_DEPTH)) == nested(RESULT_MAX_DEPTH)
    for levels in (RESULT_MAX_DEPTH + 1, 5_000):
        with pytest.raises(NotJson, match="levels deep"):
            json_form(nested(levels))
    assert json_form([[1]] * (RESULT_MAX_DEPTH + 1)) == [[1]] * (RESULT_MAX_DEPTH + 1)


def test_data_that_contains_itself():
    """A value that contains itself is refused, without a RecursionError."""
    value = {}
    value["self"] = [value]
    with pytest.raises(NotJson, match="contains itself"):
        json_form(value)


def test_largest(monkeypatch):
    """Data beyond RESULT_MAX_BYTES is refused, and told the way out."""
    monkeypatch.setattr(jsonvalue, "RESULT_MAX_BYTES", 10)
    assert json_form("x" * 8) == "x" * 8
    with pytest.raises(NotJson, match="store it in a file"):
        json_form("x" * 9, "/data")


def test_mischievous_value():
    """A value whose own code fails while the place is looked for is refused with the first reason."""

    class Mischief(dict):
        def __eq__(self, other):
            raise RuntimeError("first")

        def items(self):
            raise RuntimeError("second")

        __hash__ = None

    with pytest.raises(NotJson, match="first"):
        json_form(Mischief(a=1))
