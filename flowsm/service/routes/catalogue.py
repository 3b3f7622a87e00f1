"""What there is to build with: stored flows, task types, the schema of flows."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
from starlette.responses import Response

from flowsm.errors import PluginBroken
from flowsm.limits import PAGE_DEFAULT_ROWS, PAGE_MAX_ROWS
from flowsm.schemas import event_schema_text, flow_schema_text
from flowsm.service.answers import json_answer, not_modified, text_answer
from flowsm.service.call import Call
from flowsm.service.operation import Answer, Area
from flowsm.service.options import EVERY
from flowsm.serving import DefinitionPage
from flowsm.tasks.factory import TaskTypeInfo

__all__ = ["CATALOGUE", "DefinitionsQuery", "TaskTypeView"]

CATALOGUE: Final = Area("catalogue", "What there is to build with.")
_SCHEMA: Final = "application/schema+json"


class DefinitionsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which stored flows: of this id or name; how many; after an earlier page."""

    flow: str | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=PAGE_MAX_ROWS)] = PAGE_DEFAULT_ROWS
    cursor: str | None = None


class TaskTypeView(msgspec.Struct, frozen=True, kw_only=True):
    """A task type: `allowed` says whether a flow posted here may use it, `problem` that its code cannot be loaded.

    Why it cannot is told to the role operate: what an import says may be of the service's files.
    """

    task_type: str
    description: str
    parameters_schema: dict[str, Any] | None
    version: str | None
    source: str
    allowed: bool
    problem: str | None = None


@CATALOGUE.get(
    "/definitions",
    answers={200: Answer(about="A page of them.", type=DefinitionPage)},
    query=DefinitionsQuery,
    problems=(422,),
)
async def definitions(call: Call) -> Response:
    """List the flows that are stored in the log, every version by its digest, the newest first."""
    asked = call.query(DefinitionsQuery)
    return json_answer(await call.manager.definitions(flow=asked.flow, limit=asked.limit, cursor=asked.cursor))


@CATALOGUE.get(
    "/definitions/{digest}",
    answers={200: Answer(about="The flow.", type="flow", headers=("ETag",)), 304: Answer(about="It is as it was.")},
    problems=(404,),
    headers=("If-None-Match",),
)
async def definition(call: Call) -> Response:
    """Show a stored flow: it never changes."""
    digest = call.path("digest")
    text = await call.manager.definition(digest)
    etag = f'"{digest}"'
    if call.has(etag):
        return not_modified(etag)
    headers = {"ETag": etag, "Cache-Control": "private, max-age=31536000, immutable"}
    return text_answer(text, "application/json", headers)


@CATALOGUE.get("/tasks", answers={200: Answer(about="The types, by name.", type=list[TaskTypeView])})
async def tasks(call: Call) -> Response:
    """List the registered task types with the JSON Schema of their parameters."""
    return json_answer([_view(call, task_type) for task_type in call.manager.tasks.types()])


@CATALOGUE.get("/schema/flow", answers={200: Answer(about="The schema.", type="any", media=_SCHEMA)})
async def flow_schema(call: Call) -> Response:
    """Show the JSON Schema of flow documents."""
    return text_answer(flow_schema_text(), _SCHEMA)


@CATALOGUE.get("/schema/events", answers={200: Answer(about="The schema.", type="any", media=_SCHEMA)})
async def events_schema(call: Call) -> Response:
    """Show the JSON Schema of events."""
    return text_answer(event_schema_text(), _SCHEMA)


def _view(call: Call, task_type: str) -> TaskTypeView:
    problem: str | None = None
    try:
        info = call.manager.tasks.info(task_type)
    except PluginBroken as error:
        hidden = f"its code, of distribution {error.distribution!r}, cannot be loaded"
        problem = str(error) if call.role == "operate" else hidden
        info = TaskTypeInfo(task_type, "", None, None, error.distribution)
    allowed = call.desk.options.allow_tasks
    return TaskTypeView(
        task_type=info.task_type,
        description=info.description,
        parameters_schema=info.parameters_schema,
        version=info.version,
        source=info.source,
        allowed=EVERY in allowed or task_type in allowed,
        problem=problem,
    )
