"""Flows come in here: they are created, executed, checked and rehearsed."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

import msgspec
from starlette.responses import Response

from flowsm.clock import timestamp
from flowsm.limits import WAIT_MAX_SECONDS
from flowsm.runtime.execution import FlowExecution
from flowsm.service.answers import etag_of, json_answer
from flowsm.service.call import Call
from flowsm.service.operation import Answer, Area, Body
from flowsm.service.places import place_of
from flowsm.service.posted import StartOptions, posted_flow
from flowsm.service.views import Accepted
from flowsm.status import FlowStatus

__all__ = ["FLOWS", "ExecuteBody"]

FLOWS: Final = Area("flows", "Start flows, and check them.")
_FLOW: Final = Body(type="posted flow")
_PLACE: Final = ("Location", "ETag")
_UNTIL: Final = {
    FlowStatus.CREATED: "waits for room, and is executed in the background then",
    FlowStatus.PAUSED: "is paused, and goes on when it is resumed",
}
_LATE: Final = "that took too long, or it is paused, or begins too late for an answer"


class ExecuteBody(msgspec.Struct, frozen=True, kw_only=True):
    """Which execution is to be run."""

    execution_id: str


@FLOWS.post(
    "/flow/create",
    answers={201: Answer(about="The execution is recorded.", type=Accepted, headers=_PLACE)},
    body=_FLOW,
    problems=(400, 403, 409, 413, 422),
    headers=("Idempotency-Key", "traceparent"),
)
async def create(call: Call) -> Response:
    """Record a new execution of a flow.

    The body is a flow, or one in a wrapping (`{"flow": …}` or `{"flow_config": {"flow": …}}`), beside which `input`
    and `execution_id` may stand. It is run by `POST /flow/execute`; with `start_at` it begins then by itself, and with
    `paused` when it is resumed. A second request with the same `Idempotency-Key` and content gives the same execution.
    """
    flow, options = await posted_flow(call)
    chosen = {
        "execution_id": options.execution_id,
        "idempotency_key": call.idempotency_key,
        "traceparent": call.traceparent,
    }
    if options.start_at is not None or options.paused:
        handle = await call.manager.start(
            flow, options.input, **chosen, start_at=options.start_at, paused=options.paused
        )
        execution_id = handle.execution_id
    else:
        execution_id = await call.manager.create(flow, options.input, **chosen)
    execution = await call.manager.get_flow_status(execution_id)
    return _accepted(call, execution, 201, "created")


@FLOWS.post(
    "/flow/execute",
    answers={
        200: Answer(about="It has ended.", type=Accepted, headers=_PLACE),
        202: Answer(about="It runs in the background, or will.", type=Accepted, headers=_PLACE),
    },
    body=Body(type=ExecuteBody),
    problems=(400, 404, 409, 413, 422),
    headers=("Prefer",),
)
async def execute(call: Call) -> Response:
    """Run an execution in the background.

    That it began is recorded when this is answered: it goes on even if the service is killed. With `Prefer: wait=N`
    the answer waits for its end for so many seconds at most. One that is to begin later begins then, and one that is
    paused goes on when it is resumed.
    """
    body = await call.body(ExecuteBody)
    execution = await call.desk.begun(body.execution_id)
    execution = await call.desk.after(execution, call.wait_seconds)
    return _accepted(call, execution, 202 if execution.ended_at is None else 200, "is executed in the background")


@FLOWS.post(
    "/flow/execute-sync",
    answers={
        200: Answer(about="The execution, which has ended.", type=FlowExecution, headers=_PLACE),
        202: Answer(about=f"It goes on in the background: {_LATE}.", type=FlowExecution, headers=_PLACE),
    },
    body=_FLOW,
    problems=(400, 403, 409, 413, 422),
    headers=("Idempotency-Key", "Prefer", "traceparent"),
)
async def execute_sync(call: Call) -> Response:
    """Run a flow to its end, and answer with the execution; one that failed is an answer, too.

    The body is that of `POST /flow/create`. The answer comes after 10 minutes at the latest, with `Prefer: wait=N` after
    so many seconds; and at once where it cannot end by then: it is paused, or begins later.
    """
    flow, options = await posted_flow(call)
    handle = await call.manager.start(
        flow,
        options.input,
        execution_id=options.execution_id,
        idempotency_key=call.idempotency_key,
        start_at=options.start_at,
        paused=options.paused,
        traceparent=call.traceparent,
    )
    execution = None
    if not _begins_too_late(options, call.wait_seconds):
        execution = await call.desk.ended(handle.execution_id, call.wait_seconds)
    execution = execution or await call.manager.get_flow_status(handle.execution_id)
    headers = {"Location": place_of(call.request, execution.execution_id), "ETag": etag_of(execution.seq)}
    return json_answer(execution, 202 if execution.ended_at is None else 200, headers)


def _begins_too_late(options: StartOptions, seconds: float | None) -> bool:
    """Whether it cannot have ended when so many seconds, or as many as are waited for at most, are over."""
    limit = WAIT_MAX_SECONDS if seconds is None else min(seconds, WAIT_MAX_SECONDS)
    if options.paused or options.start_at is None:
        return options.paused
    return (options.start_at - datetime.now(UTC)).total_seconds() > limit


def _accepted(call: Call, execution: FlowExecution, status: int, done: str) -> Response:
    said = done if execution.ended_at is None else f"has ended: {execution.status}"
    if status != HTTPStatus.CREATED:
        said = _UNTIL.get(execution.status, said)
        if execution.status is FlowStatus.CREATED and execution.begins_at is not None:
            said = f"begins at {timestamp(execution.begins_at)}"
    body = Accepted(
        execution_id=execution.execution_id,
        flow_name=execution.flow_name,
        status=execution.status,
        message=f"Flow {execution.flow_name!r} {said}",
    )
    headers = {"Location": place_of(call.request, execution.execution_id), "ETag": etag_of(execution.seq)}
    return json_answer(body, status, headers)
