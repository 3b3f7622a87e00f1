"""Listing executions by any order, in windows: for a face that shows a screen of them at a time."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import msgspec

from flowsm.clock import timestamp
from flowsm.errors import UsageError
from flowsm.limits import PAGE_MAX_ROWS
from flowsm.projections.queries import ExecutionRow, Reader, execution_row
from flowsm.status import FlowStatus
from flowsm.storage.statements import load_statements

__all__ = ["ORDERS", "Listed", "Listing", "Wanted"]

_STATEMENTS: Final = load_statements("flowsm.projections", "sql", "queries.sql")
_BY: Final = {
    "created": "created_at",
    "status": "status",
    "flow": "flow_name",
    "task": "current_task",
    "updated": "updated_at",
    "duration": "julianday(coalesce(ended_at, :now)) - julianday(started_at)",
    "attempts": "attempts",
    "failures": "failures",
}
ORDERS: Final = tuple(_BY)
"""What executions can be sorted by."""
_SEARCHED: Final = ("execution_id", "flow_id", "flow_name", "coalesce(current_task, '')", "coalesce(last_error, '')")
_TEXT: Final = "instr(lower(" + " || ' ' || ".join(_SEARCHED) + "), :text) > 0"


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which executions, in which order: `text` occurs in the id, the flow, the task or the error; the case of ASCII letters does not matter."""

    order: str = "created"
    descending: bool = True
    status: FlowStatus | None = None
    text: str = ""


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A window: `items` from the row `offset` on, of `total` that were wanted; `counts` are all executions by status."""

    items: list[ExecutionRow]
    offset: int
    total: int
    counts: dict[str, int]


class Listing:
    """Windows of the executions that were not removed.

    Args:
        reader: where the rows are.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def window(self, wanted: Wanted, offset: int, limit: int, now: datetime) -> Listed:
        """The rows from `offset` on; where there are fewer, the last ones.

        Args:
            wanted: which, in which order.
            offset: how many are left out before them.
            limit: how many, 1 to 1,000.
            now: the time (aware), by which those that run are so old.

        Raises:
            UsageError: there is no such order, or an argument is out of its range.
        """
        if wanted.order not in _BY:
            raise UsageError(f"order is {wanted.order!r}, expected one of {', '.join(ORDERS)}")
        if limit not in range(1, PAGE_MAX_ROWS + 1) or offset < 0:
            raise UsageError(f"offset is {offset}, limit {limit}: expected 0 or more, and 1 to {PAGE_MAX_ROWS}")
        counts = {str(status): int(count) for status, count in await self._reader.query(_STATEMENTS["counts"], {})}
        conditions, parameters = _conditions(wanted)
        total = sum(counts.values())
        if wanted.status is not None:
            total = counts.get(wanted.status.value, 0)
        if wanted.text:
            ((total,),) = await self._reader.query(f"{_STATEMENTS['count']} WHERE {conditions}", parameters)
        first = max(min(offset, total - limit), 0)
        way = "DESC" if wanted.descending else "ASC"
        order = ", ".join(
            f"{column} {way}" for column in dict.fromkeys((_BY[wanted.order], "created_at", "execution_id"))
        )
        sql = f"{_STATEMENTS['executions']} WHERE {conditions} ORDER BY {order} LIMIT :limit OFFSET :offset"
        found = await self._reader.query(sql, parameters | {"limit": limit, "offset": first, "now": timestamp(now)})
        return Listed(items=[execution_row(values) for values in found], offset=first, total=total, counts=counts)


def _conditions(wanted: Wanted) -> tuple[str, dict[str, Any]]:
    conditions, parameters = ["removed = 0"], {}
    if wanted.status is not None:
        conditions.append("status = :status")
        parameters["status"] = wanted.status.value
    if wanted.text:
        conditions.append(_TEXT)
        parameters["text"] = wanted.text.lower()
    return " AND ".join(conditions), parameters
