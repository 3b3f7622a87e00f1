"""The routes of a flow: what can be reached, what can be met, and whether every task has a way out.

Conservative: a task may have any outcome, and a clause may hold or not, unless it cannot.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from flowsm.definition.clauses import never_holds
from flowsm.definition.model import END, RESERVED_TARGETS
from flowsm.definition.report import Place, Report

__all__ = ["lint_routes", "reach"]

_Condition = dict[str, Any]
_Numbered = list[tuple[int, _Condition]]


def lint_routes(flow: dict[str, Any], place: Place, report: Report) -> None:
    """Report dead tasks and conditions, and tasks without a way out, of a flow whose names all fit."""
    numbers = {task["name"]: number for number, task in enumerate(flow["tasks"])}
    asked: dict[str, _Numbered] = {name: [] for name in numbers}
    for number, condition in enumerate(flow.get("conditions", ())):
        asked[condition["source_task"]].append((number, condition))
    never_met = {number: reason for of_task in asked.values() for number, reason in _never_met(of_task)}
    edges = {name: _targets(of_task, never_met) for name, of_task in asked.items()}
    cleaning = [flow["on_cancel"]] if flow.get("on_cancel") is not None else []
    reached = reach([flow["start_task"], *cleaning], edges)
    for name, number in numbers.items():
        if name not in reached:
            report.warning(
                "unreachable_task", ((place, "tasks"), number), "nothing leads to this task from the start task", name
            )
    conditions: Place = (place, "conditions")
    for name, of_task in asked.items():
        for number, condition in of_task:
            where: Place = (conditions, number)
            if name not in reached:
                message = "it is never asked, for nothing leads to its source_task"
                report.warning("condition_never_asked", where, message, name)
            if number in never_met:
                report.warning("condition_never_met", where, f"it is never met: {never_met[number]}")
            _lint_failure_target(condition, of_task[-1], where, report)
    _lint_ways_out(numbers, edges, place, report)


def reach(start: Iterable[str], edges: dict[str, list[str]]) -> set[str]:
    """Every task that can be reached from the first ones, these included."""
    todo = list(start)
    reached = set(todo)
    while todo:
        for target in edges.get(todo.pop(), ()):
            if target not in reached:
                reached.add(target)
                todo.append(target)
    return reached


def _targets(of_task: _Numbered, never_met: dict[int, str]) -> list[str]:
    """Where a task may lead; a task without a condition ends the flow."""
    if not of_task:
        return [END]
    targets = [condition["target_task_success"] for number, condition in of_task if number not in never_met]
    return [*targets, of_task[-1][1].get("target_task_failure", END)]


def _never_met(of_task: _Numbered) -> list[tuple[int, str]]:
    """The conditions of one task that can never be met, each with the reason.

    One that asks at least what an earlier one asks is met only when that one was met before it.
    """
    found: list[tuple[int, str]] = []
    earlier: dict[tuple[str, str], list[tuple[int, frozenset[str]]]] = {}  # by outcome, and one of its clauses
    for number, condition in of_task:
        outcome, clauses = condition.get("outcome", "success"), condition.get("when", [])
        asked = frozenset(json.dumps(clause, sort_keys=True, default=str) for clause in clauses)
        reason = never_holds(clauses)
        if not reason:
            others = (other for clause in ("", *asked) for other in earlier.get((outcome, clause), ()))
            first = min((other for other, less in others if less <= asked), default=None)
            if first is not None:
                reason = f"condition {first} (counted from 0) is met whenever this one would be"
        if reason:
            found.append((number, reason))
        else:
            earlier.setdefault((outcome, min(asked, default="")), []).append((number, asked))
    return found


def _lint_failure_target(condition: _Condition, last: tuple[int, _Condition], where: Place, report: Report) -> None:
    """Only the last condition's failure target is taken: say so where another one's differs."""
    target, taken = condition.get("target_task_failure"), last[1].get("target_task_failure", END)
    if target is not None and condition is not last[1] and target != taken:
        message = f"it is never taken: when no condition of the task is met, the last one (number {last[0]}) decides"
        report.warning("target_never_taken", (where, "target_task_failure"), message, target)


def _lint_ways_out(numbers: dict[str, int], edges: dict[str, list[str]], place: Place, report: Report) -> None:
    sources: dict[str, list[str]] = {}
    for name, targets in edges.items():
        for target in targets:
            sources.setdefault(target, []).append(name)
    safe = reach(RESERVED_TARGETS, sources)
    lost = [name for name in numbers if name not in safe]
    # Where a lost task leads is lost too. The lost tasks that come back to themselves are the cycles.
    done: set[str] = set()
    for name in lost:
        if name in done:
            continue
        ahead = reach([name], edges)
        cycle = ahead & reach([name], sources)
        done |= cycle
        where: Place = ((place, "tasks"), numbers[name])
        if ahead == cycle:
            names = ", ".join(repr(other) for other in numbers if other in cycle)
            report.error("cycle_without_exit", where, f"no condition leads out of the cycle {names}", name, _MEND)
        else:
            for other in (other for other in numbers if other in cycle):
                place_of = ((place, "tasks"), numbers[other])
                report.error("no_end_reachable", place_of, "no way from this task leads to an end", other, _MEND)


_MEND = "let a condition lead to end, end_success or end_failure"
