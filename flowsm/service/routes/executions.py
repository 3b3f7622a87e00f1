"""Executions as they stand: one, its results, or many."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from starlette.responses import Response

from flowsm.errors import TaskResultNotFound
from flowsm.events.commands import Remove
from flowsm.limits import PAGE_DEFAULT_ROWS, PAGE_MAX_ROWS
from flowsm.projections.queries import Page
from flowsm.runtime.execution import FlowExecution
from flowsm.service.answers import etag_of, json_answer, not_modified
from flowsm.service.call import Call
from flowsm.service.moments import moment_of
from flowsm.service.operation import Answer, Area, Body
from flowsm.service.views import Accepted, ResultView, StatusView, SummaryView, result_view, status_view, summary_view
from flowsm.status import FlowStatus

__all__ = ["EXECUTIONS", "FlowsQuery", "RemoveBody"]

EXECUTIONS: Final = Area("executions", "Look at executions.")
_KNOWN: Final = Answer(about="It is as it was.", headers=("ETag",))


class FlowsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which executions are listed; the names are those of `FlowManager.executions`."""

    status: FlowStatus | None = None
    flow: str | None = None
    since: str | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=PAGE_MAX_ROWS)] = PAGE_DEFAULT_ROWS
    cursor: str | None = None


class RemoveBody(msgspec.Struct, frozen=True, kw_only=True):
    """Why, and who asks for it: both are recorded."""

    reason: str = ""
    actor: str = ""


@EXECUTIONS.get("/flows", answers={200: Answer(about="A page of them.", type=Page)}, query=FlowsQuery, problems=(422,))
async def executions(call: Call) -> Response:
    """List executions, the newest first.

    `flow` is a flow's id or name, `since` is `30m`, `2h`, `7d` or an ISO 8601 time; `cursor` asks for what comes after
    an earlier page.
    """
    asked = call.query(FlowsQuery)
    since = None if asked.since is None else moment_of(asked.since)
    page = await call.manager.executions(
        status=asked.status, flow=asked.flow, since=since, limit=asked.limit, cursor=asked.cursor
    )
    return json_answer(page)


@EXECUTIONS.get("/flows/summary", answers={200: Answer(about="Counts and averages.", type=SummaryView)})
async def summary(call: Call) -> Response:
    """Count executions by status, and tell how often tasks succeed and how long they take."""
    return json_answer(summary_view(await call.manager.summary()))


@EXECUTIONS.get(
    "/flow/{execution_id}",
    answers={200: Answer(about="The execution.", type=FlowExecution, headers=("ETag",)), 304: _KNOWN},
    problems=(404,),
    headers=("If-None-Match",),
)
async def get_flow(call: Call) -> Response:
    """Show an execution as it is now, results included. Its `seq` is the ETag."""
    execution = await call.manager.get_flow_status(call.execution_id)
    etag = etag_of(execution.seq)
    return not_modified(etag) if call.has(etag) else json_answer(execution, headers={"ETag": etag})


@EXECUTIONS.get(
    "/flow/{execution_id}/status",
    answers={200: Answer(about="How it stands.", type=StatusView, headers=("ETag",)), 304: _KNOWN},
    problems=(404,),
    headers=("If-None-Match",),
)
async def get_flow_status(call: Call) -> Response:
    """Show how an execution stands."""
    execution = await call.manager.get_flow_status(call.execution_id)
    etag = etag_of(execution.seq)
    return not_modified(etag) if call.has(etag) else json_answer(status_view(execution), headers={"ETag": etag})


@EXECUTIONS.get(
    "/flow/{execution_id}/tasks/{task:path}/result",
    answers={200: Answer(about="The result.", type=ResultView, headers=("ETag",)), 304: _KNOWN},
    problems=(404,),
    headers=("If-None-Match",),
)
async def get_task_result(call: Call) -> Response:
    """Show the latest result of a task."""
    execution = await call.manager.get_flow_status(call.execution_id)
    result = execution.task_results.get(call.path("task"))
    if result is None:
        raise TaskResultNotFound(execution.execution_id, call.path("task"))
    etag = etag_of(execution.seq)
    return not_modified(etag) if call.has(etag) else json_answer(result_view(result), headers={"ETag": etag})


@EXECUTIONS.delete(
    "/flow/{execution_id}",
    answers={200: Answer(about="It is out of the lists.", type=Accepted)},
    body=Body(type=RemoveBody, required=False),
    problems=(400, 404, 409, 412, 413, 422),
    headers=("If-Match",),
)
async def remove_flow(call: Call) -> Response:
    """Take an ended execution out of the lists; its history stays."""
    asked = await call.body(RemoveBody)
    expected = call.expected_seq
    found = await call.manager.operate(
        call.execution_id, Remove(reason=asked.reason, actor=asked.actor or call.actor), expected_seq=expected
    )
    said = f"Flow execution {found.execution_id!r} removed"
    return json_answer(
        Accepted(execution_id=found.execution_id, flow_name=found.flow_name, status=found.status, message=said)
    )
