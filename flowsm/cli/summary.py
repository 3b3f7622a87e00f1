"""`flowsm summary`: everything at a glance."""

from __future__ import annotations

from flowsm.cli.opening import ask
from flowsm.cli.options import DEFAULT_DB, AsJson, Db
from flowsm.cli.output import counted, print_json, print_text, seconds_text
from flowsm.cli.table import print_table
from flowsm.projections.queries import Statistic

__all__ = ["summary"]


def summary(*, db: Db = DEFAULT_DB, as_json: AsJson = False) -> None:
    """Count executions by status, and the outcomes of flows and tasks."""
    found = ask(db, lambda manager: manager.summary())
    if as_json:
        print_json(found)
        return
    counts = ", ".join(f"{count} {status}" for status, count in found.status_counts.items())
    print_text(counted(found.total_flows, "execution") + (f": {counts}" if counts else ""))
    if found.flows:
        print_text("")
        print_table(("flow", "ended", "count", "mean time"), [_row(entry, ()) for entry in found.flows])
    if found.tasks:
        print_text("")
        rows = [_row(entry, (entry.task,)) for entry in found.tasks]
        print_table(("flow", "task", "outcome", "count", "mean time"), rows)


def _row(entry: Statistic, task: tuple[str, ...]) -> tuple[object, ...]:
    return (entry.flow_id, *task, entry.outcome, entry.count, seconds_text(entry.mean_seconds))
