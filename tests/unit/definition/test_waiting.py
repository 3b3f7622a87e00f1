"""The parameters of the task types that wait."""

from __future__ import annotations

from typing import Any

import pytest

from flowsm.definition.waiting import SUBFLOW, WAIT, WAIT_FOR_SIGNAL, wait_problems


@pytest.mark.parametrize(
    ("task_type", "parameters"),
    [
        (WAIT, {"seconds": 0}),
        (WAIT, {"until": "2027-01-31T09:00:00+02:00"}),
        (WAIT, {"until": {"$from": "/input/until"}}),
        (WAIT_FOR_SIGNAL, {}),
        (WAIT_FOR_SIGNAL, {"name": "ok", "timeout": 5, "schema": {"type": "object"}}),
        (SUBFLOW, {"flow": "billing", "input": {"$from": "/input"}}),
    ],
)
def test_what_can_be_used(task_type: str, parameters: dict[str, Any]) -> None:
    """Nothing is wrong with these; a reference is judged when it is known what it gives."""
    assert wait_problems(task_type, parameters) == []


@pytest.mark.parametrize(
    ("task_type", "parameters", "problem"),
    [
        (WAIT, {}, '/: expected either "seconds" or "until"'),
        (WAIT, {"seconds": True}, "/seconds: expected a number from 0 to "),
        (WAIT, {"until": "tomorrow"}, "/until: expected a moment such as 2027-01-31T09:00:00Z, found 'tomorrow'"),
        (WAIT, {"until": "2027-01-31T09:00:00"}, "/until: expected a moment such as "),
        (WAIT, {"until": "9999-12-31T23:59:59-12:00"}, "/until: expected a moment such as "),
        (WAIT, {"until": "0001-01-01T00:00:00+14:00"}, "/until: expected a moment such as "),
        (WAIT, {"second": 1, "seconds": 1}, "/second: expected only seconds, until"),
        (WAIT_FOR_SIGNAL, {"name": ""}, "/name: expected a name of 1 to "),
        (WAIT_FOR_SIGNAL, {"timeout": 0}, "/timeout: expected seconds above 0"),
        (WAIT_FOR_SIGNAL, {"schema": 5}, "/schema: expected a JSON Schema"),
        (WAIT_FOR_SIGNAL, {"schema": {"type": "nonsense"}}, "/schema/type: not a JSON Schema: "),
        (WAIT_FOR_SIGNAL, {"schema": {"minimum": "a"}}, "/schema/minimum: not a JSON Schema: "),
        (WAIT_FOR_SIGNAL, {"schema": {"required": 5}}, "/schema/required: not a JSON Schema: "),
        (WAIT_FOR_SIGNAL, {"schema": {"multipleOf": 0}}, "/schema/multipleOf: not a JSON Schema: "),
        (WAIT_FOR_SIGNAL, {"schema": {"pattern": "("}}, "/schema/pattern: not a JSON Schema: "),
        (WAIT_FOR_SIGNAL, {"schema": {"$ref": "https://elsewhere"}}, "/schema/$ref: expected a reference into this"),
        (SUBFLOW, {}, "/flow: expected a flow, or the id of one"),
        (SUBFLOW, {"flow": 5}, "/flow: expected a flow, or the id of one that is stored in the log, found 5"),
    ],
)
def test_what_cannot(task_type: str, parameters: dict[str, Any], problem: str) -> None:
    """Each problem begins with its place."""
    (found,) = wait_problems(task_type, parameters)
    assert found.startswith(problem)
