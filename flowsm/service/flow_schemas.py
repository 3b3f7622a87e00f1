"""The schema of flows as components of the OpenAPI document: bare, and as they are posted."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from flowsm.definition.schema import flow_schema
from flowsm.service.posted import StartOptions

__all__ = ["flow_schemas"]

_OWN: Final = "#/$defs/"
_OPTION_TEXTS: Final = {
    "input": "The input of the execution, which fits the flow's `input_schema`.",
    "execution_id": "The execution's id; a new one by default.",
    "start_at": "When it begins by itself.",
    "paused": "Whether it waits to be resumed.",
}


def flow_schemas(reference: str) -> dict[str, Any]:
    """The components `Flow`, `FlowTask` …, `PostedFlow` and `BareFlow`, with references of this form (`…{name}`)."""
    parts = {_name(name): _moved(part, reference) for name, part in flow_schema()["$defs"].items()}
    flow = {"$ref": reference.format(name="Flow")}
    wrapped = {"type": "object", "properties": {"flow": flow}, "required": ["flow"], "additionalProperties": False}
    parts["PostedFlow"] = {
        "title": "PostedFlow",
        "description": "A flow, bare or in a wrapping, beside which the options of its execution may stand.",
        "anyOf": [_wrapping("flow", flow, _options()), _wrapping("flow_config", wrapped, _options()), flow],
    }
    parts["BareFlow"] = {
        "title": "BareFlow",
        "description": "A flow, bare or in a wrapping; nothing starts, so nothing may stand beside it.",
        "anyOf": [_wrapping("flow", flow, {}), _wrapping("flow_config", wrapped, {}), flow],
    }
    return parts


def _options() -> dict[str, Any]:
    (_,), known = msgspec.json.schema_components([StartOptions])
    return {
        option: {"description": _OPTION_TEXTS[option]} | part
        for option, part in known["StartOptions"]["properties"].items()
    }


def _wrapping(name: str, schema: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"$schema": {"type": "string"}, name: schema} | options,
        "required": [name],
        "additionalProperties": False,
    }


def _name(part: str) -> str:
    return "Flow" if part == "flow" else f"Flow{part.capitalize()}"


def _moved(schema: Any, reference: str) -> Any:
    """The schema with its references to where its parts are now."""
    if isinstance(schema, dict):
        return {
            key: reference.format(name=_name(value.removeprefix(_OWN)))
            if key == "$ref" and isinstance(value, str)
            else _moved(value, reference)
            for key, value in schema.items()
        }
    return [_moved(item, reference) for item in schema] if isinstance(schema, list) else schema
