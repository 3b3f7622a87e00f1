"""How problems with parameters are put into words: pointers, nearest names, what msgspec found."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from flowsm.definition.references import has_references
from flowsm.definition.secrets import has_secrets

__all__ = [
    "POLICY_PARAMETERS",
    "convert_problem",
    "escape",
    "holds_reference",
    "nearest",
    "unknown_parameter",
]

POLICY_PARAMETERS: Final = frozenset({"timeout", "retry_count"})
"""Parameters that are the engine's policy, as users of the earlier flow manager write them: always permitted."""

_PLACE: Final = re.compile(r" - at `(?:key in )?\$(?P<path>.*)`$", re.DOTALL)
_STEP: Final = re.compile(r"\.([^.\[]+)|\[(\d+|\.\.\.)\]")
_SHORT_CHARS: Final = 60


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The name that was probably meant, or None."""
    matches = difflib.get_close_matches(name, list(names), n=1, cutoff=0.6)
    return matches[0] if matches else None


def escape(step: object) -> str:
    """One step of a JSON Pointer (RFC 6901)."""
    return str(step).replace("~", "~0").replace("/", "~1")


def convert_problem(error: Exception, at: str, value: Any) -> str:
    """What `msgspec.convert` found in `value`, with the JSON Pointer of the place, counted from `at`."""
    text = str(error)
    pointer = at
    place = _PLACE.search(text)
    if place:
        text = text[: place.start()]
        for key, index in _STEP.findall(place["path"]):
            pointer += "/" + escape(key or index)
            value = _inside(value, key, index)
    found = "" if value is None or isinstance(value, dict | list) else f", found {_shorten(value)}"
    return f"{pointer or '/'}: {text}{found}"


def unknown_parameter(name: str, known: Iterable[str]) -> str:
    """The sentence about a parameter that the task does not have."""
    names = sorted(known)
    guess = nearest(name, names)
    if guess:
        hint = f"did you mean {guess!r}?"
    else:
        hint = f"known are {', '.join(map(repr, names))}" if names else "it takes none"
    return f"/{escape(name)}: unknown parameter {name!r} ({hint})"


def holds_reference(value: Any) -> bool:
    """Whether a `{"$from": ...}` or a `{"$secret": ...}` is anywhere in a value, which is known only when the task runs."""
    return has_references(value) or has_secrets(value)


def _inside(value: Any, key: str, index: str) -> Any:
    """One step further; None where msgspec does not name the key, or the value is not of that kind."""
    if key:
        return value.get(key) if isinstance(value, dict) else None
    return value[int(index)] if index.isdigit() and isinstance(value, list) else None


def _shorten(value: object) -> str:
    try:
        text = msgspec.json.encode(value).decode()
    except (TypeError, ValueError):
        text = json.dumps(repr(value))
    return text if len(text) <= _SHORT_CHARS else text[: _SHORT_CHARS - 1] + "…"
