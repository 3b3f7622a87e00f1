"""The JSON Schema of flows."""

from __future__ import annotations

import copy

import pytest
from jsonschema import Draft202012Validator

from flowsm.definition.load import load_flow
from flowsm.definition.schema import flow_schema

SCHEMA = flow_schema()
VALIDATOR = Draft202012Validator(SCHEMA)


def test_it_is_a_json_schema_and_its_examples_load():
    """The schema is one of draft 2020-12; each example fits it and loads."""
    Draft202012Validator.check_schema(SCHEMA)
    for example in SCHEMA["examples"]:
        VALIDATOR.validate(example)
        load_flow(example)


def test_every_field_is_described():
    """An editor has a sentence for every field of every object, and refuses other fields."""
    for title in ("flow", "task", "condition", "clause", "retry", "reference", "secret"):
        definition = SCHEMA["$defs"][title]
        assert definition["additionalProperties"] is False
        assert all(field["description"] for field in definition["properties"].values())


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("oops",), 1),
        (("id",), 1),
        (("tasks",), []),
        (("tasks", 0, "name"), "a\tb"),
        (("tasks", 0, "timeout"), 0),
        (("tasks", 0, "parameters"), {"x": {"$from": "input"}}),
        (("tasks", 0, "parameters"), {"x": [{"$from": "/input", "y": 1}]}),
        (("tasks", 0, "parameters"), {"x": {"$secret": 1}}),
        (("tasks", 0, "parameters"), {"x": [{"$secret": "A-B"}]}),
        (("tasks", 0, "parameters"), {"x": {"$secret": "A", "y": 1}}),
        (("tasks", 0, "skip_when"), [{"path": "/input", "op": "gt", "value": True}]),
        (("tasks", 0, "skip_when"), [{"path": "/input", "op": "eq"}]),
        (("conditions", 0, "when"), [{"path": "/input", "op": "=="}]),
    ],
)
@pytest.mark.parametrize(
    "wrap", [lambda flow: flow, lambda flow: {"flow": flow}, lambda flow: {"flow_config": {"flow": flow}}]
)
def test_it_refuses_what_an_editor_can_see(path, value, wrap):
    """Mistakes of shape are seen in all three wrappings."""
    flow = copy.deepcopy(SCHEMA["examples"][0])
    holder = flow
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value

    assert not VALIDATOR.is_valid(wrap(flow))
