"""Questions to the projections, answered from one read of the file."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final, Protocol

import msgspec

from flowsm.clock import timestamp
from flowsm.errors import AmbiguousId, ExecutionNotFound, LogBroken, UsageError
from flowsm.limits import PAGE_DEFAULT_ROWS, PAGE_MAX_ROWS
from flowsm.projections.project import ENDED_TASK
from flowsm.status import FlowStatus
from flowsm.storage.statements import load_statements

__all__ = [
    "AttemptRow",
    "ExecutionRow",
    "Page",
    "Queries",
    "Reader",
    "Statistic",
    "Summary",
    "decode_cursor",
    "encode_cursor",
    "execution_row",
]


class Reader(Protocol):
    """What the queries ask of a store: SQL with `{g}` for the generation in force, its named parameters, the rows."""

    async def query(self, statement: str, parameters: dict[str, Any]) -> Sequence[Sequence[Any]]:
        """The rows of a query."""
        ...


class ExecutionRow(msgspec.Struct, frozen=True, kw_only=True):
    """One execution's status, as the projection has it; times are aware, in UTC."""

    execution_id: str
    flow_id: str
    flow_name: str
    flow_digest: str
    status: FlowStatus
    current_task: str | None
    path: list[str]
    completed_tasks: list[str]
    skipped_tasks: list[str]
    transitions: int
    attempts: int
    failures: int
    interruptions: int
    last_error_type: str | None
    last_error: str | None
    worker: str
    due_at: datetime | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    updated_at: datetime
    seq: int
    removed: bool
    wake_at: str | None
    waiting_for: str | None
    child_id: str | None
    parent_id: str | None


