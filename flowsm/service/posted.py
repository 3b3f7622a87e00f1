"""Flows that were posted: what came beside them, and whether their task types and secrets are allowed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

import msgspec

from flowsm.definition.load import load_flow
from flowsm.definition.model import FlowConfig
from flowsm.definition.pointer import join_pointer, parse_pointer
from flowsm.definition.report import Report, short_json
from flowsm.definition.subflows import all_secrets_of, flow_tokens
from flowsm.definition.waiting import SUBFLOW
from flowsm.errors import DocumentInvalid
from flowsm.findings import Finding
from flowsm.service.call import Call
from flowsm.service.inputs import checked_json, struct_from
from flowsm.service.options import EVERY, ServiceOptions
from flowsm.service.problems import Refusal

__all__ = [
    "StartOptions",
    "allowed_flow",
    "apart",
    "bare_flow",
    "not_allowed",
    "posted_flow",
    "told_of_options",
]

_WRAPPINGS: Final = ("flow_config", "flow")
_Path = tuple[str | int, ...]


class StartOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What may stand beside a wrapped flow: the names are those of `FlowManager.start`."""

    input: Any = None
    execution_id: str | None = None
    start_at: datetime | None = None
    paused: bool = False


class _NoOptions(msgspec.Struct, frozen=True):
    """Nothing."""


_OPTIONS: Final = frozenset(field.name for field in msgspec.structs.fields(StartOptions))


async def bare_flow(call: Call) -> FlowConfig:
    """The flow in the body of what starts nothing: nothing may stand beside it. Errors as those of `posted_flow`."""
    document = await call.document()
    if _is_wrapped(document):
        struct_from(_taken(document), _NoOptions)
    return allowed_flow(call, document)


async def posted_flow(call: Call) -> tuple[FlowConfig, StartOptions]:
    """The flow in the body, in any of its wrappings, and the options beside it.

    Raises:
        DocumentInvalid: the flow has errors.
        Refusal: the body is no JSON, an option does not fit, or a task type or a secret is not allowed (403).
    """
    document = await call.document()
    options = StartOptions()
    if _is_wrapped(document):
        options = struct_from(checked_json(_taken(document)), StartOptions)
    if options.start_at is not None and options.start_at.tzinfo is None:
        raise _without_offset(options.start_at)
    try:
        return allowed_flow(call, document), options
    except DocumentInvalid as error:
        raise DocumentInvalid(error.source, told_of_options(error.findings, document)) from None


def allowed_flow(call: Call, document: Any, *, within: str = "") -> FlowConfig:
    """The flow that a document is, bare or in a wrapping, checked as every flow is that comes from outside.

    Args:
        call: who sent it.
        document: a JSON value.
        within: the member of the body that it was: pointers begin there.

    Raises:
        DocumentInvalid: the flow has errors.
        Refusal: a task type or a secret is not allowed (403).
    """
    whole = {within: document} if within else document
    flow = call.manager.load_flow_config(whole if isinstance(whole, dict) else msgspec.json.encode(whole))
    refused = not_allowed(flow, whole, call.desk.options)
    if refused:
        found = ", ".join(sorted({finding.value for finding in refused}))
        ways = " and ".join(sorted({finding.hint for finding in refused}))
        detail = f"the flow uses what this service does not allow: {found}; {ways}"
        kinds = {finding.code for finding in refused}
        code = next(iter(kinds)) if kinds <= {"secret_not_allowed", "flow_id_not_allowed"} else "task_type_not_allowed"
        raise Refusal(HTTPStatus.FORBIDDEN, code, detail, findings=refused)
    return flow


def apart(document: Any) -> tuple[Any, dict[str, Any]]:
    """The document without what may stand beside a wrapped flow, and that."""
    return document, _taken(document) if _is_wrapped(document) else {}


def told_of_options(findings: Iterable[Finding], document: Any) -> list[Finding]:
    """Findings of a document beside whose flow options may stand: those of unknown fields say which, and where."""
    return [_told_of_options(finding, document) for finding in findings]


