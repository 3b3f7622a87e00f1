"""Executions that go on otherwise: forks of them, and other versions of their flows."""

from __future__ import annotations

import contextlib
from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET, Meta, UnsetType
from starlette.responses import Response

from flowsm.definition.model import FlowConfig
from flowsm.errors import TaskTypeNotFound
from flowsm.replay.upgrade import Upgrade
from flowsm.runtime.execution import FlowExecution
from flowsm.runtime.forking import ForkPlan
from flowsm.service.answers import etag_of, json_answer
from flowsm.service.call import Call
from flowsm.service.operation import Answer, Area, Body
from flowsm.service.places import place_of
from flowsm.service.posted import allowed_flow
from flowsm.service.problems import Refusal
from flowsm.service.routes.operators import Overrides, Said
from flowsm.status import FlowStatus

__all__ = ["VERSIONS", "ForkBody", "ForkView", "UpgradeBody"]

VERSIONS: Final = Area("versions", "Let executions go on otherwise: as forks, or with another version of their flow.")
_PLACE: Final = ("Location", "ETag")

Flow = Annotated[Any, Meta(extra_json_schema={"$ref": "#/components/schemas/Flow"})]


class ForkBody(msgspec.Struct, frozen=True, kw_only=True):
    """After which event, and how the fork goes on: the words are those of `FlowManager.fork`."""

    at: Annotated[int, Meta(ge=0, le=2**53)]
    fork_id: Annotated[str, Meta(pattern="^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$")] | None = None
    flow: Flow | UnsetType = UNSET
    overrides: Overrides = msgspec.field(default_factory=dict)
    paused: bool = False
    dry_run: bool = False
    reason: Said = ""
    actor: Said = ""


class ForkView(msgspec.Struct, frozen=True, kw_only=True):
    """An execution of a tree of forks, and where it was forked off: null and 0 for the first of them."""

    execution_id: str
    forked_from: str | None
    forked_at: int
    status: FlowStatus


class UpgradeBody(msgspec.Struct, frozen=True, kw_only=True):
    """The version of the flow, why, and who asks; with `dry_run` it is only said whether it would be safe."""

    flow: Flow
    dry_run: bool = False
    reason: Said = ""
    actor: Said = ""


@VERSIONS.get(
    "/flow/{execution_id}/forks",
    answers={200: Answer(about="The executions of the tree, by id.", type=list[ForkView])},
    problems=(404,),
)
async def forks(call: Call) -> Response:
    """List the tree of forks that an execution is in; itself alone where it has none."""
    family = await call.manager.forks(call.execution_id)
    found = [
        ForkView(
            execution_id=one.stream,
            forked_from=one.parent,
            forked_at=one.seq,
            status=(await call.manager.get_flow_status(one.stream)).status,
        )
        for one in family
    ]
    return json_answer(found)


@VERSIONS.post(
    "/flow/{execution_id}/fork",
    answers={
        200: Answer(about="What the fork would share, and do again; nothing is recorded.", type=ForkPlan),
        201: Answer(about="The fork is recorded.", type=FlowExecution, headers=_PLACE),
    },
    body=Body(type=ForkBody),
    problems=(400, 403, 404, 409, 412, 413, 422),
    headers=("Idempotency-Key", "If-Match", "traceparent"),
)
async def fork(call: Call) -> Response:
    """Begin a new execution that shares the events of this one up to seq `at`, and goes on by itself.

    What it runs has idempotency keys of its own. With `flow` it goes on with another version, with `overrides` with
    other values for the tasks that come after (`{"results.fetch.data.total": 3}`), and with `paused` when it is
    resumed. With a `fork_id` a second request changes nothing, and is 409; with an `Idempotency-Key` in its place it
    gives the same fork. `If-Match` is about the other execution. `dry_run` says what would be done.
    """
    asked = await call.body(ForkBody)
    origin, expected, key = call.execution_id, call.expected_seq, call.idempotency_key
    flow = _given(call, asked.flow)
    if asked.dry_run:
        plan = await call.manager.plan_fork(origin, asked.at, flow=flow, overrides=asked.overrides)
        return json_answer(plan)
    execution = await call.manager.fork(
        origin,
        asked.at,
        fork_id=asked.fork_id,
        flow=flow,
        overrides=asked.overrides,
        paused=asked.paused,
        idempotency_key=key,
        expected_seq=expected,
        traceparent=call.traceparent,
        reason=asked.reason,
        actor=asked.actor or call.actor,
    )
    if not asked.paused and execution.ended_at is None:
        with contextlib.suppress(TaskTypeNotFound, Refusal):  # it is recorded, and waits for who can go on with it
            execution = await call.desk.begun(execution.execution_id)
    return _answer(call, execution, 201)


@VERSIONS.post(
    "/flow/{execution_id}/upgrade",
    answers={
        200: Answer(about="In a dry run: whether it is safe, or why not.", type=Upgrade),
        202: Answer(about="It goes on with that version, or had it already.", type=FlowExecution, headers=_PLACE),
    },
    body=Body(type=UpgradeBody),
    problems=(400, 403, 404, 409, 412, 413, 422),
    headers=("If-Match",),
)
async def upgrade(call: Call) -> Response:
    """Let an execution in flight go on with another version of its flow, if that is safe where it stands now.

    What runs, or waits, stays as it was begun. One that is not safe is 409 with all reasons, and left as it is.
    """
    asked = await call.body(UpgradeBody)
    execution_id, expected = call.execution_id, call.expected_seq
    flow = allowed_flow(call, asked.flow, within="flow")
    if asked.dry_run:
        (verdict,) = await call.manager.rehearse_upgrade([execution_id], flow)
        return json_answer(verdict)
    execution = await call.manager.upgrade(
        execution_id, flow, expected_seq=expected, reason=asked.reason, actor=asked.actor or call.actor
    )
    return _answer(call, execution, 202)


def _given(call: Call, document: Any) -> FlowConfig | None:
    return None if document is UNSET else allowed_flow(call, document, within="flow")


def _answer(call: Call, execution: FlowExecution, status: int) -> Response:
    headers = {"Location": place_of(call.request, execution.execution_id), "ETag": etag_of(execution.seq)}
    return json_answer(execution, status, headers)
