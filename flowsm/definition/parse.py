"""Parsing: from a raw document to a `FlowConfig`, with everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from flowsm.definition.fields import FLOW
from flowsm.definition.kinds import INVALID, AnyValue, Field, Record, Text
from flowsm.definition.lint import ParameterCheck, default_task_type, lint
from flowsm.definition.model import Clause, ConditionConfig, FlowConfig, RetryPolicy, TaskConfig
from flowsm.definition.plain import plain_document
from flowsm.definition.report import Place, Report
from flowsm.findings import Severity
from flowsm.limits import NAME_MAX_CHARS

__all__ = ["parse_flow"]

_WRAPPERS: Final = {
    name: Record(
        "wrapping",
        (
            Field(name="$schema", kind=Text(), about="The JSON Schema of flows, for editors."),
            Field(name=name, kind=AnyValue(), about="The flow."),
        ),
    )
    for name in ("flow_config", "flow")
}
_SUFFIX_CHARS: Final = 8  # of "#5000", and some


def parse_flow(
    document: Any,
    report: Report,
    task_types: Collection[str] | None = None,
    unknown: Severity = "error",
    check_parameters: ParameterCheck | None = None,
) -> FlowConfig | None:
    """The flow of a raw document; None when the report holds an error.

    Args:
        document: what a reader, or a caller, gave.
        report: takes the findings.
        task_types: the task types that are registered; None for not to look.
        unknown: the severity of a task type that is not among them.
        check_parameters: tells what is wrong with the parameters of a registered type.
    """
    document = plain_document(document, report)
    document, place = _unwrap(document, report)
    if document is INVALID:
        return None
    checked = FLOW.check(document, place, report)
    if checked is INVALID:
        return None
    lint(
        checked,
        document,
        place,
        report,
        task_types=task_types,
        unknown=unknown,
        check_parameters=check_parameters,
    )
    return None if report.errors else _build(checked)


def _unwrap(document: Any, report: Report) -> tuple[Any, Place]:
    """The flow object and its place, whichever of the three wrappings it has."""
    place: Place = None
    for name, record in _WRAPPERS.items():
        if isinstance(document, dict) and name in document:
            record.check(document, place, report)
            document, place = document[name], (place, name)
            if name == "flow_config" and isinstance(document, dict) and "flow" not in document:
                report.error("missing_field", place, "expected a field 'flow' in flow_config")
    return document, place


def _build(checked: dict[str, Any]) -> FlowConfig:
    fields = {name: value for name, value in checked.items() if name not in {"$schema", "tasks", "conditions"}}
    tasks = tuple(_task(task) for task in checked["tasks"])
    return FlowConfig(**fields, tasks=tasks, conditions=_conditions(checked.get("conditions", [])))


def _task(checked: dict[str, Any]) -> TaskConfig:
    fields = {"task_type": default_task_type(checked["name"]), **checked}
    if "retry" in fields:
        retry = fields["retry"]
        fields["retry"] = RetryPolicy(**retry | {"non_retryable_errors": tuple(retry.get("non_retryable_errors", ()))})
    fields["skip_when"] = _clauses(fields.get("skip_when", []))
    return TaskConfig(**fields)


def _conditions(checked: list[dict[str, Any]]) -> tuple[ConditionConfig, ...]:
    """The conditions, each that has none with a name: `task:outcome`, or `task:outcome#2` where that is taken."""
    taken = {condition["name"] for condition in checked if "name" in condition}
    used: dict[str, int] = {}
    built = []
    for condition in checked:
        name = condition.get("name")
        if name is None:
            stem = f"{condition['source_task']}:{condition.get('outcome', 'success')}"
            stem = stem[: NAME_MAX_CHARS - _SUFFIX_CHARS]
            number = used.get(stem, 0) + 1
            while (name := stem if number == 1 else f"{stem}#{number}") in taken:
                number += 1
            used[stem] = number
            taken.add(name)
        built.append(ConditionConfig(**condition | {"name": name, "when": _clauses(condition.get("when", []))}))
    return tuple(built)


def _clauses(checked: list[dict[str, Any]]) -> tuple[Clause, ...]:
    """The clauses; `exists` and `empty` without a value mean true."""
    return tuple(
        Clause(**{"value": True} | clause if clause["op"] in {"exists", "empty"} else clause) for clause in checked
    )
