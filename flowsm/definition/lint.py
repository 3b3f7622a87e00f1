"""Linting: what a flow's names, pointers and clauses say of one another.

It works on the checked fields of a document, some of which may be missing because they were wrong,
so that one mistake does not hide the others.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Final

from flowsm.definition.clauses import check_clause, check_path
from flowsm.definition.graph import lint_routes
from flowsm.definition.kinds import INVALID
from flowsm.definition.model import RESERVED_TARGETS
from flowsm.definition.pointer import MISSING, parse_pointer, resolve_pointer
from flowsm.definition.policy import RETRY_COUNT, TIMEOUT, usable_retry_count, usable_timeout
from flowsm.definition.references import DEFAULT, FROM, is_reference, walk_references
from flowsm.definition.report import Place, Report
from flowsm.definition.secrets import (
    MARK,
    has_secrets,
    lint_compared_secrets,
    lint_policy_secrets,
    lint_secrets,
    lint_secrets_within,
)
from flowsm.definition.waiting import SUBFLOW, WAIT, WAITING_TYPES
from flowsm.findings import Severity
from flowsm.limits import NAME_MAX_CHARS, RETRY_MAX_ATTEMPTS, TIMEOUT_MAX_SECONDS

__all__ = ["ParameterCheck", "default_task_type", "lint"]

_RESERVED_NAMES: Final = RESERVED_TARGETS | {"created", "completed", "failed", "cancelled"}
_ROUTE_FIELDS: Final = frozenset({"source_task", "outcome", "when", "target_task_success", "target_task_failure"})
_CONDITIONS: Final = "conditions are recorded with what they compare"
_SCHEMAS: Final = "schemas are recorded, and asked as they are written"
Checked = dict[str, Any]
ParameterCheck = Callable[[str, dict[str, Any]], list[str]]
"""(task type, parameters) → problems, each as `"/pointer: what is wrong"`."""


def default_task_type(name: str) -> str:
    """The task type of a task that gives none."""
    return name.lower().replace(" ", "_")


def lint(
    flow: Checked,
    document: dict[str, Any],
    place: Place,
    report: Report,
    *,
    task_types: Collection[str] | None,
    unknown: Severity,
    check_parameters: ParameterCheck | None = None,
) -> None:
    """Report what does not fit together in a flow whose fields have been checked.

    Args:
        flow: the fields that are right.
        document: the flow object as it was written.
        place: where the flow object lies.
        report: takes the findings.
        task_types: the task types that are registered; None for not to look.
        unknown: the severity of a task type that is not among them.
        check_parameters: tells what is wrong with the parameters of a registered type; None for not to look.
    """
    if "tasks" not in flow:  # then every name would be unknown
        return
    tasks = _objects(flow["tasks"], (place, "tasks"))
    conditions = _objects(flow.get("conditions"), (place, "conditions"))
    names = _lint_task_names(tasks, report)
    if task_types is not None:
        _lint_task_types(tasks, report, task_types, unknown)
        if check_parameters is not None:
            _lint_declared_parameters(tasks, report, task_types, check_parameters)
    lint_compared_secrets(flow.get("input_schema"), (place, "input_schema"), report, _SCHEMAS)
    before = report.errors
    if "start_task" in flow and flow["start_task"] not in names:
        _unknown("unknown_start_task", (place, "start_task"), flow["start_task"], names, report)
    if flow.get("on_cancel") is not None and flow["on_cancel"] not in names:
        _unknown("unknown_on_cancel", (place, "on_cancel"), flow["on_cancel"], names, report)
    _lint_cleaning(flow, place, report)
    _lint_conditions(conditions, names, report)
    routes_are_known = report.errors == before and len(names) == len(flow["tasks"])
    for task, where in tasks:
        _lint_clauses(task.get("skip_when"), (where, "skip_when"), names, report)
        _lint_parameters(task, where, names, report)
        _lint_retry(task, where, report)
        lint_compared_secrets(task.get("result_schema"), (where, "result_schema"), report, _SCHEMAS)
    for condition, where in conditions:
        _lint_clauses(condition.get("when"), (where, "when"), names, report)
    if routes_are_known and _routes_are_whole(flow, document):
        lint_routes(flow, place, report)


def _objects(items: Any, place: Place) -> list[tuple[Checked, Place]]:
    return [(item, (place, index)) for index, item in enumerate(items or ()) if item is not INVALID]


def _lint_cleaning(flow: Checked, place: Place, report: Report) -> None:
    """A task that cleans up has no end but its own: not the flow's timeout, and no pause."""
    for task in flow["tasks"]:
        if task is INVALID or flow.get("on_cancel") is None or task.get("name") != flow["on_cancel"]:
            continue
        parameters = task.get("parameters")
        legacy = parameters.get(TIMEOUT) if isinstance(parameters, dict) else None
        if task.get("timeout") is None and usable_timeout(legacy) is None and task.get("task_type") != WAIT:
            message = "it has no timeout, and no other ends it: a cancellation may hang"
            report.warning(
                "on_cancel_without_timeout", (place, "on_cancel"), message, task["name"], "give the task one"
            )


