"""Secrets: `{"$secret": "STRIPE_KEY"}` in a task's parameters, which stays so in everything that is recorded.

Only what stands in a flow's own document is one. An object of that form that comes by data (an input, a result, what an
operator puts in a recorded value's place) is data.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, TypeAlias

from flowsm.definition.model import FlowConfig, TaskConfig
from flowsm.definition.pointer import MISSING
from flowsm.definition.policy import RETRY_COUNT, TIMEOUT
from flowsm.definition.references import FROM
from flowsm.definition.report import Place, Report
from flowsm.definition.waiting import WAITING_TYPES
from flowsm.limits import SECRET_NAME_MAX_CHARS

__all__ = [
    "MARK",
    "MISPLACED",
    "SECRETS_PLACE",
    "SECRET_NAME_PATTERN",
    "SecretPlaces",
    "Tokens",
    "has_secrets",
    "is_secret",
    "lint_compared_secrets",
    "lint_policy_secrets",
    "lint_secrets",
    "lint_secrets_within",
    "secret_places",
    "secrets_of",
]

MARK: Final = "$secret"
MISPLACED: Final = "misplaced_secret"
SECRETS_PLACE: Final = "write the value itself: a secret can stand in a task's parameters alone"
SECRET_NAME_PATTERN: Final = f"^[A-Za-z_][A-Za-z0-9_]{{0,{SECRET_NAME_MAX_CHARS - 1}}}$"
_NAME: Final = re.compile(SECRET_NAME_PATTERN.strip("^$"), re.ASCII)
Tokens: TypeAlias = tuple[str | int, ...]
SecretPlaces: TypeAlias = tuple[tuple[Tokens, str], ...]
"""Places in a task's parameters, each with the name of the secret whose value belongs there."""


def has_secrets(value: Any) -> bool:
    """Whether there is a `$secret` anywhere in a value."""
    return next(_walk(value), None) is not None


def is_secret(value: Any) -> bool:
    """Whether a value has the form of a secret: a name under `$secret`, and nothing beside it."""
    return type(value) is dict and len(value) == 1 and _is_name(value.get(MARK))


def secret_places(task: TaskConfig) -> SecretPlaces:
    """Where values belong that are not recorded; none for a task of the engine's own, whose parameters it looks into."""
    if task.task_type in WAITING_TYPES:
        return ()
    found = _walk(task.parameters)
    return tuple((tokens, value[MARK]) for tokens, value, within in found if tokens and not within and is_secret(value))


def secrets_of(flow: FlowConfig, place: Tokens = ()) -> Iterator[tuple[Tokens, str]]:
    """Every secret that a flow uses, with its place; those of flows inside it are their own."""
    for number, task in enumerate(flow.tasks):
        for tokens, name in secret_places(task):
            yield (*place, "tasks", number, "parameters", *tokens), name


def lint_secrets(parameters: Any, task_type: str, root: Place, report: Report) -> None:
    """Report what cannot be a secret in a task's parameters, and what would be recorded there."""
    for tokens, value, within in _walk(parameters):
        place = _below(root, tokens)
        if FROM in value:  # which says what stands beside it
            continue
        if not tokens:
            report.error("bad_secret", root, "expected an object of parameters, found a secret: give it a name", value)
        elif within:
            message = "what a reference falls back to is recorded, so no secret can stand here"
            report.error(MISPLACED, place, message, value, "leave the default out, or use the secret itself")
        elif task_type in WAITING_TYPES:
            message = f"the parameters of {task_type} are recorded as they are, so no secret can stand here"
            hint = "write it into the task, or into the sub-flow's own task, that needs it"
            report.error(MISPLACED, place, message, value, hint)
        _lint_form(value, place, report)


def lint_secrets_within(flow: dict[str, Any], root: Place, report: Report) -> None:
    """Report what cannot be a secret in a flow that is written inside another one: where its secrets stand is its own."""
    for tokens, value, _ in _walk(flow):
        _lint_form(value, _below(root, tokens), report)


def lint_compared_secrets(value: Any, root: Place, report: Report, recorded: str) -> None:
    """Report secrets in what results are compared with as it is written; `recorded` says why that is recorded."""
    for tokens, found, _ in _walk(value):
        if is_secret(found):
            message = f"{recorded}, so no secret can stand here"
            report.error(MISPLACED, _below(root, tokens), message, found, "let a task compare, and ask its outcome")


def lint_policy_secrets(parameters: Any, task_type: str, root: Place, report: Report) -> frozenset[str]:
    """Report secrets under the names of parameters that the engine reads; gives these names."""
    found = frozenset(name for name in (TIMEOUT, RETRY_COUNT) if is_secret(parameters.get(name)))
    for name in sorted(found if task_type not in WAITING_TYPES else ()):
        message = f"the engine reads {name} as it is recorded, so no secret can stand here"
        hint = "write the number itself, or give a parameter of the task's own another name"
        report.error(MISPLACED, (root, name), message, parameters[name], hint)
    return found


def _lint_form(value: dict[str, Any], place: Place, report: Report) -> None:
    for key in value:
        if key != MARK:
            report.error("bad_secret", (place, key), f'expected only "{MARK}" in a secret')
    name = value[MARK]
    if name is not MISSING and not _is_name(name):
        message = (
            f"expected a name of letters, digits and _, not beginning with a digit, of at most {SECRET_NAME_MAX_CHARS}"
        )
        report.error("bad_secret", (place, MARK), message, name)


def _is_name(name: Any) -> bool:
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def _walk(value: Any) -> Iterator[tuple[Tokens, dict[str, Any], bool]]:
    """Every object with a `$secret`, in document order, with its place, and whether that is within a reference."""
    stack: list[tuple[Tokens, Any, bool]] = [((), value, False)]
    while stack:
        tokens, here, within = stack.pop()
        if isinstance(here, dict):
            if MARK in here:
                yield tokens, here, within
                continue
            inside = within or FROM in here
            stack.extend(((*tokens, key), item, inside) for key, item in reversed(here.items()))
        elif isinstance(here, (list, tuple)):
            stack.extend(((*tokens, index), here[index], within) for index in reversed(range(len(here))))


def _below(place: Place, tokens: Tokens) -> Place:
    for token in tokens:
        place = (place, token)
    return place
