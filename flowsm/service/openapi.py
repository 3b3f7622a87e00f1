"""The OpenAPI document, made of the operations: every schema in it, none elsewhere."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any, Final

import msgspec

from flowsm import __version__
from flowsm.machine.state import ExecutionState
from flowsm.service.examples import EXAMPLES
from flowsm.service.flow_schemas import flow_schemas
from flowsm.service.headers import ANSWER_HEADERS, REQUEST_HEADERS
from flowsm.service.links import LINKS, links_of
from flowsm.service.operation import Answer, Area, Body, Operation
from flowsm.service.parameters import PATH_PARAMETERS, QUERY_TEXTS
from flowsm.service.problems import PROBLEM_MEDIA, Problem

__all__ = ["openapi"]

_REF: Final = "#/components/schemas/{name}"
_NAMED: Final[dict[str, Any]] = {
    "any": {},
    "flow": {"$ref": _REF.format(name="Flow")},
    "bare flow": {"$ref": _REF.format(name="BareFlow")},
    "posted flow": {"$ref": _REF.format(name="PostedFlow")},
}
"""Shapes that are no type."""
_ALWAYS: Final = (401, 421, 429, 503)
_REASONS: Final = {
    400: "The body is no JSON document, too deep, or incomplete.",
    401: "A token of the service is needed.",
    403: "It is not allowed here.",
    404: "There is no such thing.",
    408: "The body was not there in time.",
    409: "That contradicts what is recorded, or is not possible now: the present state, and what is.",
    412: "The execution is not where `If-Match` has it.",
    413: "The body is too large.",
    415: "The body is compressed: send it as it is, without `Content-Encoding`.",
    421: "The service is not known by the name that it was asked under.",
    422: "It does not fit: all findings, each with its JSON pointer.",
    429: "The caller asks for too much at once: ask again after `Retry-After`.",
    503: "Not now: ask again after `Retry-After`.",
}


def openapi(areas: Sequence[Area], root: str = "") -> dict[str, Any]:
    """The document of a service of these areas, which is mounted at `root`."""
    shown = [operation for area in areas for operation in area.operations if not operation.hidden]
    schemas, components = _schemas(shown)
    paths: dict[str, Any] = {}
    for operation in shown:
        path = operation.path.replace(":path}", "}")
        paths.setdefault(path, {})[operation.method.lower()] = _operation(operation, schemas)
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "flowsm",
            "version": __version__,
            "summary": "Flows over HTTP: run them, watch them, ask why.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": root or "/"}],
        "security": [{}, {"token": []}],
        "tags": [_tag(area) for area in areas if any(one.area == area.name for one in shown)],
        "paths": paths,
        "components": {
            "schemas": components,
            "responses": {str(status): _problem(status, schemas) for status in _REASONS},
            "links": LINKS,
            "parameters": REQUEST_HEADERS,
            "headers": ANSWER_HEADERS,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "Where the service asks for one."}
            },
        },
    }
    clean: dict[str, Any] = _with_clean_descriptions(document)
    return clean


def _tag(area: Area) -> dict[str, str]:
    return {"name": area.name, "description": area.about}


def _schemas(operations: Iterable[Operation]) -> tuple[dict[Any, Any], dict[str, Any]]:
    """The schema of each type that is named, and the components that these refer to."""
    types: dict[Any, None] = {Problem: None, ExecutionState: None}
    for operation in operations:
        for answer in operation.answers.values():
            types[answer.type] = None
        for given in (operation.query, operation.body.type if operation.body is not None else None):
            types[given] = None
    known = [kind for kind in types if kind not in _PLAIN and not isinstance(kind, str)]
    references, components = msgspec.json.schema_components(known, ref_template=_REF)
    schemas = dict(zip(known, references, strict=True)) | _NAMED | _PLAIN
    return schemas, components | flow_schemas(_REF)


_PLAIN: Final[dict[Any, Any]] = {
    None: None,
    bytes: {"type": "string", "contentEncoding": "binary"},
    str: {"type": "string"},
}


def _operation(operation: Operation, schemas: dict[Any, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "tags": [operation.area],
        "operationId": operation.name,
        "summary": operation.summary,
        "description": operation.description or operation.summary + ".",
        "parameters": _parameters(operation),
        "responses": _responses(operation, schemas),
    }
    if operation.body is not None:
        described["requestBody"] = _body(operation.body, schemas)
    if operation.role == "operate":
        described["security"] = [{}, {"token": ["operate"]}]
    return described


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    found = [PATH_PARAMETERS[name] for name in PATH_PARAMETERS if f"{{{name}" in operation.path]
    if operation.query is not None:
        (_,), parts = msgspec.json.schema_components([operation.query], ref_template="{name}")
        for name, schema in parts[operation.query.__name__]["properties"].items():
            plain = _inlined(schema, parts)
            found.append({"name": name, "in": "query", "description": QUERY_TEXTS[name], "schema": plain})
    return found + [{"$ref": f"#/components/parameters/{name}"} for name in operation.headers]


def _inlined(schema: Any, parts: dict[str, Any]) -> Any:
    """A parameter's schema without references, and without the null that stands for its absence."""
    if isinstance(schema, list):
        return [_inlined(item, parts) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return {key: value for key, value in parts[schema["$ref"]].items() if key not in {"title", "description"}}
    if "anyOf" in schema:
        options = [_inlined(option, parts) for option in schema["anyOf"] if option != {"type": "null"}]
        rest = {key: value for key, value in schema.items() if key not in {"anyOf", "default"}}
        return rest | (options[0] if len(options) == 1 else {"anyOf": options})
    return {key: _inlined(value, parts) for key, value in schema.items()}


def _body(body: Body, schemas: dict[Any, Any]) -> dict[str, Any]:
    content: dict[str, Any] = {"schema": schemas[body.type]}
    example = EXAMPLES.get(body.type if isinstance(body.type, str) else body.type.__name__)
    if example is not None:
        content["example"] = example
    return {"required": body.required, "content": {body.media: content}}


def _responses(operation: Operation, schemas: dict[Any, Any]) -> dict[str, Any]:
    found = {str(status): _answer(status, answer, schemas) for status, answer in operation.answers.items()}
    statuses = {*operation.problems, *_ALWAYS}
    if operation.body is not None:
        statuses |= {403, 408, 415}
    elif operation.role == "operate":
        statuses |= {403}
    if operation.refuses_queries:
        statuses |= {422}
    problems = statuses - set(operation.answers)
    found |= {str(status): {"$ref": f"#/components/responses/{status}"} for status in problems}
    return dict(sorted(found.items()))


def _problem(status: int, schemas: dict[Any, Any]) -> dict[str, Any]:
    headers = {"headers": _headers(("Retry-After",))} if status == HTTPStatus.SERVICE_UNAVAILABLE else {}
    return {"description": _REASONS[status], **headers, "content": {PROBLEM_MEDIA: {"schema": schemas[Problem]}}}


def _answer(status: int, answer: Answer, schemas: dict[Any, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {"description": answer.about}
    if answer.headers:
        described["headers"] = _headers(answer.headers)
    if answer.type is not None:
        content: dict[str, Any] = {"schema": schemas[answer.type]}
        example = EXAMPLES.get(getattr(answer.type, "__name__", answer.type))
        if example is not None:
            content["example"] = example
        described["content"] = {answer.media: content}
        described["content"] |= {media: {"schema": {"type": "string"}} for media in answer.also}
        links = links_of(answer.type) if status != HTTPStatus.NOT_MODIFIED else {}
        if links:
            described["links"] = links
    return described


def _headers(names: Iterable[str]) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _with_clean_descriptions(value: Any) -> Any:
    """The document with its docstrings dedented: Python does so itself since 3.13, before it does not."""
    if isinstance(value, dict):
        return {
            key: inspect.cleandoc(item)
            if key == "description" and isinstance(item, str)
            else _with_clean_descriptions(item)
            for key, item in value.items()
        }
    return [_with_clean_descriptions(item) for item in value] if isinstance(value, list | tuple) else value
