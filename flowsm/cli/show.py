"""`flowsm show`: one execution."""

from __future__ import annotations

import sys
from datetime import datetime

from rich.text import Text

from flowsm.cli.opening import ask_about
from flowsm.cli.options import DEFAULT_DB, AsJson, Db, ExecutionOrFile
from flowsm.cli.output import (
    console_for,
    local_time,
    print_json,
    print_text,
    safe,
    seconds_text,
    short,
    status_text,
    talk,
)
from flowsm.cli.table import print_table
from flowsm.cli.waiting import Standing, standing_of
from flowsm.definition.places import place_text
from flowsm.manager import FlowManager
from flowsm.runtime.execution import FlowExecution
from flowsm.tasks.result import TaskResult
from flowsm.wording.owner import deserted

__all__ = ["show"]


def show(execution: ExecutionOrFile, /, *, db: Db = DEFAULT_DB, as_json: AsJson = False) -> None:
    """Show one execution: status, path, results."""

    async def question(manager: FlowManager, execution_id: str) -> tuple[FlowExecution, str, Standing]:
        found = await manager.get_flow_status(execution_id)
        holds = await manager.holds([found.execution_id])
        held = [f"{hold.words}, since {local_time(datetime.fromisoformat(hold.since))}" for hold in holds]
        said = await deserted(manager, [(found.execution_id, found.status)])
        if as_json:
            return found, "", Standing()
        standing = await standing_of(manager, found.execution_id)
        standing.waits = held or standing.waits
        return found, said.get(found.execution_id, ""), standing

    found, owner, standing = ask_about(execution, db, question)
    if as_json:
        print_json(found)
        return
    _print_head(found, owner, standing)
    if found.task_results:
        print_text("")
        rows = [_row(name, result) for name, result in found.task_results.items()]
        print_table(("task", "status", "outcome", "time", "message", "data"), rows, styled=1)
    for name, result in found.task_results.items():
        for warning in result.warnings:
            talk(f"warning: {safe(name)}: {safe(warning)}")


def _print_head(found: FlowExecution, owner: str, standing: Standing) -> None:
    console = console_for(sys.stdout)
    lines = {
        "execution": Text(found.execution_id),
        "flow": Text(safe(f"{found.flow_name} ({found.flow_id})")),
        "forked": Text(f"off {found.forked_from}, after its seq {found.forked_at}" if found.forked_from else ""),
        "upgraded": Text(safe(standing.upgraded)),
        "status": status_text(found.status.value).append(safe(standing.besides)),
        "worker": Text(f"{owner}; `flowsm run {found.execution_id}` or `flowsm worker` goes on" if owner else ""),
        "waits": Text(safe("; ".join(standing.waits))),
        "error": Text(safe(found.error or "")),
        "current": Text(safe(found.current_task or "")),
        "path": Text(" → ".join(safe(task) for task in found.path)),
        "skipped": Text(", ".join(safe(task) for task in found.skipped_tasks)),
        "created": Text(local_time(found.created_at)),
        "started": Text(local_time(found.started_at)),
        "ended": Text(_ended(found)),
        "overrides": Text(safe(", ".join(f"{place_text(at)}={short(to)}" for at, to in found.overrides.items()))),
        "input": Text("" if found.input is None else short(found.input)),
    }
    for label, text in lines.items():
        if text.plain:
            console.print(Text.assemble((f"{label:<10}", "bold"), text), soft_wrap=True)


def _ended(found: FlowExecution) -> str:
    if found.ended_at is None:
        return ""
    took = (found.ended_at - found.started_at).total_seconds() if found.started_at else None
    return f"{local_time(found.ended_at)} ({seconds_text(took) or 'not started'})"


def _row(name: str, result: TaskResult) -> tuple[str | None, ...]:
    said = result.error or result.message
    data = "" if result.data is None else short(result.data)
    outcome = None if result.outcome == result.status.value else result.outcome
    return (name, result.status.value, outcome, seconds_text(result.execution_time), said, data)
