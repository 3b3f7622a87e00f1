"""Digests: the same for what means the same, another for what does not."""

from __future__ import annotations

import copy
import hashlib

import msgspec
import pytest

from flowsm.definition.digest import canonical_json, flow_digest, flow_from_canonical
from flowsm.definition.load import load_flow

FLOW = {
    "id": "f",
    "name": "F",
    "start_task": "a",
    "tasks": [{"name": "a", "retry": {}, "parameters": {"x": 1, "y": [1.5, "é"]}}, {"name": "b"}],
    "conditions": [
        {"source_task": "a", "target_task_success": "b", "when": [{"path": "/input/x", "op": "exists"}]},
        {"source_task": "a", "outcome": "failure", "target_task_success": "end"},
    ],
}
WRITTEN_OUT = {
    "$schema": "anything",
    "description": "",
    "version": "",
    "max_transitions": 1000.0,
    "timeout": None,
    "input_schema": None,
    "conditions": [
        {
            "when": [{"op": "exists", "value": True, "path": "/input/x"}],
            "target_task_failure": "end",
            "outcome": "success",
            "name": "a:success",
            "description": "",
            "target_task_success": "b",
            "source_task": "a",
        },
        {"name": "a:failure", "source_task": "a", "outcome": "failure", "target_task_success": "end", "when": []},
    ],
    "tasks": [
        {"name": "b", "task_type": "b", "parameters": {}, "skip_when": [], "timeout": None, "retry": None},
        {
            "name": "a",
            "description": "",
            "parameters": {"y": [1.5, "é"], "x": 1.0},
            "retry": {
                "max_attempts": 3,
                "initial_interval": 1,
                "backoff_coefficient": 2.0,
                "max_interval": 60,
                "jitter": 0.1,
                "non_retryable_errors": [],
            },
        },
    ],
    "start_task": "a",
    "name": "F",
    "id": "f",
}


def changed(path, value):
    document = copy.deepcopy(FLOW)
    *holders, last = path
    holder = document
    for key in holders:
        holder = holder[key]
    holder[last] = value
    return document


def test_how_a_document_is_written_does_not_matter():
    """Key order, task order, defaults written out, `1.0` for `1`, `$schema` and wrappings keep the digest."""
    assert flow_digest(load_flow(WRITTEN_OUT)) == flow_digest(load_flow({"flow": FLOW}))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("id",), "g"),
        (("name",), "G"),
        (("description",), "x"),
        (("version",), "1"),
        (("start_task",), "b"),
        (("max_transitions",), 999),
        (("timeout",), 5),
        (("input_schema",), True),
        (("tasks", 0, "task_type"), "z"),
        (("tasks", 0, "description"), "z"),
        (("tasks", 0, "timeout"), 1),
        (("tasks", 0, "result_schema"), {}),
        (("tasks", 0, "retry"), None),
        (("tasks", 0, "retry", "jitter"), 0),
        (("tasks", 0, "retry", "non_retryable_errors"), ["E"]),
        (("tasks", 0, "parameters", "x"), 2),
        (("tasks", 0, "parameters", "x"), True),
        (("tasks", 0, "parameters", "x"), "1"),
        (("tasks", 0, "parameters", "y"), ["é", 1.5]),
        (("tasks", 1, "skip_when"), [{"path": "/input", "op": "empty"}]),
        (("conditions", 0, "name"), "n"),
        (("conditions", 0, "target_task_success"), "end_success"),
        (("conditions", 1, "target_task_failure"), "end_failure"),
        (("conditions", 0, "outcome"), "skipped"),
        (("conditions", 0, "when", 0, "value"), False),
        (("conditions", 0, "when"), [{"path": "/input/x", "op": "eq", "value": None}]),
        (("conditions",), FLOW["conditions"][::-1]),
    ],
)
def test_what_the_engine_may_act_upon_matters(path, value):
    """Any change of meaning, the order of conditions included, gives another digest."""
    assert flow_digest(load_flow(changed(path, value))) != flow_digest(load_flow(FLOW))


def test_the_canonical_form_is_fixed():
    """These bytes are the format: they never change for a flow that is stored."""
    flow = load_flow(
        {
            "id": "f",
            "name": "é",
            "start_task": "b",
            "tasks": [{"name": "b", "timeout": 2}, {"name": "a"}],
            "conditions": [{"source_task": "b", "target_task_success": "a"}],
        }
    )

    expected = (
        '{"conditions":[{"name":"b:success","source_task":"b","target_task_success":"a"}],"id":"f","name":"é",'
        '"start_task":"b","tasks":[{"name":"a","task_type":"a"},{"name":"b","task_type":"b","timeout":2}]}'
    ).encode()
    assert canonical_json(flow) == expected
    assert flow_digest(flow) == hashlib.sha256(b"flowsm-flow/1\n" + expected).hexdigest()


def test_fields_of_a_later_version_are_passed_over():
    """A stored flow with fields that this version does not know is read all the same."""
    stored = canonical_json(load_flow(FLOW))
    later = stored.replace(b'{"name":"a:', b'{"later":{"x":1},"name":"a:').replace(
        b'"retry":{}', b'"retry":{"later":1}'
    )

    assert later != stored
    assert canonical_json(flow_from_canonical(later)) == stored


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{}", b'{"tasks":1}', b"\xff", b'{"id":"f","name":"F","start_task":"a","tasks":[1]}']
)
def test_what_is_no_canonical_json_is_a_decode_error(data):
    """Bytes that are not a stored flow are refused with one class of error."""
    with pytest.raises(msgspec.DecodeError):
        flow_from_canonical(data)