def _routes_are_whole(flow: Checked, document: dict[str, Any]) -> bool:
    """Whether everything that the document says of its routes was right."""
    conditions, written = flow.get("conditions", []), document.get("conditions", [])
    if "start_task" not in flow or not isinstance(written, list) or len(conditions) != len(written):
        return False
    return all(
        condition is not INVALID
        and _ROUTE_FIELDS.intersection(raw) <= condition.keys() >= {"source_task", "target_task_success"}
        and all(map(_is_whole, condition.get("when", ())))
        for condition, raw in zip(conditions, written, strict=True)
    )


def _is_whole(clause: Any) -> bool:
    return clause is not INVALID and clause.keys() >= {"path", "op"} and clause.get("value") is not INVALID


def _lint_task_names(tasks: list[tuple[Checked, Place]], report: Report) -> dict[str, int]:
    """The names of the tasks, in order, each with the number of its first task."""
    names: dict[str, int] = {}
    for number, (task, where) in enumerate(tasks):
        name = task.get("name")
        if name is None:
            continue
        if name in _RESERVED_NAMES:
            report.error("reserved_name", (where, "name"), "expected a name that is not reserved", name)
        if name in names:
            message = f"expected a name of its own, but task {names[name]} (counted from 0) has it too"
            report.error("duplicate_task", (where, "name"), message, name)
        names.setdefault(name, number)
        if "task_type" not in task and len(name) <= NAME_MAX_CHARS < len(default_task_type(name)):
            message = f"the task type made of this name has more than {NAME_MAX_CHARS} characters"
            report.error("bad_name", (where, "name"), message, name, "give a task_type")
    return names


def _lint_task_types(
    tasks: list[tuple[Checked, Place]], report: Report, task_types: Collection[str], unknown: Severity
) -> None:
    known = frozenset(task_types)
    for task, where in tasks:
        if "task_type" not in task and "name" not in task:
            continue
        task_type = task.get("task_type") or default_task_type(task["name"])
        if task_type in known:
            continue
        add = report.error if unknown == "error" else report.warning
        field = "task_type" if "task_type" in task else "name"
        hint = report.nearest(task_type, sorted(known)) or "register it, or load its module with --tasks"
        add("unknown_task_type", (where, field), "expected a registered task type", task_type, hint)


def _lint_declared_parameters(
    tasks: list[tuple[Checked, Place]], report: Report, task_types: Collection[str], check: ParameterCheck
) -> None:
    """Ask the task types' own code about the parameters of their tasks."""
    for task, where in tasks:
        task_type = _type_of(task)
        if task_type not in task_types or task.get("parameters") is INVALID:
            continue
        for problem in check(task_type, task.get("parameters", {})):
            pointer, _, message = problem.partition(": ")
            place: Place = (where, "parameters")
            tokens = () if pointer == "/" else parse_pointer(pointer)
            for token in tokens:
                place = (place, token)
            value = resolve_pointer(task.get("parameters", {}), tokens) if tokens else MISSING
            secret = has_secrets(value)
            if not (secret and task_type in WAITING_TYPES):  # where none can stand, and that is told of each
                report.error("bad_parameters", place, message, value if secret else MISSING)


