"""Reports of what was done to the whole log, in lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from flowsm.cli.output import safe

__all__ = ["report_lines"]


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
