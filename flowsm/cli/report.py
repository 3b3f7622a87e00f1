"""Reports of what was done to the whole log, in lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import msgspec

from flowsm.cli.exit_codes import FAILED, FINE
from flowsm.cli.output import print_json, print_text, safe

__all__ = ["answer", "report_lines"]


class Report(Protocol):
    """What a report on the whole log can be asked."""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        ...


def answer(report: Report, *, as_json: bool, well: str, ill: str) -> int:
    """Print the report, after one line that says how it stands; returns the exit code."""
    if as_json:
        print_json({"ok": report.ok, **msgspec.to_builtins(report)})
    else:
        print_text(well if report.ok else ill)
        for line in report_lines(report):
            print_text(line)
    return FINE if report.ok else FAILED


def report_lines(report: Any) -> Iterator[str]:
    """A line per figure of the report, and one per problem."""
    fields: dict[str, Any] = msgspec.to_builtins(report)
    problems = fields.pop("problems", [])
    fields.pop("ok", None)
    for name, value in fields.items():
        if not isinstance(value, (dict, list)):
            yield f"{safe(name.replace('_', ' '))}: {safe(value)}"
    for problem in problems:
        yield f"problem: {safe(_sentence(problem))}"


def _sentence(problem: dict[str, Any]) -> str:
    """The place, as far as one is to blame, and what is wrong there."""
    seq = f"seq {problem['seq']}" if problem["seq"] else ""
    place = ", ".join(part for part in (problem["stream"], seq) if part)
    return f"{place}: {problem['message']}" if place else problem["message"]
