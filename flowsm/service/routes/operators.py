"""The verbs of operators: each is recorded with who asked and why."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
from starlette.responses import Response

from flowsm.events.commands import Cancel, Command, Pause, Redrive, Resolution, Resolve, Resume
from flowsm.limits import NAME_MAX_CHARS, SAID_MAX_CHARS
from flowsm.runtime.execution import FlowExecution
from flowsm.runtime.signalling import Signalled
from flowsm.service.answers import etag_of, json_answer
from flowsm.service.call import Call
from flowsm.service.operation import Answer, Area, Body
from flowsm.service.places import place_of

__all__ = [
    "OPERATORS",
    "CancelBody",
    "Overrides",
    "PauseBody",
    "ResolveBody",
    "ResumeBody",
    "RetryBody",
    "Said",
    "SignalBody",
]

OPERATORS: Final = Area("operators", "Tell executions what to do.")
_PLACE: Final = ("Location", "ETag")
_ANSWERS: Final = {
    200: Answer(about="It is recorded; the execution has ended.", type=FlowExecution, headers=_PLACE),
    202: Answer(about="It is recorded; the execution goes on, or waits.", type=FlowExecution, headers=_PLACE),
}
_PROBLEMS: Final = (400, 404, 409, 412, 413, 422)
_GUARDED: Final = ("If-Match", "Prefer")

Said = Annotated[str, msgspec.Meta(max_length=SAID_MAX_CHARS)]
Overrides = Annotated[
    dict[str, Any],
    msgspec.Meta(
        description="Values by their places: `input.customer`, `results.fetch.data.total`, or JSON Pointers; each once, put there in their order."
    ),
]
Word = Annotated[str, msgspec.Meta(min_length=1, max_length=NAME_MAX_CHARS)]


class SignalBody(msgspec.Struct, frozen=True, kw_only=True):
    """What an execution is told: the words are those of `FlowManager.signal`."""

    name: Word
    payload: Any = None
    outcome: Word | None = None
    actor: Said = ""


class CancelBody(msgspec.Struct, frozen=True, kw_only=True):
    """Why, and who asks for it."""

    reason: Said = ""
    actor: Said = ""


class PauseBody(msgspec.Struct, frozen=True, kw_only=True):
    """Why, and who asks; with `now` a running attempt is stopped too."""

    now: bool = False
    reason: Said = ""
    actor: Said = ""


class ResumeBody(msgspec.Struct, frozen=True, kw_only=True):
    """Why, and who asks for it."""

    reason: Said = ""
    actor: Said = ""


class RetryBody(msgspec.Struct, frozen=True, kw_only=True):
    """From which task, by default the one that failed; with which values for what comes after; why, and who asks."""

    task: str | None = None
    overrides: Overrides = msgspec.field(default_factory=dict)
    reason: Said = ""
    actor: Said = ""


class ResolveBody(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an interrupted attempt: the words are those of `FlowManager.resolve`."""

    resolution: Resolution
    outcome: Word | None = None
    data: Any = None
    message: Said | None = None
    reason: Said = ""
    actor: Said = ""


@OPERATORS.post(
    "/flow/{execution_id}/signal",
    answers={
        200: Answer(about="It is recorded; the execution has ended.", type=Signalled, headers=_PLACE),
        202: Answer(about="It is recorded; the execution goes on, or waits.", type=Signalled, headers=_PLACE),
    },
    body=Body(type=SignalBody),
    problems=_PROBLEMS,
    headers=("Idempotency-Key", "If-Match"),
)
async def signal(call: Call) -> Response:
    """Tell an execution something that it waits for, or will.

    The first wait for a signal of that name takes it, now or later. `used` is false for one that came after the end,
    `recorded` for one that came before with the same `Idempotency-Key`.
    """
    said = await call.body(SignalBody)
    told = await call.manager.signal(
        call.execution_id,
        said.name,
        said.payload,
        outcome=said.outcome,
        idempotency_key=call.idempotency_key,
        actor=said.actor or call.actor,
        expected_seq=call.expected_seq,
    )
    return _answer(call, told)


@OPERATORS.post(
    "/flow/{execution_id}/cancel",
    answers=_ANSWERS,
    body=Body(type=CancelBody, required=False),
    problems=_PROBLEMS,
    headers=_GUARDED,
)
async def cancel(call: Call) -> Response:
    """End an execution: what runs is stopped, then the flow's `on_cancel` cleans up; once more gives that up."""
    said = await call.body(CancelBody)
    return await _operate(call, Cancel(reason=said.reason, actor=said.actor or call.actor))


@OPERATORS.post(
    "/flow/{execution_id}/pause",
    answers=_ANSWERS,
    body=Body(type=PauseBody, required=False),
    problems=_PROBLEMS,
    headers=_GUARDED,
)
async def pause(call: Call) -> Response:
    """Stop an execution before its next task, or at once."""
    said = await call.body(PauseBody)
    return await _operate(call, Pause(reason=said.reason, actor=said.actor or call.actor, now=said.now))


@OPERATORS.post(
    "/flow/{execution_id}/resume",
    answers=_ANSWERS,
    body=Body(type=ResumeBody, required=False),
    problems=_PROBLEMS,
    headers=_GUARDED,
)
async def resume(call: Call) -> Response:
    """Let a paused execution go on."""
    said = await call.body(ResumeBody)
    return await _operate(call, Resume(reason=said.reason, actor=said.actor or call.actor))


@OPERATORS.post(
    "/flow/{execution_id}/retry",
    answers=_ANSWERS,
    body=Body(type=RetryBody, required=False),
    problems=_PROBLEMS,
    headers=_GUARDED,
)
async def retry(call: Call) -> Response:
    """Let a failed execution go on from the task that failed, or from `task`; earlier results are kept.

    With `overrides` what comes after sees other values in these places; what was recorded stays in the events.
    """
    said = await call.body(RetryBody)
    actor = said.actor or call.actor
    command = Redrive(task=said.task, overrides=said.overrides, reason=said.reason, actor=actor)
    return await _operate(call, command)


@OPERATORS.post(
    "/flow/{execution_id}/resolve",
    answers=_ANSWERS,
    body=Body(type=ResolveBody),
    problems=_PROBLEMS,
    headers=_GUARDED,
)
async def resolve(call: Call) -> Response:
    """Say what became of an interrupted attempt that a person is asked about: success, failure, or retry."""
    said = await call.body(ResolveBody)
    command = Resolve(
        resolution=said.resolution,
        outcome=said.outcome,
        data=said.data,
        message=said.message,
        reason=said.reason,
        actor=said.actor or call.actor,
    )
    return await _operate(call, command)


async def _operate(call: Call, command: Command) -> Response:
    execution = await call.manager.operate(call.execution_id, command, expected_seq=call.expected_seq)
    return _answer(call, await call.desk.after(execution, call.wait_seconds))


def _answer(call: Call, execution: FlowExecution) -> Response:
    headers = {"Location": place_of(call.request, execution.execution_id), "ETag": etag_of(execution.seq)}
    return json_answer(execution, 202 if execution.ended_at is None else 200, headers)
