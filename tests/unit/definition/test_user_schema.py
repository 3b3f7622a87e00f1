"""JSON Schemas of users: how values that do not fit are told."""

from __future__ import annotations

import pytest

from flowsm.definition.user_schema import Misfit, schema_misfits, schema_problems


def test_a_value_that_fits_has_no_misfits():
    """Nothing is said of a value that fits, and anything fits `true`."""
    assert schema_misfits({"type": "object"}, {}) == ()
    assert schema_misfits(True, object) == ()


def test_every_misfit_has_its_place():
    """All that does not fit is reported, with pointers into the value."""
    schema = {"required": ["a"], "properties": {"b/c": {"items": {"type": "integer"}}}}

    assert set(schema_misfits(schema, {"b/c": [1, "x"]})) == {
        Misfit("", "'a' is a required property"),
        Misfit("/b~1c/1", "'x' is not of type 'integer'"),
    }
    assert schema_misfits(False, 1) == (Misfit("", "nothing fits the schema `false`"),)


def test_misfits_are_bounded():
    """A large value gives a few misfits, with short sentences."""
    misfits = schema_misfits({"items": {"type": "integer"}}, ["x" * 1000] * 100)

    assert len(misfits) == 20
    assert len(misfits[0].message) < 200


@pytest.mark.parametrize("schema", [{"$ref": "#"}, {"$ref": "https://example.org/x"}, {"$ref": "#/$defs/x"}])
def test_a_schema_that_leads_nowhere_is_a_misfit(schema):
    """A circle, or a reference out of the schema, is a misfit: nothing is fetched, nothing recurses for ever."""
    assert len(schema_misfits(schema, 1)) == 1


def test_what_is_wrong_with_a_schema_is_said_once():
    """However many parts of JSON Schema say the same; what is wrong in many places is bounded."""
    said = "not a JSON Schema: 5 is not of type 'object', 'boolean'"
    assert schema_problems({"properties": {"a": 5}}, "schema") == [f"/schema/properties/a: {said}"]
    names = [f"n{number}" for number in range(100)]
    assert len(schema_problems({"properties": dict.fromkeys(names, 5)}, "schema")) == 20
