"""Secrets at run time: looked up for each attempt, put into the task's copy of its parameters, hidden in what comes back."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, Final

from msgspec.structs import replace

from flowsm.definition.secrets import MARK, SecretPlaces, Tokens
from flowsm.errors import SecretMissing, SecretUnusable, UsageError
from flowsm.limits import (
    ERROR_MESSAGE_MAX_CHARS,
    NAME_MAX_CHARS,
    SECRET_MAX_CHARS,
    SECRET_MIN_CHARS,
    TRACEBACK_MAX_CHARS,
)
from flowsm.tasks.outcome import Normalised, TaskError
from flowsm.tasks.veil import Veil

__all__ = ["VARIABLE_PREFIX", "SecretSource", "Secrets", "veiled"]

VARIABLE_PREFIX: Final = "FLOWSM_SECRET_"
"""What a variable's name begins with that flows may ask for: nothing else of the environment is theirs."""

SecretSource = Callable[[str], str | None] | Mapping[str, str]
"""A secret's name to its value; None, or no entry, where there is none."""


class Secrets:
    """Where the values of secrets are from.

    Args:
        source: asked for each attempt anew, on the event loop; by default the environment variables `FLOWSM_SECRET_…`.

    Raises:
        UsageError: it is neither a function nor a mapping.
    """

    def __init__(self, source: SecretSource | None = None) -> None:
        given: object = source
        if given is not None and not callable(given) and not isinstance(given, Mapping):
            kind = type(given).__name__
            raise UsageError(
                f"secrets is a {kind}, expected a function of a secret's name, or a mapping of names to values"
            )
        self._source = source

    def put(self, parameters: dict[str, Any], places: SecretPlaces, veil: Veil) -> None:
        """Put the values in their places, where nothing but the secrets' names stood; the veil hides them from then on.

        Raises:
            SecretMissing: there is none of that name.
            SecretUnusable: what there is cannot be a secret.
        """
        known: dict[str, str] = {}
        for tokens, name in places:
            holder = _holder(parameters, tokens)
            if holder is None or holder[tokens[-1]] != {MARK: name}:
                continue  # what was recorded is from another version of the flow
            if name not in known:
                known[name] = self._value(name)
                veil.hide(name, known[name])
            holder[tokens[-1]] = known[name]

    def _value(self, name: str) -> str:
        value: object
        if self._source is None:
            variable = VARIABLE_PREFIX + name
            value, remedy = (
                os.environ.get(variable),
                f"set the environment variable {variable}, and retry the execution",
            )
        else:
            try:
                value = self._source.get(name) if isinstance(self._source, Mapping) else self._source(name)
            except Exception as error:  # noqa: BLE001 - whoever gives secrets brings their own code, and words
                raise SecretUnusable(name, f"its source failed with {type(error).__name__}") from None
            remedy = "let FlowManager(secrets=...) know it, and retry the execution"
        if value is None:
            raise SecretMissing(name, remedy)
        problem = _problem(value)
        if problem:
            raise SecretUnusable(name, problem)
        return str(value)


def veiled(ended: Normalised, veil: Veil) -> Normalised:
    """What an attempt came to, without what is hidden; itself where nothing is."""
    if not veil:
        return ended
    result, error = ended.result, ended.error
    return Normalised(
        replace(
            result,
            message=_text(veil, result.message),
            data=veil.value(result.data),
            error=_text(veil, result.error),
            outcome=None if result.outcome is None else veil.word(result.outcome)[:NAME_MAX_CHARS],
            warnings=[veil.text(warning)[:ERROR_MESSAGE_MAX_CHARS] for warning in result.warnings],
        ),
        None
        if error is None
        else TaskError(
            type=veil.word(error.type),
            message=veil.text(error.message)[:ERROR_MESSAGE_MAX_CHARS],
            types=tuple(map(veil.word, error.types)),
            traceback=veil.text(error.traceback)[-TRACEBACK_MAX_CHARS:],
        ),
    )


def _text(veil: Veil, text: str | None) -> str | None:
    return None if text is None else veil.text(text)[:ERROR_MESSAGE_MAX_CHARS]


def _holder(parameters: Any, tokens: Tokens) -> Any:
    """What holds the place; None where it is not there."""
    for token in tokens[:-1]:
        if not _is_there(parameters, token):
            return None
        parameters = parameters[token]
    return parameters if _is_there(parameters, tokens[-1]) else None


def _is_there(value: Any, token: str | int) -> bool:
    if isinstance(value, dict):
        return token in value
    return isinstance(value, list) and isinstance(token, int) and token < len(value)


def _problem(value: object) -> str:
    """Why a value cannot be a secret, without a word of what it is."""
    if not isinstance(value, str):
        return f"expected a text, found a {type(value).__name__}"
    if len(value.strip()) < SECRET_MIN_CHARS:
        return (
            f"it has fewer than {SECRET_MIN_CHARS} characters, and what is so short cannot be hidden in what is recorded; "
            "set a longer one, and retry the execution"
        )
    if len(value) > SECRET_MAX_CHARS:
        return f"it has more than {SECRET_MAX_CHARS:,} characters"
    try:
        value.encode()
    except UnicodeEncodeError:
        return "expected UTF-8, found bytes that are not"
    return ""
