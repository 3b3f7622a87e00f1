"""References in parameters."""

from __future__ import annotations

import pytest

from flowsm.definition.references import has_references, resolve_references
from flowsm.errors import UnresolvedReference

SCOPE = {
    "input": {"customer": "Ada", "null": None},
    "results": {"a/b": {"status": "success", "data": {"rows": [1, 2], "$from": "/input"}}},
}


def test_references_are_replaced_wherever_they_stand():
    """A `$from` anywhere in the parameters becomes the value at its place; the rest is copied as it is."""
    parameters = {"deep": [{"who": {"$from": "/input/customer"}}, 1], "n": {"$from": "/results/a~1b/data/rows/1"}}

    resolved = resolve_references(parameters, SCOPE)

    assert resolved == {"deep": [{"who": "Ada"}, 1], "n": 2}
    assert list(resolved) == ["deep", "n"]
    assert parameters["deep"][0] == {"who": {"$from": "/input/customer"}}
    assert resolved["deep"] is not parameters["deep"]


def test_null_is_a_value():
    """A place that holds null gives null, not the default."""
    assert resolve_references({"x": {"$from": "/input/null", "default": 1}}, SCOPE) == {"x": None}


def test_a_default_stands_in_for_nothing():
    """Where nothing is the default is taken, and references in it are replaced."""
    default = [{"$from": "/nope", "default": {"$from": "/input/customer"}}]

    assert resolve_references({"x": {"$from": "/input/nope", "default": default}}, SCOPE) == {"x": ["Ada"]}


def test_nothing_without_default_is_an_error():
    """The error names the pointer, and the place of the reference in the parameters."""
    with pytest.raises(UnresolvedReference, match="nothing is at '/input/nope'") as raised:
        resolve_references({"a/b": [0, {"x": {"$from": "/input/nope"}}]}, SCOPE)

    assert (raised.value.pointer, raised.value.where) == ("/input/nope", "/a~1b/1/x")


def test_a_pointer_that_is_none_is_nothing():
    """A reference that linting would have refused is unresolved, not a traceback."""
    with pytest.raises(UnresolvedReference):
        resolve_references({"x": {"$from": "input"}}, SCOPE)


@pytest.mark.parametrize("value", [{"$from": "/input", "x": 1}, {"$from": 1}, {"from": "/input"}])
def test_what_is_no_reference_stays(value):
    """An object with other fields, or without text, is data."""
    assert resolve_references({"x": value}, SCOPE) == {"x": value}


def test_values_of_the_scope_are_not_searched():
    """A result that looks like a reference is data."""
    assert resolve_references({"x": {"$from": "/results/a~1b/data"}}, SCOPE)["x"]["$from"] == "/input"


def test_has_references_finds_one_at_any_depth():
    """Whether there is anything to resolve, in nested lists and objects as well."""
    deep = {"$from": "/input"}
    for _ in range(5_000):
        deep = [deep]

    assert has_references({"x": deep})
    assert not has_references({"x": [{"from": 1}, "$from"]})
    with pytest.raises(UnresolvedReference):
        resolve_references({"x": deep}, {})
