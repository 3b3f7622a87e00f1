"""Flows that were posted: what came beside them, and whether their task types are allowed."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

import msgspec

from flowsm.definition.load import load_flow
from flowsm.definition.model import FlowConfig
from flowsm.definition.pointer import join_pointer
from flowsm.definition.waiting import SUBFLOW
from flowsm.findings import Finding
from flowsm.service.call import Call
from flowsm.service.inputs import struct_from
from flowsm.service.options import EVERY_TYPE
from flowsm.service.problems import Refusal

__all__ = ["StartOptions", "posted_flow"]

_WRAPPINGS: Final = ("flow_config", "flow")
_Path = tuple[str | int, ...]


class StartOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What may stand beside a wrapped flow: the names are those of `FlowManager.start`."""

    input: Any = None
    execution_id: str | None = None
    start_at: datetime | None = None
    paused: bool = False


async def posted_flow(call: Call) -> tuple[FlowConfig, StartOptions]:
    """The flow in the body, in any of its wrappings, and the options beside it.

    Raises:
        DocumentInvalid: the flow has errors.
        Refusal: the body is no JSON, an option does not fit, or a task type is not allowed (403).
    """
    document = await call.document()
    options = StartOptions()
    names = {field.name for field in msgspec.structs.fields(StartOptions)}
    if isinstance(document, dict) and any(name in document for name in _WRAPPINGS):
        options = struct_from({name: document.pop(name) for name in names & document.keys()}, StartOptions)
    flow = call.manager.load_flow_config(document if isinstance(document, dict) else msgspec.json.encode(document))
    allowed = call.desk.options.allow_tasks
    if EVERY_TYPE not in allowed:
        refused = tuple(_refused(flow, allowed, _root(document)))
        if refused:
            types = ", ".join(sorted({finding.value for finding in refused}))
            detail = f"the flow uses what this service does not allow: {types}; its operator can, with --allow-task"
            raise Refusal(HTTPStatus.FORBIDDEN, "task_type_not_allowed", detail, findings=refused)
    return flow, options


def _root(document: Any) -> _Path:
    """Where the flow lies in its document."""
    if "flow_config" in document:
        return ("flow_config", "flow")
    return ("flow",) if "flow" in document else ()


def _refused(flow: FlowConfig, allowed: Collection[str], root: _Path) -> Iterator[Finding]:
    """What of the flow, and of the flows inside it, is not allowed."""
    for number, task in enumerate(flow.tasks):
        place: _Path = (*root, "tasks", number)
        if task.task_type not in allowed:
            yield _finding(
                "task_type_not_allowed", (*place, "task_type"), "this task type is not allowed", task.task_type
            )
        elif task.task_type == SUBFLOW:
            inner = task.parameters.get("flow")
            inside: _Path = (*place, "parameters", "flow")
            if not isinstance(inner, dict) or "$from" in inner:
                said = "expected the sub-flow itself: one that is named, or comes from data, could use any task type"
                yield _finding("subflow_not_allowed", inside, said, SUBFLOW)
            else:
                yield from _refused(load_flow(inner), allowed, (*inside, *_root(inner)))


def _finding(code: str, path: _Path, message: str, value: str) -> Finding:
    return Finding(code=code, severity="error", pointer=join_pointer(path), message=message, value=value)
