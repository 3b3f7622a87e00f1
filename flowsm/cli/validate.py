"""`flowsm validate`: everything that is wrong with a flow document, at once."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Annotated

from flowsm.cli.exit_codes import FINE, INVALID
from flowsm.cli.flow_or_id import or_stdin
from flowsm.cli.options import AsJson, TasksOption
from flowsm.cli.output import counted, print_json, print_text, safe
from flowsm.cli.tasks_option import load_tasks
from flowsm.definition.load import Checked, check_flow

__all__ = ["print_findings", "validate"]


def validate(
    file: Annotated[
        str,
        or_stdin("A flow document: a path, or - for stdin.", name="FILE"),
    ],
    /,
    *,
    tasks: TasksOption = None,
    as_json: AsJson = False,
) -> int:
    """Check a flow document: every error and warning at once. Runs nothing of it.

    A task type that is not registered is a warning, or with --tasks an error.
    """
    registry = load_tasks(tasks)
    source = file if file == "-" else Path(file)
    with contextlib.redirect_stdout(sys.stderr):  # task types of other distributions are imported to be asked
        checked = check_flow(
            source,
            known_task_types=registry.types(),
            unknown_types="error" if tasks else "warning",
            check_parameters=registry.check_parameters,
        )
    print_findings(checked, as_json=as_json)
    return INVALID if checked.flow is None else FINE


def print_findings(checked: Checked, *, as_json: bool) -> None:
    """Print the findings, and whether they let the flow pass, on stdout."""
    if as_json:
        print_json({"source": checked.source, "valid": checked.flow is not None, "findings": checked.findings})
        return
    for finding in checked.findings:
        print_text(safe(finding))
    if checked.flow is None:
        errors = sum(finding.severity == "error" for finding in checked.findings)
        print_text(f"{safe(checked.source)}: {counted(errors, 'error')}")
        return
    tasks, conditions = counted(len(checked.flow.tasks), "task"), counted(len(checked.flow.conditions), "condition")
    print_text(f"{safe(checked.source)}: valid: {tasks}, {conditions}")
