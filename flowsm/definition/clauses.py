"""Clauses: where they may point, and what each operator may be compared with."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any, Final

from flowsm.definition.pointer import MISSING, join_pointer, parse_pointer
from flowsm.definition.report import Place, Report, short_json

__all__ = ["RESULT_FIELDS", "check_clause", "check_path", "never_holds"]

RESULT_FIELDS: Final = ("status", "outcome", "message", "data", "error")
_TEXT_FIELDS: Final = frozenset({"status", "outcome", "message"})
_STATUSES: Final = frozenset({"success", "failure", "skipped"})
_STATUS_PATH: Final = re.compile("/results/[^/]*/status")
_LISTS: Final = frozenset({"in", "not_in"})
_ORDERED: Final = frozenset({"lt", "le", "gt", "ge"})
_PRESENCE: Final = frozenset({"exists", "empty"})
_RESULT_DEPTH: Final = 2  # /results/<task>


def check_path(path: str, place: Place, tasks: Collection[str] | None, report: Report) -> None:
    """Report a pointer that can lead nowhere: not into the input, nor into the result of a task, of any if None is given."""
    try:
        tokens = parse_pointer(path)
    except ValueError as error:
        hint = f"write {short_json('/' + path.removeprefix('#'))}" if path[:1] != "#" else "leave the '#' out"
        report.error("bad_pointer", place, str(error), path, hint if path[:1] != "/" else "")
        return
    root = tokens[0] if tokens else ""
    if root == "input":
        return
    if root != "results" or len(tokens) < _RESULT_DEPTH:
        hint = report.nearest(root, ("input", "results")) if root != "results" else ""
        report.error("bad_pointer", place, "expected /input… or /results/<task>…", path, hint)
        return
    if tasks is not None and tokens[1] not in tasks:
        near = report.nearest(tokens[1], tasks)
        report.error("bad_pointer", place, "expected the name of a task after /results/", path, near)
        return
    field = tokens[2] if len(tokens) > _RESULT_DEPTH else None
    if field is None:
        return
    if field not in RESULT_FIELDS:
        data = join_pointer((*tokens[:2], "data", *tokens[2:]))
        hint = report.nearest(field, RESULT_FIELDS) or f"did you mean {short_json(data)}?"
        report.error("bad_pointer", place, f"expected one of {', '.join(RESULT_FIELDS)} after the task", path, hint)
    elif field in _TEXT_FIELDS and len(tokens) > _RESULT_DEPTH + 1:
        report.error("bad_pointer", place, f"{field} is text: nothing lies inside it", path)


def check_clause(clause: dict[str, Any], place: Place, report: Report) -> None:
    """Report a value that the clause's operator cannot be asked with."""
    op = clause.get("op")
    if op is None or clause.get("value") is MISSING:  # reported before
        return
    if op in _PRESENCE:
        _expect(isinstance(clause.get("value", True), bool), "true or false, or no value", clause, place, report)
    elif "value" not in clause:
        report.error("missing_field", place, f"expected a field 'value', for {op} compares with one")
    elif op in _LISTS:
        _expect(isinstance(clause["value"], list), "a list", clause, place, report)
    elif op in _ORDERED:
        fits = isinstance(clause["value"], (int, float, str)) and not isinstance(clause["value"], bool)
        _expect(fits, "a number or text", clause, place, report)
    elif op == "starts_with":
        _expect(isinstance(clause["value"], str), "text", clause, place, report)


def _expect(fits: bool, expected: str, clause: dict[str, Any], place: Place, report: Report) -> None:
    if not fits:
        op = clause["op"]
        report.error("bad_clause_value", (place, "value"), f"expected {expected} for {op}", clause["value"])


def never_holds(clauses: list[dict[str, Any]]) -> str:
    """Why the clauses cannot all hold, whatever the values; empty where they may."""
    wanted: dict[str, Any] = {}
    for clause in clauses:
        path, op, value = clause["path"], clause["op"], clause.get("value")
        if op == "in" and not value:
            return "nothing is in an empty list"
        if op != "eq":
            continue
        if path in wanted and wanted[path] != value:
            return f"{path} cannot equal both {short_json(wanted[path])} and {short_json(value)}"
        wanted.setdefault(path, value)
        if _STATUS_PATH.fullmatch(path) and not (isinstance(value, str) and value in _STATUSES):
            return f"a status is one of {', '.join(sorted(_STATUSES))}, never {short_json(value)}"
    return ""
