from __future__ import annotations

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowsm.definition.compare import holds
from flowsm.definition.model import Operator

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
OPERATORS = get_args(Operator)


@pytest.mark.parametrize(
    ("op", "seen", "wanted", "expected"),
    [
        ("eq", 1, 1.0, True),
        ("eq", 1, True, False),
        ("eq", 0, False, False),
        ("eq", None, None, True),
        ("eq", "1", 1, False),
        ("eq", [1, {"a": 2.0}], [1.0, {"a": 2}], True),
        ("eq", [1], [1, 2], False),
        ("eq", [1, True], [1, 1], False),
        ("eq", {"a": 1}, {"b": 1}, False),
        ("eq", {"a": 1}, {"a": 2}, False),
        ("eq", "a", "b", False),
        ("ne", 1, 2, True),
        ("ne", 1, 1.0, False),
        ("lt", 1, 2, True),
        ("lt", 2, 2, False),
        ("le", 2, 2.0, True),
        ("gt", 3, 2.5, True),
        ("gt", "b", "a", True),
        ("gt", "b", 1, False),
        ("gt", True, 0, False),
        ("gt", None, 0, False),
        ("ge", [2], [1], False),
        ("in", 1, [2, 1.0], True),
        ("in", True, [1], False),
        ("in", "a", "abc", False),
        ("not_in", 3, [1, 2], True),
        ("not_in", 1, [1, 2], False),
        ("contains", "abc", "bc", True),
        ("contains", "abc", 1, False),
        ("contains", [1, 2], 2.0, True),
        ("contains", [1, 2], 3, False),
        ("contains", {"a": 1}, "a", True),
        ("contains", {"a": 1}, 1, False),
        ("contains", 12, 1, False),
        ("starts_with", "abc", "ab", True),
        ("starts_with", "abc", "b", False),
        ("starts_with", ["a"], "a", False),
        ("starts_with", "1", 1, False),
        ("exists", None, True, True),
        ("exists", None, None, True),
        ("exists", 1, False, False),
        ("empty", "", True, True),
        ("empty", [], None, True),
        ("empty", {}, True, True),
        ("empty", None, True, True),
        ("empty", 0, True, False),
        ("empty", False, True, False),
        ("empty", [0], False, True),
        ("nonsense", 1, 1, False),
    ],
)
def test_each_operator_on_values_that_are_there(op: str, seen: Any, wanted: Any, expected: bool) -> None:
    """Values compare as JSON does: numbers by value, booleans are no numbers, unlike types are unequal, unordered."""
    assert holds(op, seen, True, wanted) is expected


@pytest.mark.parametrize("op", OPERATORS)
def test_what_is_not_there_meets_few_operators(op: str) -> None:
    """A missing value fulfils ne and not_in, `exists: false` and `empty: true`, and nothing else."""
    wanted = [1] if op == "not_in" else True
    assert holds(op, None, False, wanted) is (op in {"ne", "not_in", "empty"})
    if op in {"exists", "empty"}:
        assert holds(op, None, False, False) is (op == "exists")


@given(st.sampled_from(OPERATORS), JSON, st.booleans(), JSON)
def test_every_operator_is_total(op: str, seen: Any, found: bool, wanted: Any) -> None:
    """Whatever is compared with whatever, the answer is True or False; ne and not_in are the negations."""
    answer = holds(op, seen if found else None, found, wanted)
    assert answer in {True, False}
    if op in {"ne", "not_in"}:
        assert answer is not holds("eq" if op == "ne" else "in", seen if found else None, found, wanted)


@given(JSON)
def test_every_value_equals_itself(value: Any) -> None:
    """Equality is reflexive, however deep."""
    assert holds("eq", value, True, value)


def test_deep_values_are_compared_without_recursion() -> None:
    """Nesting beyond the interpreter's recursion limit is compared all the same."""
    one: Any = 1
    other: Any = 2
    for _ in range(5_000):
        one, other = [one], [other]
    assert holds("eq", one, True, one)
    assert not holds("eq", one, True, other)
