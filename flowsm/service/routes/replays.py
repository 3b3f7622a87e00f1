"""What happened to an execution: its events, any state that it was in, what changed, and why."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec
from starlette.responses import Response

from flowsm.errors import TaskResultNotFound
from flowsm.limits import READ_PAGE_EVENTS, SEQ_MAX
from flowsm.machine.state import ExecutionState
from flowsm.projections.queries import AttemptRow
from flowsm.replay.difference import Change, Comparison, between, json_patch
from flowsm.replay.explain import Explanation
from flowsm.replay.timeline import Entry, timeline
from flowsm.service.answers import etag_of, json_answer, not_modified, text_answer
from flowsm.service.call import Call
from flowsm.service.eventviews import EventPage, event_view
from flowsm.service.graphs import Graph, graph_of
from flowsm.service.operation import Answer, Area
from flowsm.service.problems import Refusal
from flowsm.service.tracebacks import for_role

__all__ = ["REPLAYS", "DiffQuery", "EventsQuery", "ExplainQuery", "GraphQuery", "StateQuery"]

REPLAYS: Final = Area("replay", "Look at what happened, event by event.")
_FOR_EVER: Final = {"Cache-Control": "private, max-age=31536000, immutable"}
_KNOWN: Final = Answer(about="It is as it was.", headers=("ETag",))
_TAGGED: Final = {"problems": (404, 422), "headers": ("If-None-Match",)}

Seq = Annotated[int, msgspec.Meta(ge=0, lt=SEQ_MAX)]


class EventsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which events."""

    after: Seq = 0
    limit: Annotated[int, msgspec.Meta(ge=1, le=READ_PAGE_EVENTS)] = READ_PAGE_EVENTS


class StateQuery(msgspec.Struct, frozen=True, kw_only=True):
    """After which event; by default the last."""

    at: Seq | None = None


class DiffQuery(msgspec.Struct, frozen=True, kw_only=True):
    """From which event to which (by default the last); or with which other execution; `patch` for RFC 6902."""

    first: Seq | None = None
    second: Seq | None = None
    other: str | None = None
    patch: bool = False


class ExplainQuery(msgspec.Struct, frozen=True, kw_only=True):
    """After which event; by default the last."""

    seq: Seq | None = None


class GraphQuery(msgspec.Struct, frozen=True, kw_only=True):
    """In which form, and after which event, by default the last."""

    format: Literal["json", "mermaid", "dot", "text"] = "json"
    seq: Seq | None = None


@REPLAYS.get(
    "/flow/{execution_id}/events",
    answers={200: Answer(about="Events, in order.", type=EventPage)},
    query=EventsQuery,
    problems=(404, 422),
)
async def events(call: Call) -> Response:
    """List the recorded events of an execution, verified against the hash chain.

    `after` asks for those with a higher seq; the answer's `after` for those that come next, null at the end.
    """
    asked = call.query(EventsQuery)
    found = await call.manager.events(call.execution_id, after=asked.after, limit=asked.limit)
    more = found[-1].seq if len(found) == asked.limit else None
    return json_answer(for_role(EventPage(items=[event_view(event) for event in found], after=more), call.role))


@REPLAYS.get(
    "/flow/{execution_id}/history",
    answers={200: Answer(about="Attempts, in the order of their starts.", type=list[AttemptRow])},
    problems=(404,),
)
async def history(call: Call) -> Response:
    """List every attempt of every task."""
    return json_answer(await call.manager.history(call.execution_id))


@REPLAYS.get(
    "/flow/{execution_id}/tasks/{task:path}/attempts",
    answers={200: Answer(about="Attempts, in the order of their starts.", type=list[AttemptRow])},
    problems=(404,),
)
async def attempts(call: Call) -> Response:
    """List every attempt of one task."""
    task = call.path("task")
    found = [row for row in await call.manager.history(call.execution_id) if row.task == task]
    if not found and task not in (await call.manager.machine_of(call.execution_id)).tasks:
        raise TaskResultNotFound(call.execution_id, task)
    return json_answer(found)


