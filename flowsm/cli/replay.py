"""`flowsm timeline`, `state` and `diff`: what was, at any event, and what changed."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final

from cyclopts import Parameter

from flowsm.cli.opening import ask, ask_about, file_of, only_root
from flowsm.cli.options import DEFAULT_DB, AsJson, Db, ExecutionOrFile
from flowsm.cli.output import local_time, print_json, print_text, safe, seconds_text
from flowsm.cli.table import print_table
from flowsm.errors import UsageError
from flowsm.manager import FlowManager
from flowsm.replay.difference import Change, Comparison, json_patch, state_json
from flowsm.replay.timeline import Entry
from flowsm.upkeep.archive_file import is_archive
from flowsm.wording.changes import change_text

__all__ = ["diff", "print_changes", "state", "timeline"]

_MICROSECONDS: Final = 1_000_000


def timeline(execution: ExecutionOrFile, /, *, db: Db = DEFAULT_DB, as_json: AsJson = False) -> None:
    """Print what happened, an attempt being one line: its result, what it waited for, and where it led."""

    async def question(manager: FlowManager, found: str) -> list[Entry]:
        return await manager.timeline(found)

    found = ask_about(execution, db, question)
    if as_json:
        print_json(found)
        return
    print_table(("seq", "started", "time", "what", "status", "then"), [_row(entry) for entry in found], styled=4)


def state(
    execution: ExecutionOrFile,
    /,
    *,
    seq: Annotated[int | None, Parameter(help="After the event with this seq, by default the last.")] = None,
    db: Db = DEFAULT_DB,
) -> None:
    """Print the whole state of an execution after any of its events, as JSON."""

    async def question(manager: FlowManager, found: str) -> Any:
        history = await manager.replay(found)
        return state_json(history.state_at(history.last if seq is None else seq))

    print_json(ask_about(execution, db, question))


def diff(
    first: ExecutionOrFile,
    second: Annotated[str, Parameter(help="A seq of the same execution, or another execution.")],
    third: Annotated[int | None, Parameter(help="The later seq; by default the last.")] = None,
    /,
    *,
    patch: Annotated[bool, Parameter(help="As a JSON Patch (RFC 6902).")] = False,
    db: Db = DEFAULT_DB,
    as_json: AsJson = False,
) -> None:
    """Print what changed between two events of an execution, or in what two executions of one flow differ."""
    seq = int(second) if second.isascii() and second.isdecimal() else None
    if seq is None and (third is not None or patch):
        raise UsageError(f"{second!r} is no seq: `flowsm diff ID SEQ [SEQ]`, or `flowsm diff ID OTHER` without --patch")

    path, other = file_of(first), None if seq is not None else file_of(second)
    if other is not None and path is None and not is_archive(db):
        raise UsageError(f"{second} is a file, and {first!r} is none: export that, too (flowsm export), and give both")

    async def question(manager: FlowManager) -> list[Change] | Comparison:
        found = await manager.resolve_id(first) if path is None else only_root(manager.opened[0])
        if seq is None:
            against = await manager.resolve_id(second) if other is None else only_root(manager.opened[-1])
            return await manager.compare(found, against)
        later = (await manager.get_flow_status(found)).seq if third is None else third
        return await manager.diff(found, seq, later)

    found = ask(db if path is None else path, question, beside=other)
    if patch and not isinstance(found, Comparison):
        print_json(json_patch(found))
    elif as_json:
        print_json(found)
    elif isinstance(found, Comparison):
        _print_comparison(found)
    else:
        print_changes(found)


def _row(entry: Entry) -> tuple[str | None, ...]:
    took = None if entry.duration_us is None else entry.duration_us / _MICROSECONDS
    what = entry.text
    if entry.task is not None:
        visit = f", visit {entry.visit}" if entry.visit != 1 else ""
        what = entry.task if entry.kind == "skipped" else f"{entry.task} (attempt {entry.attempt}{visit})"
    waited = "; ".join(f"waited for {wait.what}" for wait in entry.waits)
    error = f"{entry.error.type}: {entry.error.message}" if entry.error is not None else entry.message
    then = [f"→ {entry.then}" if entry.then is not None else "", waited, error or ""]
    seqs = f"{entry.seqs[0]}-{entry.seqs[-1]}" if len(entry.seqs) > 1 else str(entry.seqs[0])
    started = local_time(datetime.fromisoformat(entry.at))
    return (seqs, started, seconds_text(took), what, entry.status, "; ".join(part for part in then if part))


def print_changes(changes: list[Change]) -> None:
    """Print what was added, removed and replaced, a line each."""
    for change in changes:
        print_text(change_text(change))


def _print_comparison(found: Comparison) -> None:
    if not found.same_flow:
        print_text("The two ran different versions of the flow.")
    parting = found.parting
    if parting is None:
        print_text("Both took the same route.")
    else:
        print_text(
            f"They part after {parting.common} transitions in common, at {safe(parting.task or 'the beginning')}:"
        )
        for name, decision in ((found.first, parting.first), (found.second, parting.second)):
            way = "goes no further" if decision is None else f"to {decision.target}: {decision.reason}"
            print_text(safe(f"  {name}  {way}"))
    for title, changes in (("Input", found.input), ("Results", found.results)):
        if changes:
            print_text(f"\n{title}")
            print_changes(list(changes))
