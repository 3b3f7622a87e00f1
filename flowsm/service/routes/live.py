"""Live events: server-sent, resumed without a gap or a double."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Annotated, Final

import msgspec
from starlette.responses import Response, StreamingResponse

from flowsm.errors import FlowsmError
from flowsm.events.endings import ENDINGS
from flowsm.limits import HEARTBEAT_SECONDS, SEQ_MAX, STREAM_PAGE_EVENTS
from flowsm.runtime.following import checked_types
from flowsm.service.call import Call
from flowsm.service.operation import Answer, Area
from flowsm.service.problems import Refusal, problem_of, refusal_of
from flowsm.service.streams import Listener, Told

__all__ = ["LIVE", "AllStreamQuery", "StreamQuery"]

LIVE: Final = Area("live", "Be told of events as they are recorded.")
_SSE: Final = "text/event-stream"
_HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_BEGIN: Final = b"retry: 1000\n: the events of flowsm\n\n"
_BEAT: Final = b": still here\n\n"
_STOPPING: Final = b": the service stops\n\n"

Place = Annotated[int, msgspec.Meta(ge=0, lt=SEQ_MAX)]


class StreamQuery(msgspec.Struct, frozen=True, kw_only=True):
    """After which seq it begins; with `until_ended` it ends when the execution does."""

    after: Place = 0
    until_ended: bool = False


class AllStreamQuery(msgspec.Struct, frozen=True, kw_only=True):
    """After which position of the log it begins, by default with what comes from now on; only events of some types."""

    after: Place | None = None
    types: tuple[str, ...] = ()


@LIVE.get(
    "/flow/{execution_id}/events/stream",
    answers={
        200: Answer(about="Events, each with its seq as id, and its JSON as data.", type=str, media=_SSE),
        204: Answer(about="The execution has ended, and all its events were told."),
    },
    query=StreamQuery,
    problems=(404, 422, 503),
    headers=("Last-Event-ID",),
)
async def stream(call: Call) -> Response:
    """Stream the events of an execution: those that are recorded, then those that come.

    `Last-Event-ID` goes on after that seq. Silence is broken by a comment now and then.
    """
    asked = call.query(StreamQuery)
    after = _last_id(call, asked.after)
    state = await call.manager.get_flow_status(call.execution_id)
    if asked.until_ended and state.ended_at is not None and after >= state.seq:
        return Response(None, 204)
    listener, _ = await call.desk.streams.listen(call.execution_id)
    frames = _of_execution(call, call.execution_id, listener, after, until_ended=asked.until_ended)
    return _Stream(frames, lambda: call.desk.streams.leave(call.execution_id, listener))


@LIVE.get(
    "/events/stream",
    answers={200: Answer(about="Events, each with its position as id, and its JSON as data.", type=str, media=_SSE)},
    query=AllStreamQuery,
    problems=(422, 503),
    headers=("Last-Event-ID",),
)
async def stream_all(call: Call) -> Response:
    """Stream the events of all executions, and of the log itself, in the order of the log.

    `Last-Event-ID` goes on after that position. Events that an import brings in are not told.
    """
    asked = call.query(AllStreamQuery)
    types = checked_types(asked.types or None)
    wanted = _last_id(call, -1 if asked.after is None else asked.after)
    listener, position = await call.desk.streams.listen(None)
    frames = _of_log(call, listener, position if wanted < 0 else wanted, None if types is None else frozenset(types))
    return _Stream(frames, lambda: call.desk.streams.leave(None, listener))


class _Stream(StreamingResponse):
    """Frames until nobody listens any more; then `leave` is called, however it ended."""

    def __init__(self, frames: AsyncIterator[bytes], leave: Callable[[], None]) -> None:
        super().__init__(frames, 200, _HEADERS, _SSE)
        self._leave = leave

    async def __call__(self, scope, receive, send) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - ASGI's
        """Send the frames."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._leave()


async def _of_execution(
    call: Call, execution_id: str, listener: Listener, seq: int, *, until_ended: bool
) -> AsyncIterator[bytes]:
    """The frames of an execution's events after a seq."""
    yield _BEGIN
    behind = True
    try:
        while not listener.closed:
            if behind:
                page = await call.manager.events(execution_id, after=seq, limit=STREAM_PAGE_EVENTS)
                behind = len(page) == STREAM_PAGE_EVENTS
                found: list[Told] | None = [Told(event) for event in page]
            else:
                found = await listener.next(HEARTBEAT_SECONDS)
            if found is None:
                behind = True
                continue
            frames = b""
            for told in found:
                if told.event.seq == seq + 1:
                    seq += 1
                    frames += told.frame(call.role, seq)
                    if until_ended and isinstance(told.event.fact, ENDINGS):
                        yield frames + b"event: end\ndata: {}\n\n"
                        return
                elif told.event.seq > seq:
                    behind = True
                    break
            if frames or (not behind and not found):
                yield frames or _BEAT
    except FlowsmError as error:
        yield _problem(error, call)
        return
    yield _STOPPING


async def _of_log(call: Call, listener: Listener, position: int, types: frozenset[str] | None) -> AsyncIterator[bytes]:
    """The frames of the log's events after a position."""
    yield _BEGIN
    behind = True
    asked = None if types is None else sorted(types)
    try:
        while not listener.closed:
            upto = position
            if behind:
                page = await call.manager.tail(position, asked, STREAM_PAGE_EVENTS)
                behind, upto = not page.is_all, page.position
                found: list[Told] | None = [Told(event) for event in page.events]
            else:
                found = await listener.next(HEARTBEAT_SECONDS)
            if found is None:
                behind = True
                continue
            frames = b""
            for told in found:
                if told.event.position > position:
                    position = told.event.position
                    if types is None or told.event.type in types:
                        frames += told.frame(call.role, position)
            position = max(position, upto)
            if frames or (not behind and not found):
                yield frames or _BEAT
    except FlowsmError as error:
        yield _problem(error, call)
        return
    yield _STOPPING


def _problem(error: FlowsmError, call: Call) -> bytes:
    """What is said before a stream ends that cannot go on."""
    problem = problem_of(refusal_of(error), call.request.url.path)
    return b"event: problem\ndata: %s\n\n" % msgspec.json.encode(problem)


def _last_id(call: Call, otherwise: int) -> int:
    text = call.request.headers.get("last-event-id", "")
    if not text:
        return otherwise
    if not text.isascii() or not text.isdecimal() or int(text) >= SEQ_MAX:
        raise Refusal(422, "invalid", f"the header Last-Event-ID: expected the id of an event, found {text!r}")
    return int(text)