@REPLAYS.get(
    "/flow/{execution_id}/timeline",
    answers={200: Answer(about="Groups of events, an attempt being one.", type=list[Entry])},
    problems=(404,),
)
async def get_timeline(call: Call) -> Response:
    """List what happened in groups of events that belong together."""
    found = await call.desk.histories.of(call.execution_id)
    return json_answer(for_role(timeline(found.steps()), call.role))


@REPLAYS.get(
    "/flow/{execution_id}/state",
    answers={
        200: Answer(about="The state; what has its default is left out.", type=ExecutionState, headers=("ETag",)),
        304: _KNOWN,
    },
    query=StateQuery,
    **_TAGGED,
)
async def state_at(call: Call) -> Response:
    """Show the whole state after any event.

    With `at` the answer never changes, and may be kept for ever.
    """
    asked = call.query(StateQuery)
    found = await call.desk.histories.of(call.execution_id)
    seq = found.last if asked.at is None else asked.at
    state = found.state_at(seq)
    etag = etag_of(seq)
    if call.has(etag):
        return not_modified(etag)
    headers = {"ETag": etag} | (_FOR_EVER if asked.at is not None else {})
    return json_answer(for_role(state, call.role), headers=headers)


@REPLAYS.get(
    "/flow/{execution_id}/diff",
    answers={200: Answer(about="What changed, or in what two executions differ.", type=list[Change] | Comparison)},
    query=DiffQuery,
    problems=(404, 422),
)
async def diff(call: Call) -> Response:
    """Show what changed between two events, or in what two executions of one flow differ."""
    asked = call.query(DiffQuery)
    if (asked.other is None) == (asked.first is None) or (
        asked.other is not None and (asked.second is not None or asked.patch)
    ):
        raise Refusal(422, "invalid", "expected first (and perhaps second and patch), or other: the id of an execution")
    if asked.other is not None:
        return json_answer(await call.manager.compare(call.execution_id, asked.other))
    found = await call.desk.histories.of(call.execution_id)
    second = found.last if asked.second is None else asked.second
    changes = for_role(between(found.state_at(asked.first or 0), found.state_at(second)), call.role)
    if not asked.patch:
        return json_answer(changes)
    return json_answer(json_patch(msgspec.convert(changes, list[Change])))


@REPLAYS.get(
    "/flow/{execution_id}/explain",
    answers={200: Answer(about="The explanation.", type=Explanation)},
    query=ExplainQuery,
    problems=(404, 422),
)
async def explain(call: Call) -> Response:
    """Say why an execution went where it went, what failed, and what it waits for."""
    asked = call.query(ExplainQuery)
    found = await call.manager.explain(call.execution_id, asked.seq, task_types=call.manager.tasks.types())
    return json_answer(for_role(found, call.role))


_FORMS: Final[dict[str, str]] = {"mermaid": "text/plain", "dot": "text/vnd.graphviz", "text": "text/plain"}


@REPLAYS.get(
    "/flow/{execution_id}/graph",
    answers={
        200: Answer(about="The graph.", type=Graph, also=("text/plain", "text/vnd.graphviz"), headers=("ETag",)),
        304: _KNOWN,
    },
    query=GraphQuery,
    **_TAGGED,
)
async def graph(call: Call) -> Response:
    """Draw the machine of an execution, lit by what happened: as data, Mermaid, DOT or text."""
    asked = call.query(GraphQuery)
    found = await call.desk.histories.of(call.execution_id)
    seq = found.last if asked.seq is None else asked.seq
    state = found.state_at(seq)
    etag = f'"{seq}-{asked.format}"'
    if call.has(etag):
        return not_modified(etag)
    headers: dict[str, Any] = {"ETag": etag} | (_FOR_EVER if asked.seq is not None else {})
    if asked.format == "json":
        return json_answer(graph_of(found.machine, state), headers=headers)
    return text_answer(found.machine.diagram(asked.format, state), f"{_FORMS[asked.format]}; charset=utf-8", headers)
