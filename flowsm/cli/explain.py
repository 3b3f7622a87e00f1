"""`flowsm explain`: what became of an execution, why it went there, what it waits for."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import Annotated

from cyclopts import Parameter

from flowsm.cli.opening import ask_about
from flowsm.cli.options import DEFAULT_DB, AsJson, Db, ExecutionOrFile
from flowsm.cli.output import MARKS, console_for, local_time, print_json, print_text, safe, seconds_text
from flowsm.cli.table import print_table
from flowsm.errors import ExecutionNotFound
from flowsm.manager import FlowManager
from flowsm.replay.explain import Explanation
from flowsm.replay.timeline import Entry

__all__ = ["explain", "print_explanation"]

_MICROSECONDS = 1_000_000


def explain(
    execution: ExecutionOrFile,
    /,
    *,
    seq: Annotated[int | None, Parameter(help="As it was after the event with this seq.")] = None,
    db: Db = DEFAULT_DB,
    as_json: AsJson = False,
) -> None:
    """Say why an execution went where it went: the cause of a failure, or what it waits for."""

    async def question(manager: FlowManager, execution_id: str) -> list[Explanation]:
        """The execution, and below it the sub-flow that its failure came from."""
        found = [await manager.explain(execution_id, seq)]
        while (child := found[-1].child) is not None:
            try:
                found.append(await manager.explain(child))
            except ExecutionNotFound:  # a file holds it only if it was exported with its children
                break
        return found

    found = ask_about(execution, db, question)
    if as_json:
        print_json(found[0])
        return
    for number, explanation in enumerate(found):
        if number:
            print_text(f"\nIts sub-flow {explanation.execution_id}:")
        print_explanation(explanation)


def print_explanation(found: Explanation) -> None:
    """Print it as a note for people: headline, route, attempts, what it waits for, what can be done next."""
    console = console_for(sys.stdout)
    at = f" after event {found.seq} of {found.last_seq}" if found.seq != found.last_seq else ""
    mark = MARKS.get(found.status, "·")
    console.print(
        safe(f"{mark} {found.flow_name} ({found.flow_id}), execution {found.execution_id}{at}:"), soft_wrap=True
    )
    console.print(f"  {safe(found.headline)}", soft_wrap=True, style="bold")
    if found.parent is not None:
        print_text(safe(f"  a sub-flow of {found.parent}"))
    _print_route(found)
    for entry in sorted((*found.upgrades, *found.overrides), key=lambda entry: entry.seqs):
        print_text(safe(f"  event {entry.seqs[0]}, {_time(entry.at)}: {entry.text}"))
    if found.attempts:
        print_text(f"\nAttempts of {safe(repr(found.attempts[-1].task))}")
        headers = ("attempt", "status", "started", "time", "error", "then")
        print_table(headers, [_row(entry) for entry in found.attempts], styled=1)
    if found.waits_for:
        print_text("\nIt waits")
        print_text("".join(f"  {safe(sentence)}\n" for sentence in found.waits_for))
    _print_ways(found)


def _print_route(found: Explanation) -> None:
    if not found.decisions:
        return
    print_text("\nRoute")
    rows = [
        (str(decision.seq), f"{decision.source} → {decision.target}", decision.reason) for decision in found.decisions
    ]
    print_table(("seq", "way", "why"), rows)


def _row(entry: Entry) -> tuple[str | None, ...]:
    took = None if entry.duration_us is None else entry.duration_us / _MICROSECONDS
    error = f"{entry.error.type}: {entry.error.message}" if entry.error is not None else entry.message
    retry = next((wait for wait in entry.waits if wait.what == "retry"), None)
    then = f"retry at {_time(retry.due)}" if retry is not None else f"to {entry.then}" if entry.then else None
    return (str(entry.attempt), entry.status, _time(entry.at), seconds_text(took), error, then)


def _time(text: str | None) -> str:
    return "" if text is None else local_time(datetime.fromisoformat(text))


def _print_ways(found: Explanation) -> None:
    """What can be done next."""
    ways = [f"flowsm show {found.execution_id}", f"flowsm events {found.execution_id}"]
    if found.status == "failed" and found.seq == found.last_seq:
        ways.append(f"flowsm retry {found.execution_id}   (goes on from the task that failed, earlier results kept)")
    print_text("\nNext\n" + "".join(f"  {way}\n" for way in ways))
