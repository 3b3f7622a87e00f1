"""One command to many executions: page by page, each on its own, and what was refused is named."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, Final, Literal, get_args

import msgspec

from flowsm.errors import ConflictError, LogBroken, NotFound, UsageError
from flowsm.events.commands import Cancel, Command, Pause, Redrive, Remove, Resume
from flowsm.limits import BULK_PAGE_EXECUTIONS
from flowsm.projections.queries import ExecutionRow, Queries
from flowsm.runtime.arguments import checked_command, checked_flag, shown
from flowsm.status import FlowStatus

__all__ = ["BulkReport", "BulkVerb", "Chosen", "Operated", "check_chosen", "command_all", "command_of"]

_REFUSALS: Final = (ConflictError, NotFound, LogBroken)
"""What concerns one execution, and leaves the others alone."""


_PLAIN: Final[dict[str, type[Cancel | Resume | Remove]]] = {"cancel": Cancel, "resume": Resume, "remove": Remove}

BulkVerb = Literal["cancel", "pause", "resume", "retry", "remove"]
"""What many executions may be asked at once."""


class Chosen(msgspec.Struct, frozen=True, kw_only=True):
    """Which executions: those that fit everything that is given, as `FlowManager.executions` lists them."""

    status: FlowStatus | str | None = None
    flow: str | None = None
    since: datetime | None = None


class Operated(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one execution: `status` is what it has now; `refused` says why nothing was done, None if it was."""

    execution_id: str
    status: str
    refused: str | None = None


class BulkReport(msgspec.Struct, kw_only=True):
    """What was done, or, in a dry run, would be: `matched` is the sum of `done` and `refused`."""

    verb: BulkVerb
    dry_run: bool
    matched: int = 0
    done: int = 0
    refused: int = 0
    executions: list[Operated] = msgspec.field(default_factory=list)


Ask = Callable[[str, Command], Awaitable[str]]
"""Asks one execution; gives its status."""


async def command_all(
    queries: Queries,
    ask: Ask,
    command: Command,
    chosen: Chosen,
    each: Callable[[Operated], object] | None,
    report: BulkReport,
) -> None:
    """Ask each that is chosen, the newest first; those that come to be meanwhile are left out.

    Args:
        queries: finds them, a page at a time.
        ask: asks one.
        command: what is asked.
        chosen: of whom.
        each: is told of each, in place of the report's list: however many there are, they take no memory.
        report: is filled as it goes.

    Raises:
        UsageError: a filter that cannot be used.
        LogUnavailable: the log cannot be read, or written; what was done before stays.
    """
    if isinstance(command, Cancel):
        command = msgspec.structs.replace(command, once=True)  # no cleaning is given up by the way
    keep = report.executions.append if each is None else each
    cursor: str | None = None
    while True:
        page = await queries.executions(
            status=chosen.status, flow=chosen.flow, since=chosen.since, limit=BULK_PAGE_EXECUTIONS, cursor=cursor
        )
        for one in await _ask_page(ask, command, page.items):
            report.matched += 1
            report.done += one.refused is None
            report.refused += one.refused is not None
            keep(one)
        cursor = page.cursor
        if cursor is None:
            return


async def _ask_page(ask: Ask, command: Command, rows: Sequence[ExecutionRow]) -> list[Operated]:
    """All at once, so that they share commits; each is answered before an error of one is raised."""
    answers = await asyncio.gather(*(_ask_one(ask, command, row) for row in rows), return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
    return [answer for answer in answers if isinstance(answer, Operated)]


async def _ask_one(ask: Ask, command: Command, row: ExecutionRow) -> Operated:
    try:
        status = await ask(row.execution_id, command)
    except _REFUSALS as error:
        return Operated(execution_id=row.execution_id, status=row.status.value, refused=str(error))
    return Operated(execution_id=row.execution_id, status=status)


def check_chosen(chosen: Chosen, *, everything: bool) -> None:
    """See to it that nobody asks all executions by leaving something out.

    Raises:
        UsageError: nothing is chosen, or everything and something of it; or a filter that is none.
    """
    checked_flag("everything", everything)
    for name in ("status", "flow"):
        value = getattr(chosen, name)
        if value is not None and not isinstance(value, str):
            raise UsageError(f"{name} is {shown(value)}, expected a text")
    if chosen.since is not None and not isinstance(chosen.since, datetime):
        raise UsageError(f"since is {shown(chosen.since)}, expected a datetime with its offset from UTC")
    if chosen == Chosen() and not everything:
        raise UsageError("expected a filter (status, flow, since); to mean every execution, say so: everything, --all")
    if chosen != Chosen() and everything:
        raise UsageError("everything (--all) leaves no room for a filter: give one of them")


def command_of(
    verb: BulkVerb, *, now: bool, task: str | None, overrides: dict[str, Any], reason: str, actor: str
) -> Command:
    """The command that an operator's word stands for.

    Raises:
        UsageError: there is no such word, or it has no such option, or one that cannot be recorded.
    """
    checked_flag("now", now)
    if not isinstance(verb, str) or verb not in get_args(BulkVerb):
        raise UsageError(f"verb is {verb!r}, expected one of {', '.join(get_args(BulkVerb))}")
    if now and verb != "pause":
        raise UsageError(f"now is an option of pause, not of {verb}")
    if task is not None and verb != "retry":
        raise UsageError(f"task is an option of retry, not of {verb}")
    if overrides and verb != "retry":
        raise UsageError(f"overrides is an option of retry, not of {verb}")
    if verb == "pause":
        return checked_command(Pause(now=now, reason=reason, actor=actor))
    if verb == "retry":
        return checked_command(Redrive(task=task, overrides=overrides, reason=reason, actor=actor))
    return checked_command(_PLAIN[verb](reason=reason, actor=actor))
