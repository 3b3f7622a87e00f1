"""Digests: a flow is pinned by the SHA-256 of its canonical JSON.

Canonical: the parsed model, so that how a document was written does not matter. Defaults are left
out, keys and tasks are sorted (by code point), conditions keep their order, integral floats are integers.
A released default never changes within a format; stored bytes are never derived again.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final

import msgspec

from flowsm.definition.model import Clause, ConditionConfig, FlowConfig, RetryPolicy, TaskConfig
from flowsm.definition.plain import INT_MAX, INT_MIN

__all__ = ["canonical_digest", "canonical_json", "flow_digest", "flow_from_canonical"]

_FORMAT: Final = b"flowsm-flow/1\n"
_NESTED: Final[dict[type[msgspec.Struct], dict[str, type[msgspec.Struct]]]] = {
    FlowConfig: {"tasks": TaskConfig, "conditions": ConditionConfig},
    TaskConfig: {"retry": RetryPolicy, "skip_when": Clause},
    ConditionConfig: {"when": Clause},
    RetryPolicy: {},
    Clause: {},
}
_KNOWN: Final = {struct: frozenset(struct.__struct_fields__) for struct in _NESTED}
_DEFAULTS: Final = {
    struct: {
        field.name: field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
        for field in msgspec.structs.fields(struct)
        if not field.required and struct is not Clause  # a clause's null is a value
    }
    for struct in _NESTED
}


def canonical_json(flow: FlowConfig) -> bytes:
    """The one JSON text of a flow, in UTF-8: itself a valid document."""
    document = _document(flow)
    document["tasks"] = sorted(document["tasks"], key=lambda task: task["name"])
    text = json.dumps(_numbers(document), ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
    return text.encode()


def flow_digest(flow: FlowConfig) -> str:
    """The digest (hex) that pins a flow: it changes with whatever the engine may act upon."""
    return canonical_digest(canonical_json(flow))


def canonical_digest(data: bytes) -> str:
    """The digest (hex) of the flow with this canonical JSON."""
    return hashlib.sha256(_FORMAT + data).hexdigest()


def flow_from_canonical(data: bytes) -> FlowConfig:
    """The flow of canonical JSON, its tasks in the order of their names; fields of a later flowsm are passed over.

    Raises:
        msgspec.DecodeError: the bytes are not the canonical JSON of a flow.
    """
    return msgspec.convert(_known(msgspec.json.decode(data), FlowConfig), FlowConfig)


def _document(struct: msgspec.Struct) -> dict[str, Any]:
    """A part of a flow as JSON data, its defaults left out."""
    defaults, nested = _DEFAULTS[type(struct)], _NESTED[type(struct)]
    document: dict[str, Any] = {}
    for name in struct.__struct_fields__:
        value = getattr(struct, name)
        if name in defaults and value == defaults[name]:
            continue
        if name not in nested:
            document[name] = value
        elif isinstance(value, tuple):
            document[name] = [_document(item) for item in value]
        else:
            document[name] = _document(value)
    return document


def _numbers(value: Any) -> Any:
    """The value with integral floats as integers; no deeper than a document may be."""
    if isinstance(value, float) and value.is_integer() and INT_MIN <= value <= INT_MAX:
        return int(value)
    if isinstance(value, dict):
        return {key: _numbers(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_numbers(item) for item in value]
    return value


def _known(document: Any, struct: type[msgspec.Struct]) -> Any:
    """A decoded document without the fields that this version does not know."""
    if not isinstance(document, dict):
        return document
    nested = _NESTED[struct]
    known = {name: value for name, value in document.items() if name in _KNOWN[struct]}
    for name, inner in nested.items():
        value = known.get(name)
        if isinstance(value, list):
            known[name] = [_known(item, inner) for item in value]
        elif value is not None:
            known[name] = _known(value, inner)
    return known
