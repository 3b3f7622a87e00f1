"""Operators' verbs for many executions: the filters, and what is said of each."""

from __future__ import annotations

import signal
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import msgspec
from cyclopts import Parameter

from flowsm.cli.exit_codes import CONFLICT, FAILED, FINE, INTERRUPTED, TERMINATED
from flowsm.cli.ls import moment_of
from flowsm.cli.opening import ask
from flowsm.cli.output import counted, let_go_of, safe, talk
from flowsm.cli.signals import noting_signals
from flowsm.errors import FlowsmError, UsageError
from flowsm.events.commands import Cancel, Pause, Redrive, Remove, Resume
from flowsm.limits import BULK_PAGE_EXECUTIONS
from flowsm.manager import FlowManager
from flowsm.runtime.bulk import BulkReport, BulkVerb, Operated
from flowsm.status import FlowStatus

__all__ = ["NOTHING", "BulkCommand", "Choice", "Many", "SomeExecution", "in_bulk", "is_many"]

BulkCommand: TypeAlias = Cancel | Pause | Resume | Redrive | Remove

SomeExecution: TypeAlias = Annotated[
    str | None,
    Parameter(
        name="ID",
        help="An execution: its id, a unique beginning of it, @last or @last-failed; or leave it out, and give a filter.",
    ),
]


@dataclass(frozen=True, slots=True)
class Many:
    """Which executions, and how."""

    status: Annotated[FlowStatus | None, Parameter(help="All with this status.")] = None
    flow: Annotated[str | None, Parameter(help="All of this flow, by its id or name.")] = None
    since: Annotated[
        str | None,
        Parameter(allow_leading_hyphen=True, help="All created since then: 30m, 2h, 7d, or an ISO 8601 time."),
    ] = None
    all: Annotated[bool, Parameter(help="All executions.")] = False
    dry_run: Annotated[bool, Parameter(help="Do nothing; say what would be done to which of them.")] = False
    as_json: Annotated[bool, Parameter(name="--json", help="Print one JSON document of what was done to many.")] = False


Choice: TypeAlias = Annotated[Many, Parameter(name="*")]
NOTHING: Final = Many()


def is_many(execution: str | None, choice: Many) -> bool:
    """Whether many executions are meant, not the one that is named.

    Raises:
        UsageError: both are given, or neither.
    """
    if execution is not None and choice != NOTHING:
        raise UsageError(f"expected an ID or a filter, found both: {execution!r} and options that choose among many")
    if execution is None and (choice.status, choice.flow, choice.since, choice.all) == (None, None, None, False):
        raise UsageError("expected an ID, or a filter: --status, --flow, --since; --all means every execution")
    return execution is None


def in_bulk(verb: BulkVerb, choice: Many, command: BulkCommand, db: Path) -> int:
    """Ask many executions, say of each what became of it, and give the exit code.

    It is done although nobody reads the list. Told to stop, it ends with the page of executions at hand, and says how
    many were done; told again, it ends at once.

    Raises:
        UsageError: a filter that cannot be used.
    """
    since = None if choice.since is None else moment_of(choice.since, datetime.now(UTC))
    printer = _Printer(as_json=choice.as_json)
    stops: list[int] = []

    def each(one: Operated) -> None:
        printer(one)
        if stops and printer.asked % BULK_PAGE_EXECUTIONS == 0:
            raise _Stopped

    async def question(manager: FlowManager) -> BulkReport:
        return await manager.in_bulk(
            verb,
            status=choice.status,
            flow=choice.flow,
            since=since,
            everything=choice.all,
            now=isinstance(command, Pause) and command.now,
            task=command.task if isinstance(command, Redrive) else None,
            overrides=command.overrides if isinstance(command, Redrive) else None,
            reason=command.reason,
            actor=command.actor,
            dry_run=choice.dry_run,
            each=each,
        )

    would = "would be " if choice.dry_run else ""
    try:
        with noting_signals(stops):
            report = ask(db, question, changes=True)
    except (_Stopped, KeyboardInterrupt, FlowsmError) as stopped:
        if isinstance(stopped, FlowsmError) and not printer.asked:
            raise
        sure = "" if isinstance(stopped, _Stopped) else " at least"
        done, refused = printer.asked - printer.refused, printer.refused
        talk(f"flowsm: {verb}: interrupted;{sure} {done:,} {would}done, {refused:,} refused; the rest was not asked")
        if isinstance(stopped, FlowsmError):
            raise
        return TERMINATED if stops and stops[0] == signal.SIGTERM else INTERRUPTED
    finally:
        printer.flush()
    printer.end(report)
    talk(
        f"flowsm: {verb}: {counted(report.matched, 'execution')} matched, {report.done:,} {would}done, {report.refused:,} refused"
    )
    if printer.trouble is not None:
        talk(f"flowsm: stdout: {printer.trouble.strerror or printer.trouble}: not all of them could be listed")
        return FAILED
    return CONFLICT if report.refused else FINE


class _Stopped(Exception):
    """Somebody said to stop, and all that were asked have answered."""


class _Printer:
    """Prints each as it is done, so that any number of them takes no memory; goes on when nobody reads any more."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self.asked = self.refused = 0
        self.trouble: OSError | None = None

    def __call__(self, one: Operated) -> None:
        if self._as_json:
            self._write((",\n" if self.asked else '{"executions":[\n') + msgspec.json.encode(one).decode())
        else:
            refused = f": {safe(one.refused)}" if one.refused else ""
            self._write(f"{safe(one.execution_id)} {one.status}{refused}\n")
        self.asked += 1
        self.refused += one.refused is not None

    def end(self, report: BulkReport) -> None:
        """Close the document, with the report's figures."""
        if self._as_json:
            fields = {name: getattr(report, name) for name in ("verb", "dry_run", "matched", "done", "refused")}
            rest = msgspec.json.encode(fields).decode()[1:]
            self._write(("\n]," if self.asked else '{"executions":[],') + rest + "\n")
        self.flush()

    def flush(self) -> None:
        """Print what was not printed yet."""
        self._write("")

    def _write(self, text: str) -> None:
        try:
            sys.stdout.write(text)
            if not text:
                sys.stdout.flush()
        except OSError as error:
            if not isinstance(error, BrokenPipeError):
                self.trouble = error
            let_go_of(sys.stdout)
