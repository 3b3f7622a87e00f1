"""The JSON Schema of flow documents: for editors, which complete and check a flow by its `$schema`.

It is made of the table of fields that parsing goes by. What a schema cannot say (names that refer to
one another, routes) only linting says; every document that loads fits the schema.
"""

from __future__ import annotations

from typing import Any, Final

from flowsm.definition.fields import CLAUSE, CONDITION, FLOW, RETRY, TASK
from flowsm.definition.kinds import Field, Record
from flowsm.definition.pointer import MISSING
from flowsm.definition.references import DEFAULT, FROM
from flowsm.definition.secrets import MARK, SECRET_NAME_PATTERN
from flowsm.definition.user_schema import DIALECT

__all__ = ["flow_schema"]

_ABOUT: Final = {
    "flow": "Tasks, and conditions that say which task comes next for each outcome.",
    "task": "A node of the flow.",
    "condition": "A rule on a task's outcome that picks what comes next.",
    "clause": "A comparison of one recorded value with a constant.",
    "retry": "How often, and how long after a failed attempt, a task is tried again.",
}
_EXAMPLE: Final[dict[str, Any]] = {
    "id": "orders",
    "name": "Orders",
    "start_task": "fetch",
    "tasks": [
        {"name": "fetch", "task_type": "fetch_data", "parameters": {"data_source": "orders.csv"}},
        {"name": "store", "task_type": "store_data", "parameters": {"storage_path": "orders.json"}, "timeout": 30},
    ],
    "conditions": [{"source_task": "fetch", "target_task_success": "store", "target_task_failure": "end_failure"}],
}


def flow_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of flow documents, in the three wrappings."""
    records = {record.title: _record(record) for record in (FLOW, TASK, CONDITION, CLAUSE, RETRY)}
    records["clause"]["allOf"] = _operands()
    flow = {"$ref": "#/$defs/flow"}
    wrapped = _wrapping("flow", flow)
    return {
        "$schema": DIALECT,
        "title": "A flow of flowsm",
        "description": "The flow object, bare or as the value of flow, or of flow in flow_config.",
        "type": "object",
        "if": {"required": ["flow_config"]},
        "then": _wrapping("flow_config", wrapped),
        "else": {"if": {"required": ["flow"]}, "then": wrapped, "else": flow},
        "examples": [_EXAMPLE, {"flow": _EXAMPLE}, {"flow_config": {"flow": _EXAMPLE}}],
        "$defs": {**records, "value": _value(), "reference": _reference(), "secret": _secret()},
    }


def _wrapping(name: str, inner: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "$schema": {"type": "string", "description": "The JSON Schema of flows, for editors."},
            name: {"description": "The flow.", **inner},
        },
        "required": [name],
        "additionalProperties": False,
    }


def _record(record: Record) -> dict[str, Any]:
    return {
        "title": record.title,
        "description": _ABOUT[record.title],
        "type": "object",
        "properties": {field.name: _field(field) for field in record.fields},
        "required": [field.name for field in record.fields if field.required],
        "additionalProperties": False,
    }


def _field(field: Field) -> dict[str, Any]:
    schema = field.kind.schema()
    if field.nullable and "type" in schema:
        types = schema["type"]
        schema["type"] = [*([types] if isinstance(types, str) else types), "null"]
    elif field.nullable:
        schema = {"anyOf": [schema, {"type": "null"}]}
    schema = {"description": field.about, **schema}
    if field.default is not MISSING:
        schema["default"] = field.default
    if field.examples:
        schema["examples"] = list(field.examples)
    return schema


def _operands() -> list[dict[str, Any]]:
    """What each operator may be compared with."""

    def rule(operators: list[str], value: dict[str, Any], *, required: bool = True) -> dict[str, Any]:
        needed = {"required": ["value"]} if required else {}
        return {
            "if": {"properties": {"op": {"enum": operators}}, "required": ["op"]},
            "then": {"properties": {"value": value}, **needed},
        }

    return [
        rule(["eq", "ne", "contains"], {}),
        rule(["lt", "le", "gt", "ge"], {"type": ["number", "string"]}),
        rule(["in", "not_in"], {"type": "array"}),
        rule(["starts_with"], {"type": "string"}),
        rule(["exists", "empty"], {"type": "boolean"}, required=False),
    ]


def _value() -> dict[str, Any]:
    """Any JSON value, in which an object with a `$from` is a reference, and one with a `$secret` a secret."""
    value = {"$ref": "#/$defs/value"}
    return {
        "if": {"type": "object", "required": [FROM]},
        "then": {"$ref": "#/$defs/reference"},
        "else": {
            "if": {"type": "object", "required": [MARK]},
            "then": {"$ref": "#/$defs/secret"},
            "else": {"additionalProperties": value, "items": value},
        },
    }


def _reference() -> dict[str, Any]:
    return {
        "title": "reference",
        "description": "Stands for the value at that place when the task starts.",
        "type": "object",
        "properties": {
            FROM: {
                "type": "string",
                "pattern": "^/(input|results)(/|$)",
                "description": "JSON Pointer: /input/…, or /results/<task>/ followed by status, outcome, message, "
                "data or error.",
                "examples": ["/results/fetch/data", "/input/customer"],
            },
            DEFAULT: {"description": "The value where nothing is at that place.", "$ref": "#/$defs/value"},
        },
        "required": [FROM],
        "additionalProperties": False,
    }


def _secret() -> dict[str, Any]:
    return {
        "title": "secret",
        "description": "Stands for a value that is looked up whenever the task runs, and is recorded nowhere: by default "
        "that of the environment variable FLOWSM_SECRET_<name>. Not in a reference's default, and not in the parameters "
        "of wait, wait_for_signal and subflow.",
        "type": "object",
        "properties": {
            MARK: {
                "type": "string",
                "pattern": SECRET_NAME_PATTERN,
                "description": "The secret's name.",
                "examples": ["STRIPE_KEY"],
            },
        },
        "required": [MARK],
        "additionalProperties": False,
    }