class AttemptRow(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt of a task; `status` is running, success, failure, skipped, timed_out or interrupted."""

    execution_id: str
    started_seq: int
    task: str
    visit: int
    attempt: int
    status: str
    outcome: str | None
    started_at: datetime
    ended_at: datetime | None
    duration_us: int | None
    worker: str
    message: str | None
    error_type: str | None
    error: str | None


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Executions, the newest first; `cursor` asks for what comes after them, None at the end."""

    items: list[ExecutionRow]
    cursor: str | None


class Statistic(msgspec.Struct, frozen=True, kw_only=True):
    """How often something ended in an outcome, and how long it took on average (seconds)."""

    flow_id: str
    task: str
    outcome: str
    count: int
    total_seconds: float
    mean_seconds: float


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """Everything at a glance. `flows` counts the ends of executions, `tasks` those of attempts."""

    total_flows: int
    status_counts: dict[str, int]
    registered_task_types: list[str]
    flows: list[Statistic]
    tasks: list[Statistic]


_STATEMENTS: Final = load_statements("flowsm.projections", "sql", "queries.sql")
_TIMESTAMP_CHARS: Final = len("2026-01-31T12:00:00.000000Z")
_FLOWS_BY_INDEX_MAX: Final = 20
"""Flows of one name that are looked up one by one; more of them are picked out of all executions."""
_ORDER: Final = "ORDER BY created_at DESC, execution_id DESC LIMIT :limit"
_JSON_COLUMNS: Final = ("path", "completed_tasks", "skipped_tasks")


def execution_row(values: Sequence[Any]) -> ExecutionRow:
    """The row of the statement `executions`, as it was read.

    Raises:
        LogBroken: it holds what no projector put there.
    """
    row = dict(zip(ExecutionRow.__struct_fields__, values, strict=True))
    with _readable(values):
        for column in _JSON_COLUMNS:
            row[column] = msgspec.json.decode(row[column])
        row["removed"] = bool(row["removed"])
        return msgspec.convert(row, ExecutionRow)


def _attempt_row(values: Sequence[Any]) -> AttemptRow:
    with _readable(values):
        return msgspec.convert(dict(zip(AttemptRow.__struct_fields__, values, strict=True)), AttemptRow)


@contextmanager
def _readable(values: Sequence[Any]) -> Iterator[None]:
    """What a row holds is what a projector once put there; else the log can put it there again."""
    try:
        yield
    except (msgspec.DecodeError, TypeError, ValueError) as error:
        reason = f"a row that was derived from it is damaged ({error}): `flowsm rebuild` derives it anew, otherwise"
        raise LogBroken(str(values[0]), 0, reason) from error


def encode_cursor(at: str, name: str) -> str:
    """What asks for the page after a row: by the time of the row, and its name."""
    return base64.urlsafe_b64encode(f"{at} {name}".encode()).decode()


def decode_cursor(cursor: str) -> tuple[str, str]:
    """The time and the name that a cursor stands for.

    Raises:
        UsageError: it is none.
    """
    try:
        at, _, name = base64.urlsafe_b64decode(cursor.encode()).decode().partition(" ")
    except ValueError:
        at = name = ""
    if not name or len(at) != _TIMESTAMP_CHARS:
        raise UsageError(f"{cursor!r} is not a cursor: give the one that came with the previous page")
    return at, name


class Queries:
    """The verbs of reading.

    Args:
        reader: where the rows are.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def _query(self, name: str, parameters: dict[str, Any]) -> Sequence[Sequence[Any]]:
        return await self._reader.query(_STATEMENTS[name], parameters)

    async def executions(
        self,
        *,
        status: FlowStatus | str | None = None,
        flow: str | None = None,
        since: datetime | None = None,
        limit: int = PAGE_DEFAULT_ROWS,
        cursor: str | None = None,
    ) -> Page:
        """Executions that were not removed, the newest first.

        Args:
            status: only those with this status.
            flow: only those of the flow with this id or name.
            since: only those created then (aware) or later.
            limit: how many, 1 to 1,000.
            cursor: go on after an earlier page.

        Raises:
            UsageError: an argument that cannot be used.
        """
        if status is not None and status not in set(FlowStatus):
            raise UsageError(f"status {status!r} is not one of {', '.join(FlowStatus)}")
        if limit not in range(1, PAGE_MAX_ROWS + 1):
            raise UsageError(f"limit is {limit}, expected 1 to {PAGE_MAX_ROWS}")
        conditions = ["removed = 0"]
        parameters: dict[str, Any] = {"limit": limit + 1}
        if status is not None:
            conditions.append("status = :status")
            parameters["status"] = str(status)
        if since is not None:
            conditions.append("created_at >= :since")
            parameters["since"] = _since(since)
        if cursor is not None:
            conditions.append("(created_at, execution_id) < (:before_at, :before_id)")
            parameters["before_at"], parameters["before_id"] = decode_cursor(cursor)
        if flow is None:
            sql = _select(conditions)
        else:
            conditions.append("(flow_id = :flow OR flow_name = :flow)")
            parameters["flow"] = flow
            flow_ids = [row[0] for row in await self._query("flow_ids", {"flow": flow})]
            if not flow_ids:
                return Page(items=[], cursor=None)
            sql = _select_flows(conditions, flow_ids, parameters)
        found = await self._reader.query(f"{sql} {_ORDER}", parameters)
        items = [execution_row(values) for values in found[:limit]]
        if len(found) <= limit:
            return Page(items=items, cursor=None)
        created_at = found[limit - 1][ExecutionRow.__struct_fields__.index("created_at")]
        return Page(items=items, cursor=encode_cursor(created_at, items[-1].execution_id))

    async def execution(self, execution_id: str) -> ExecutionRow:
        """The status row of one execution, also of a removed one.

        Raises:
            ExecutionNotFound: there is none.
        """
        sql = _select(["execution_id = :execution_id"])
        found = await self._reader.query(sql, {"execution_id": execution_id})
        if not found:
            raise ExecutionNotFound(execution_id)
        return execution_row(found[0])

    async def latest_flow(self, flow_id: str) -> str | None:
        """The digest of the flow that was stored last with this id; None when there is none."""
        found = await self._reader.query(_STATEMENTS["latest_flow"], {"flow": flow_id})
        return str(found[0][0]) if found else None

    async def definitions(
        self, flow: str | None, limit: int, before: tuple[str, str] | None
    ) -> Sequence[tuple[str, str, str, str]]:
        """Stored flows, the newest first: digest, id, name and moment; `before` is the moment and digest of one."""
        at, digest = before or (None, None)
        parameters = {"flow": flow, "limit": limit, "before_at": at, "before_digest": digest}
        return [(row[0], row[1], row[2], row[3]) for row in await self._query("definitions", parameters)]

    async def resolve(self, text: str) -> str:
        """An execution's id from its unique beginning, `@last` or `@last-failed`; an exact id wins.

        Raises:
            ExecutionNotFound: nothing fits.
            AmbiguousId: more than one does.
            UsageError: it begins with @, and means nothing.
        """
        if text in {"@last", "@last-failed"}:
            status = FlowStatus.FAILED if text == "@last-failed" else None
            page = await self.executions(status=status, limit=1)
            if not page.items:
                raise ExecutionNotFound(text)
            return page.items[0].execution_id
        if text.startswith("@"):
            raise UsageError(f"{text!r} is neither @last nor @last-failed, and no id begins so")
        found = [row[0] for row in await self._query("ids_by_prefix", {"prefix": text})] if text else []
        if not found:
            raise ExecutionNotFound(text)
        if text not in found and len(found) > 1:
            raise AmbiguousId(text, found)
        return text if text in found else str(found[0])

    async def attempts(self, execution_id: str) -> list[AttemptRow]:
        """One row per attempt, in the order of their starts."""
        found = await self._query("attempts", {"execution_id": execution_id})
        return [_attempt_row(values) for values in found]

    async def summary(self, registered_task_types: Sequence[str]) -> Summary:
        """Counts by status, and statistics by flow and task."""
        found = await self._query("summary", {})
        counts = {status: count for kind, _, _, status, count, _ in found if kind == 0}
        statistics = [_statistic(values) for kind, *values in found if kind == 1]
        return Summary(
            total_flows=sum(counts.values()),
            status_counts=counts,
            registered_task_types=list(registered_task_types),
            flows=[entry for entry in statistics if entry.task == ENDED_TASK],
            tasks=[entry for entry in statistics if entry.task != ENDED_TASK],
        )


def _select(conditions: Sequence[str]) -> str:
    return f"{_STATEMENTS['executions']} WHERE {' AND '.join(conditions)}"


def _select_flows(conditions: Sequence[str], flow_ids: Sequence[str], parameters: dict[str, Any]) -> str:
    """One select for each flow, so that each is a walk along an index; SQLite merges them."""
    if len(flow_ids) > _FLOWS_BY_INDEX_MAX:
        return _select(conditions)
    names = [f"flow_{number}" for number in range(len(flow_ids))]
    parameters.update(zip(names, flow_ids, strict=True))
    return " UNION ALL ".join(_select([f"flow_id = :{name}", *conditions]) for name in names)


def _since(moment: datetime) -> str:
    if getattr(moment, "tzinfo", None) is None:
        raise UsageError(f"since is {moment!s}, which has no time zone: give an aware datetime")
    return timestamp(moment.astimezone(UTC))


def _statistic(values: Sequence[Any]) -> Statistic:
    flow_id, task, outcome, count, duration_us = values
    seconds = duration_us / 1_000_000
    return Statistic(
        flow_id=flow_id,
        task=task,
        outcome=outcome,
        count=count,
        total_seconds=seconds,
        mean_seconds=seconds / count if count else 0.0,
    )