def not_allowed(flow: FlowConfig, document: Any, options: ServiceOptions) -> list[Finding]:
    """Which tasks and secrets of a flow, and of the flows inside it, a caller may not use; each with its place there."""
    root = tuple(flow_tokens(document))
    found = [] if EVERY in options.allow_tasks else list(_refused(flow, options, root))
    if EVERY not in options.allow_secrets:
        said = "this secret is not allowed"
        found += [
            _finding("secret_not_allowed", place, said, name, "--allow-secret")
            for place, name in all_secrets_of(flow, root)
            if name not in options.allow_secrets
        ]
    return found


def _taken(document: dict[str, Any]) -> dict[str, Any]:
    """The options beside a wrapped flow, which are in the document no longer."""
    return {name: document.pop(name) for name in list(document) if name in _OPTIONS}


def _told_of_options(finding: Finding, document: Any) -> Finding:
    *above, name = parse_pointer(finding.pointer) or ("",)
    if finding.code != "unknown_field" or above not in ([], ["flow_config"]):
        return finding
    if not _is_wrapped(document):
        where = f'it stands beside a wrapped flow: {{"flow": {{…}}, "{name}": …}}'
        return replace(finding, hint=where) if name in _OPTIONS else finding
    wrapping = next(wrapping for wrapping in _WRAPPINGS if wrapping in document)
    if above:
        return replace(finding, hint=f"it stands beside {wrapping}") if name in _OPTIONS else finding
    known = ("$schema", wrapping, *StartOptions.__struct_fields__)
    message = f"expected only {wrapping}, and beside it {', '.join(name for name in known if name != wrapping)}"
    return replace(finding, message=message, hint=Report().nearest(name, known))


def _without_offset(moment: datetime) -> Refusal:
    """What is said of a moment that each reader would take for another one."""
    written = moment.isoformat()
    example = f"{written}Z in UTC, or {written}+02:00 where clocks are two hours ahead of it"
    message = f"expected a moment with its offset from UTC: {example}"
    finding = Finding(
        code="wrong_value", severity="error", pointer="/start_at", message=message, value=short_json(written)
    )
    detail = f"{message}, found {written} at /start_at"
    return Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", detail, findings=[finding])


def _is_wrapped(document: Any) -> bool:
    return isinstance(document, dict) and any(name in document for name in _WRAPPINGS)


def _refused(flow: FlowConfig, options: ServiceOptions, root: _Path) -> Iterator[Finding]:
    """What of the flow, and of the flows inside it, is not allowed."""
    if flow.id in options.allow_flows:
        said = "this id is that of a flow that others name as a sub-flow: a posted one may not take its place"
        yield _finding("flow_id_not_allowed", (*root, "id"), said, flow.id, "--allow-task '*'")
    for number, task in enumerate(flow.tasks):
        place: _Path = (*root, "tasks", number)
        if task.task_type not in options.allow_tasks:
            said, way = "this task type is not allowed", "--allow-task"
            yield _finding("task_type_not_allowed", (*place, "task_type"), said, task.task_type, way)
        elif task.task_type == SUBFLOW:
            inner = task.parameters.get("flow")
            inside: _Path = (*place, "parameters", "flow")
            if isinstance(inner, str):
                if inner not in options.allow_flows:
                    said = "this flow is not allowed by its name: it could use any task type"
                    yield _finding("subflow_not_allowed", inside, said, inner, "--allow-flow")
            elif not isinstance(inner, dict) or "$from" in inner:
                said = "expected the sub-flow itself, or its name: what comes from data could use any task type"
                yield _finding("subflow_not_allowed", inside, said, SUBFLOW, "--allow-task '*'")
            else:
                yield from _refused(load_flow(inner), options, (*inside, *flow_tokens(inner)))


def _finding(code: str, path: _Path, message: str, value: str, option: str) -> Finding:
    pointer, hint = join_pointer(path), f"the service's operator allows it with {option}"
    return Finding(code=code, severity="error", pointer=pointer, message=message, value=value, hint=hint)
