"""CloudEvents: what the JSON format of version 1.0 requires, for every type of event."""

from __future__ import annotations

import msgspec
import pytest
from jsonschema import Draft7Validator, FormatChecker

from flowsm.events.cloudevents import cloud_event
from flowsm.events.codec import decode_fact
from flowsm.events.envelope import Recorded
from flowsm.events.facts import ExecutionCreated, ExecutionRemoved, ParentRef, Unknown
from flowsm.events.system import LogImported

TEXT = {"type": ["string", "null"], "minLength": 1}
SCHEMA = {
    "type": "object",
    "required": ["id", "source", "specversion", "type"],
    "properties": {
        "id": {"type": "string", "minLength": 1},
        "source": {"type": "string", "format": "uri-reference", "minLength": 1},
        "specversion": {"type": "string", "minLength": 1, "const": "1.0"},
        "type": {"type": "string", "minLength": 1},
        "datacontenttype": TEXT,
        "dataschema": {**TEXT, "format": "uri", "pattern": "^[a-z]+:[^ ]+$"},
        "subject": TEXT,
        "time": {**TEXT, "format": "date-time", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$"},
        "data": {"type": ["object", "string", "number", "array", "boolean", "null"]},
    },
    "propertyNames": {"pattern": "^[a-z0-9]{1,20}$"},  # section "Naming Conventions"
}
"""The schema of the CloudEvents JSON format, 1.0, and what the text says of names and forms."""


def recorded(fact, type_=None):
    return Recorded(
        position=7,
        stream="x1:t:1",
        seq=3,
        at="2026-01-31T12:00:00.000000Z",
        type=type_ or fact.TYPE,
        version=1,
        fact=fact,
        digest="d" * 64,
    )


FACTS = [
    ExecutionCreated(flow_id="f", flow_name="F", digest="d", parent=ParentRef(execution_id="p", task="t", visit=1)),
    ExecutionRemoved(),
    LogImported(streams=(), events=0, statistics=(), archive="a", archive_digest="d"),
]


@pytest.mark.parametrize("flow_id", ["orders", "Flow 流れ/ü?#", ""])
@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.TYPE)
def test_required_attributes(fact, flow_id):
    """Each has what is required, in the forms that are required; names are of lower-case letters and digits."""
    event = cloud_event(recorded(fact), flow_id)
    Draft7Validator(SCHEMA, format_checker=FormatChecker()).validate(event)
    assert event["source"].isascii()
    assert msgspec.json.decode(msgspec.json.encode(event)) == event


def test_what_it_says():
    """Identity is stream and seq within the flow; nothing in it depends on the log that it is read from."""
    event = cloud_event(recorded(FACTS[0]), "f 1")
    assert event == {
        "specversion": "1.0",
        "id": "x1:t:1/3",
        "source": "urn:flowsm:flow:f%201",
        "type": "flowsm.execution.created",
        "subject": "x1:t:1",
        "time": "2026-01-31T12:00:00.000000Z",
        "datacontenttype": "application/json",
        "dataschema": "urn:flowsm:event:execution.created:1",
        "digest": "d" * 64,
        "data": {
            "flow_id": "f",
            "flow_name": "F",
            "digest": "d",
            "parent": {"execution_id": "p", "task": "t", "visit": 1},
        },
    }


def test_an_unknown_type_has_no_schema():
    """What this flowsm does not know is handed on as it is, and no schema is claimed for it."""
    fact = decode_fact("task.danced", 1, b'{"steps":3}')
    assert isinstance(fact, Unknown)
    event = cloud_event(recorded(fact, "task.danced"), "f")
    assert (event["type"], event["data"], "dataschema" in event) == ("flowsm.task.danced", {"steps": 3}, False)