def _lint_conditions(conditions: list[tuple[Checked, Place]], names: Collection[str], report: Report) -> None:
    seen: dict[str, int] = {}
    targets = [*names, *sorted(RESERVED_TARGETS)]
    known = frozenset(targets)
    for number, (condition, where) in enumerate(conditions):
        name = condition.get("name")
        if name in seen:
            message = f"expected a name of its own, but condition {seen[name]} (counted from 0) has it too"
            report.error("duplicate_condition", (where, "name"), message, name)
        if name is not None:
            seen.setdefault(name, number)
        source = condition.get("source_task")
        if source is not None and source not in names:
            _unknown("unknown_source_task", (where, "source_task"), source, names, report)
        for field in ("target_task_success", "target_task_failure"):
            if field in condition and condition[field] not in known:
                _unknown("unknown_target", (where, field), condition[field], targets, report)


def _unknown(code: str, place: Place, name: str, names: Collection[str], report: Report) -> None:
    expected = "a task of the flow, or end, end_success, end_failure" if code == "unknown_target" else "a task"
    report.error(code, place, f"expected the name of {expected}", name, report.nearest(name, names))


def _lint_clauses(clauses: Any, place: Place, names: Collection[str], report: Report) -> None:
    for clause, where in _objects(clauses, place):
        if "path" in clause:
            check_path(clause["path"], (where, "path"), names, report)
        check_clause(clause, where, report)
        lint_compared_secrets(clause.get("value"), (where, "value"), report, _CONDITIONS)


def _type_of(task: Checked) -> str:
    task_type: str = task.get("task_type") or default_task_type(task.get("name", ""))
    return task_type


def _lint_parameters(task: Checked, where: Place, names: Collection[str], report: Report) -> None:
    parameters, task_type = task.get("parameters", {}), _type_of(task)
    root: Place = (where, "parameters")
    own = parameters.get("flow") if task_type == SUBFLOW and isinstance(parameters, dict) else None
    if (
        isinstance(own, dict) and MARK not in own and not is_reference(own)
    ):  # what is in that flow is about its own tasks
        inside: Place = (root, "flow")
        lint_secrets_within(own, inside, report)
        _lint_references(own, inside, None, report)
        parameters = {key: value for key, value in parameters.items() if key != "flow"}
    lint_secrets(parameters, task_type, root, report)
    _lint_references(parameters, root, names, report)
    secret = lint_policy_secrets(parameters, task_type, root, report)
    timeout, count = (None if name in secret else _said(parameters.get(name)) for name in (TIMEOUT, RETRY_COUNT))
    if timeout is not None and "timeout" not in task and usable_timeout(timeout) is None:
        message = f"ignored, for it is not a number of seconds above 0 and at most {TIMEOUT_MAX_SECONDS}"
        report.warning(_code(timeout), (root, TIMEOUT), message, timeout, "give the task a timeout")
    if count is not None and "retry" not in task and usable_retry_count(count) is None:
        message = f"ignored, for it is not a whole number from 0 to {RETRY_MAX_ATTEMPTS - 1}"
        report.warning(_code(count), (root, RETRY_COUNT), message, count, "give the task a retry")


def _lint_references(parameters: Any, root: Place, names: Collection[str] | None, report: Report) -> None:
    """Report what cannot be a reference, or can lead nowhere; `names` are the tasks, if they are known."""
    for tokens, reference in walk_references(parameters):
        at = root
        for token in tokens:
            at = (at, token)
        if not tokens and names is not None:
            message = "expected an object of parameters, found a reference: give it a name"
            report.error("wrong_type", root, message, reference)
        for key in [key for key in reference if key not in {FROM, DEFAULT}]:
            report.error("unknown_field", (at, key), 'expected only "$from" and "default" in a reference')
        if isinstance(reference[FROM], str):
            check_path(reference[FROM], (at, FROM), names, report)
        elif reference[FROM] is not MISSING:
            report.error("wrong_type", (at, FROM), "expected a JSON pointer, as text", reference[FROM])


def _said(value: Any) -> Any:
    return None if value is MISSING else value


def _code(value: Any) -> str:
    return "out_of_range" if isinstance(value, (int, float)) and not isinstance(value, bool) else "wrong_type"


def _lint_retry(task: Checked, where: Place, report: Report) -> None:
    retry = task.get("retry", {})
    initial, most = retry.get("initial_interval"), retry.get("max_interval", 60.0)
    if initial is not None and initial > most:
        message = f"it is more than max_interval, {most:g}, which holds instead"
        report.warning("out_of_range", ((where, "retry"), "initial_interval"), message, initial)
