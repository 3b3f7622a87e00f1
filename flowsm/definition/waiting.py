"""The task types that wait: no code of theirs runs, the machine itself knows what they mean."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from flowsm.definition.policy import usable_timeout
from flowsm.definition.references import is_reference
from flowsm.definition.user_schema import schema_problems
from flowsm.limits import NAME_MAX_CHARS, TIMEOUT_MAX_SECONDS

__all__ = ["SUBFLOW", "WAIT", "WAITING_TYPES", "WAIT_FOR_SIGNAL", "WAIT_PARAMETERS", "wait_problems"]

WAIT: Final = "wait"
WAIT_FOR_SIGNAL: Final = "wait_for_signal"
SUBFLOW: Final = "subflow"
WAITING_TYPES: Final = frozenset({WAIT, WAIT_FOR_SIGNAL, SUBFLOW})

_SECONDS: Final = {"type": "number", "minimum": 0, "maximum": TIMEOUT_MAX_SECONDS}
_TIMEOUT: Final = {"type": "number", "exclusiveMinimum": 0, "maximum": TIMEOUT_MAX_SECONDS}
WAIT_PARAMETERS: Final[dict[str, dict[str, Any]]] = {
    WAIT: {
        "type": "object",
        "properties": {
            "seconds": {"description": "How long to wait.", **_SECONDS},
            "until": {
                "description": "The moment to wait for, with its offset from UTC.",
                "type": "string",
                "format": "date-time",
                "examples": ["2027-01-31T09:00:00Z"],
            },
        },
        "oneOf": [{"required": ["seconds"]}, {"required": ["until"]}],
        "additionalProperties": False,
    },
    WAIT_FOR_SIGNAL: {
        "type": "object",
        "properties": {
            "name": {"description": "The signal's name; by default the task's.", "type": "string", "minLength": 1},
            "timeout": {"description": "Seconds after which the outcome is `timeout`.", **_TIMEOUT},
            "schema": {"description": "JSON Schema of the payload.", "type": ["object", "boolean"]},
        },
        "additionalProperties": False,
    },
    SUBFLOW: {
        "type": "object",
        "properties": {
            "flow": {
                "description": "The flow, or the id of one that is stored in the log.",
                "type": ["object", "string"],
            },
            "input": {"description": "The input of the execution that it starts."},
        },
        "required": ["flow"],
        "additionalProperties": False,
    },
}
"""The JSON Schema of each type's parameters."""


def wait_problems(task_type: str, parameters: dict[str, Any]) -> list[str]:
    """What is wrong with the parameters of a waiting type, each with its JSON Pointer; references are not judged."""
    known = WAIT_PARAMETERS[task_type]["properties"]
    problems = [f"/{name}: expected only {', '.join(known)}" for name in parameters if name not in known]
    given = {name: value for name, value in parameters.items() if name in known and not is_reference(value)}
    check = {WAIT: _wait_problems, WAIT_FOR_SIGNAL: _signal_problems, SUBFLOW: _subflow_problems}[task_type]
    return [*problems, *check(given, parameters)]


def _wait_problems(given: dict[str, Any], parameters: dict[str, Any]) -> list[str]:
    problems = []
    if ("seconds" in parameters) == ("until" in parameters):
        problems.append('/: expected either "seconds" or "until"')
    if "seconds" in given and not _is_number(given["seconds"], least=0):
        problems.append(f"/seconds: expected a number from 0 to {TIMEOUT_MAX_SECONDS}, found {given['seconds']!r}")
    if "until" in given and not _is_moment(given["until"]):
        problems.append(f"/until: expected a moment such as 2027-01-31T09:00:00Z, found {given['until']!r}")
    return problems


def _signal_problems(given: dict[str, Any], _: dict[str, Any]) -> list[str]:
    problems = []
    name = given.get("name", "x")
    if not isinstance(name, str) or not 0 < len(name) <= NAME_MAX_CHARS:
        problems.append(f"/name: expected a name of 1 to {NAME_MAX_CHARS} characters, found {name!r}")
    if "timeout" in given and usable_timeout(given["timeout"]) is None:
        found = given["timeout"]
        problems.append(f"/timeout: expected seconds above 0 and at most {TIMEOUT_MAX_SECONDS}, found {found!r}")
    if "schema" in given:
        problems += schema_problems(given["schema"], "schema")
    return problems


def _subflow_problems(given: dict[str, Any], parameters: dict[str, Any]) -> list[str]:
    if "flow" not in parameters:
        return ["/flow: expected a flow, or the id of one that is stored in the log"]
    flow = given.get("flow", "x")
    if not isinstance(flow, dict | str) or not flow:
        return [f"/flow: expected a flow, or the id of one that is stored in the log, found {flow!r}"]
    return []


def _is_number(value: Any, *, least: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= TIMEOUT_MAX_SECONDS


def _is_moment(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    try:
        moment = datetime.fromisoformat(value)
        return moment.tzinfo is not None and bool(moment.astimezone(UTC))
    except (ValueError, OverflowError):  # the latter: in UTC it would be before year 1, or after 9999
        return False
