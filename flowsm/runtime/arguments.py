"""What callers give with an operator's verb: checked, and made plain, before anything is decided.

What a process records must be read by the next one: an argument of another type would be a stored event that is not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Final, TypeVar, get_args

import msgspec

from flowsm.definition.places import place_pointer, set_once
from flowsm.errors import UsageError
from flowsm.events.codec import decode_fact, encode_fact
from flowsm.events.commands import Command, Resolution, Resolve
from flowsm.events.facts import Fact
from flowsm.ids import is_idempotency_key
from flowsm.limits import (
    FINDING_VALUE_MAX_CHARS,
    IDEMPOTENCY_KEY_MAX_CHARS,
    NAME_MAX_CHARS,
    OVERRIDES_MAX_BYTES,
    SAID_MAX_CHARS,
)
from flowsm.tasks.jsonvalue import NotJson, json_form

__all__ = ["checked_command", "checked_flag", "checked_id", "given_overrides", "shown", "stored_alike"]

_Command = TypeVar("_Command", bound=Command)


def shown(value: object) -> str:
    """A value as a sentence about it has it: short, whatever it is."""
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 - a value brings its own code
        text = f"a value of type {type(value).__name__!r}"
    return text if len(text) <= FINDING_VALUE_MAX_CHARS else text[: FINDING_VALUE_MAX_CHARS - 1] + "…"


def checked_command(command: _Command) -> _Command:
    """An operator's command with plain values, which can be recorded.

    Raises:
        UsageError: one of its values cannot; the sentence names the argument, the value, and what is expected.
    """
    plain = {name: _CHECKS[name](name, getattr(command, name)) for name in command.__struct_fields__ if name in _CHECKS}
    if isinstance(command, Resolve):
        _expect_no_contradiction(**{name: plain[name] for name in ("resolution", "outcome", "data", "message")})
    return msgspec.structs.replace(command, **plain)


def _expect_no_contradiction(resolution: Resolution, outcome: str | None, data: Any, message: str | None) -> None:
    for name, own, value in (
        ("outcome", "an outcome", outcome),
        ("data", "data", data),
        ("message", "a message", message),
    ):
        if resolution == "retry" and value is not None:
            said = f"{name} is {shown(value)}, but an attempt that is made again has {own} of its own: leave it out"
            raise UsageError(said)
    if outcome != resolution and outcome in {"success", "failure"}:
        raise UsageError(
            f"outcome {outcome!r} contradicts the resolution {resolution!r}: leave the outcome out, give a word of your "
            f"own, or resolve the attempt as {outcome!r}"
        )


def given_overrides(overrides: Mapping[str, Any] | None) -> dict[str, Any]:
    """As a command has them; what is no mapping is refused when that is checked."""
    if overrides is None:
        return {}
    return dict(overrides) if isinstance(overrides, Mapping) else overrides


def checked_flag(name: str, value: object) -> bool:
    """An argument that is True or False.

    Raises:
        UsageError: it is something else.
    """
    if not isinstance(value, bool):
        raise UsageError(f"{name} is {shown(value)}, expected True or False")
    return value


def checked_id(execution_id: object) -> str:
    """The id of an execution that is asked; whether there is one, the log tells.

    Raises:
        UsageError: it is no text.
    """
    return _text("execution_id", execution_id, NAME_MAX_CHARS, least=0)


def stored_alike(facts: Iterable[Fact], *, without_large: bool = False) -> None:
    """The last line of defence: see to it that the next process reads what this one records.

    Args:
        facts: what is to be recorded.
        without_large: leave the fields out that hold what callers gave and `json_form` has made.

    Raises:
        UsageError: a fact is not what its stored text reads back as.
    """
    for whole in facts:
        emptied = dict.fromkeys(whole.LARGE) if without_large else {}
        fact = msgspec.structs.replace(whole, **emptied) if emptied else whole
        try:
            same = bool(decode_fact(fact.TYPE, fact.VERSION, encode_fact(fact)) == fact)
        except (TypeError, ValueError, RecursionError) as error:  # those of the codec; text that is not Unicode, too
            raise _unlike(fact, str(error)) from None
        if not same:
            raise _unlike(fact, "it would read back as something else")


def _unlike(fact: Fact, reason: str) -> UsageError:
    return UsageError(f"{fact.TYPE} cannot be recorded: {reason}; expected arguments that JSON can hold")


def _text(name: str, value: object, most: int, *, least: int = 0) -> str:
    expected = f"a text of {least} to {most:,} characters" if least else f"a text of at most {most:,} characters"
    if not isinstance(value, str) or not least <= len(value) <= most:
        raise UsageError(f"{name} is {shown(value)}, expected {expected}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise UsageError(f"{name} is {shown(value)}, expected Unicode text: half a character is none") from None
    return str.__str__(value)  # the text alone of an enumeration's member, or another class of texts


def _json(name: str, value: object) -> Any:
    try:
        return json_form(value)
    except NotJson as error:
        raise UsageError(f"{name} at {error}") from None


def _optional(check: Callable[[str, object], str], name: str, value: object) -> str | None:
    return None if value is None else check(name, value)


def _key(name: str, value: object) -> str:
    if not is_idempotency_key(value):
        expected = f"1 to {IDEMPOTENCY_KEY_MAX_CHARS} printable characters"
        raise UsageError(f"{name} is {shown(value)}, expected {expected}")
    return _text(name, value, IDEMPOTENCY_KEY_MAX_CHARS, least=1)


def _overrides(name: str, value: object) -> dict[str, Any]:
    """Values by places, as people write these, or by JSON Pointers; with pointers, and values that JSON can hold."""
    if not isinstance(value, Mapping):
        raise UsageError(f"{name} is {shown(value)}, expected values by places, such as results.fetch.data.total")
    found: dict[str, Any] = {}
    for place, given in value.items():
        if not isinstance(place, str):
            raise UsageError(f"{name} has the place {shown(place)}, expected a text such as results.fetch.data.total")
        pointer = place_pointer(_text(name, place, SAID_MAX_CHARS))
        set_once(found, pointer, _json(f"{name} {place}", given))
    size = len(msgspec.json.encode(found))
    if size > OVERRIDES_MAX_BYTES:
        raise UsageError(f"{name} are {size:,} bytes of JSON, expected at most {OVERRIDES_MAX_BYTES:,}")
    return found


def _resolution(name: str, value: object) -> str:
    if not isinstance(value, str) or value not in get_args(Resolution):
        raise UsageError(f"{name} is {shown(value)}, expected one of {', '.join(get_args(Resolution))}")
    return str.__str__(value)


_word: Final = partial(_text, most=NAME_MAX_CHARS, least=1)
_said: Final = partial(_text, most=SAID_MAX_CHARS, least=0)
_CHECKS: Final[dict[str, Callable[[str, Any], Any]]] = {
    "actor": _said,
    "data": _json,
    "idempotency_key": partial(_optional, _key),
    "message": partial(_optional, _said),
    "name": _word,
    "now": checked_flag,
    "outcome": partial(_optional, _word),
    "overrides": _overrides,
    "payload": _json,
    "reason": _said,
    "resolution": _resolution,
    "task": partial(_optional, _word),
}
"""How each argument of the operators' commands is checked, by its name."""
