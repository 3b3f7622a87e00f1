"""`flowsm history`: every attempt of every task of an execution."""

from __future__ import annotations

from datetime import datetime

from flowsm.cli.opening import ask_about
from flowsm.cli.options import DEFAULT_DB, AsJson, Db, ExecutionOrFile
from flowsm.cli.output import local_time, print_json, print_text, safe, seconds_text
from flowsm.cli.table import print_table
from flowsm.manager import FlowManager
from flowsm.projections.queries import AttemptRow
from flowsm.replay.timeline import Entry

__all__ = ["history"]

_MICROSECONDS = 1_000_000


def history(execution: ExecutionOrFile, /, *, db: Db = DEFAULT_DB, as_json: AsJson = False) -> None:
    """Print every attempt of every task of an execution, in the order of their starts; below, how it was upgraded."""

    async def question(manager: FlowManager, found: str) -> tuple[list[AttemptRow], tuple[Entry, ...]]:
        attempts = await manager.history(found)
        status = await manager.get_flow_status(found)
        return attempts, (await manager.explain(found)).upgrades if status.upgrades and not as_json else ()

    found, upgrades = ask_about(execution, db, question)
    if as_json:
        print_json(found)
        return
    headers = ("task", "visit", "attempt", "status", "outcome", "started", "time", "message")
    print_table(headers, [_row(attempt) for attempt in found], styled=3)
    for upgrade in upgrades:
        print_text(safe(f"{local_time(datetime.fromisoformat(upgrade.at))}: {upgrade.text}"))


def _row(attempt: AttemptRow) -> tuple[object, ...]:
    took = None if attempt.duration_us is None else attempt.duration_us / _MICROSECONDS
    return (
        attempt.task,
        attempt.visit,
        attempt.attempt,
        attempt.status,
        None if attempt.outcome == attempt.status else attempt.outcome,
        local_time(attempt.started_at),
        seconds_text(took),
        attempt.error or attempt.message,
    )
