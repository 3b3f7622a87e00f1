"""`flowsm ls`: executions, the newest first."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from cyclopts import Parameter

from flowsm.cli.opening import ask
from flowsm.cli.options import DEFAULT_DB, AsJson, Db
from flowsm.cli.output import local_time, print_json, seconds_text, talk
from flowsm.cli.table import print_table
from flowsm.errors import UsageError
from flowsm.limits import PAGE_DEFAULT_ROWS
from flowsm.manager import FlowManager
from flowsm.projections.queries import ExecutionRow, Page
from flowsm.status import FlowStatus
from flowsm.wording.owner import deserted
from flowsm.wording.waiting import waits_in_words

__all__ = ["ls", "moment_of"]

_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_TO_THE_MINUTE: Final = len("2026-01-31 12:00")
_AGO: Final = re.compile(r"(\d{1,6})([smhdw])")


def ls(
    *,
    status: Annotated[FlowStatus | None, Parameter(help="Only those with this status.")] = None,
    flow: Annotated[str | None, Parameter(help="Only those of this flow, by its id or name.")] = None,
    since: Annotated[
        str | None, Parameter(allow_leading_hyphen=True, help="Created since then: 30m, 2h, 7d, or an ISO 8601 time.")
    ] = None,
    limit: Annotated[int, Parameter(help="How many at most.")] = PAGE_DEFAULT_ROWS,
    cursor: Annotated[str | None, Parameter(help="Go on after an earlier page.")] = None,
    db: Db = DEFAULT_DB,
    as_json: AsJson = False,
) -> None:
    """List executions, the newest first; those that were removed are left out."""
    moment = None if since is None else moment_of(since, datetime.now(UTC))

    async def question(manager: FlowManager) -> tuple[Page, dict[str, str]]:
        page = await manager.executions(status=status, flow=flow, since=moment, limit=limit, cursor=cursor)
        said = await deserted(manager, ((item.execution_id, item.status) for item in page.items))
        holds = await manager.holds([item.execution_id for item in page.items])
        return page, said | {hold.execution_id: hold.words for hold in holds}

    page, said = ask(db, question)
    if as_json:
        print_json(page)
        return
    print_table(
        ("id", "status", "flow", "task", "created", "time", "note"),
        [_row(item, said) for item in page.items],
        styled=1,
    )
    if not page.items:
        talk("flowsm: no executions")
    if page.cursor:
        talk(f"flowsm: there are more; go on with --cursor {page.cursor}")


def moment_of(text: str, now: datetime, option: str = "--since") -> datetime:
    """The moment that an option means; a time without a zone is local.

    Raises:
        UsageError: it means none.
    """
    ago = _AGO.fullmatch(text)
    try:
        if ago:
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        raise UsageError(
            f"{option} {text!r}: expected 30m, 2h, 7d, or an ISO 8601 time such as 2026-01-31T12:00"
        ) from None


def _row(item: ExecutionRow, said: dict[str, str]) -> tuple[str | None, ...]:
    took = (item.ended_at - item.started_at).total_seconds() if item.started_at and item.ended_at else None
    note = item.last_error if item.status is FlowStatus.FAILED else said.get(item.execution_id) or waits_in_words(item)
    return (
        item.execution_id,
        item.status.value,
        item.flow_name,
        item.current_task,
        local_time(item.created_at)[:_TO_THE_MINUTE],
        seconds_text(took),
        note or None,
    )
