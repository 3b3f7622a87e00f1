"""`flowsm doctor`: the whole examination of a log."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from flowsm.cli.exit_codes import FAILED, FINE
from flowsm.cli.opening import ask
from flowsm.cli.options import DEFAULT_DB, AsJson, Db, TasksOption
from flowsm.cli.output import print_json, print_text, safe
from flowsm.cli.tasks_option import load_tasks
from flowsm.upkeep.doctor import DoctorReport

__all__ = ["doctor"]


def doctor(
    *,
    anchor: Annotated[Path | None, Parameter(help="Compare with what `flowsm anchor` noted earlier.")] = None,
    tasks: TasksOption = None,
    db: Db = DEFAULT_DB,
    as_json: AsJson = False,
) -> int:
    """Examine the log: the file's integrity, sizes and versions, verify, stuck executions and why, an anchor.

    Exit code 1 when something is wrong.
    """
    load_tasks(tasks)
    report = ask(db, lambda manager: manager.doctor(anchor=anchor))
    if as_json:
        print_json({"ok": report.ok, **msgspec.to_builtins(report)})
    else:
        _print(report)
    return FINE if report.ok else FAILED


def _headline(report: DoctorReport) -> str:
    """Whether the log is well; executions that nobody goes on with are no fault of the log."""
    if report.ok:
        return "✓ the log is well"
    stuck = sum(trouble.kind == "stuck" for trouble in report.troubles)
    if stuck < report.trouble_count:
        return "✗ the log is not well"
    return f"✗ the log itself is well; {stuck:,} of its executions do not go on as they should"


def _print(report: DoctorReport) -> None:
    print_text(_headline(report))
    fields = msgspec.to_builtins(report)
    troubles = fields.pop("troubles")
    anchored = fields.pop("anchor")
    if anchored:
        fields["compared with the anchor of"] = f"{anchored['made_at']} ({anchored['streams']} streams)"
    for name, value in fields.items():
        print_text(f"{name.replace('_', ' ')}: {safe(value)}")
    for trouble in troubles:
        found = f" ({trouble['value']})" if trouble["value"] else ""
        print_text(safe(f"{trouble['kind']}: {trouble['place']}{found}: {trouble['message']}; {trouble['way_out']}"))
