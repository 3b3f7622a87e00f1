"""Places as people type them: `results.fetch.data.total`, or a JSON Pointer; and values that are to stand there."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from flowsm.definition.pointer import join_pointer, parse_pointer
from flowsm.errors import UsageError

__all__ = ["parse_setting", "parse_settings", "place_pointer", "place_text", "place_tokens", "set_once"]

_PART: Final = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|([^.\s"']+))\s*(\.|$)""")
_SETTING: Final = re.compile(r"""((?:"[^"]*"|'[^']*'|[^="'])*)=(.*)""", re.DOTALL)
_POINTER_SETTING: Final = re.compile(r"(/[^=]*)=(.*)", re.DOTALL)
_PLAIN: Final = re.compile(r"""[^.\s"'=/][^.\s"'=]*""")
_SHOWN_CHARS: Final = 80


def place_tokens(text: str) -> tuple[str, ...]:
    """The tokens of a place: names with dots between them, or, when it begins with `/`, a JSON Pointer; none for the whole.

    Raises:
        UsageError: it is neither.
    """
    if not text or text.startswith("/"):
        try:
            return parse_pointer(text)
        except ValueError as error:
            raise UsageError(f"{text!r} is no path: {error}") from None
    tokens: list[str] = []
    place, more = 0, "."
    while more:
        found = _PART.match(text, place)
        if found is None:
            raise UsageError(
                f"{text!r} is no path: expected names with dots between them, such as results.fetch.data.total; "
                'a name with dots or spaces stands in quotes: results."my task".data'
            )
        tokens.append(next(part for part in found.groups()[:3] if part is not None))
        place, more = found.end(), found.group(4)
    return tuple(tokens)


def place_pointer(text: str) -> str:
    """A place as a JSON Pointer; errors as those of `place_tokens`."""
    return join_pointer(place_tokens(text.strip()))


def place_text(pointer: str) -> str:
    """A JSON Pointer as people type it; the pointer itself where a name in it cannot be typed so."""
    tokens = parse_pointer(pointer)
    words = [token if _PLAIN.fullmatch(token) else f'"{token}"' for token in tokens]
    return ".".join(words) if tokens and not any('"' in token for token in tokens) else pointer


def parse_setting(text: str) -> tuple[str, Any]:
    """A place, as a JSON Pointer, and the value for it, from `PLACE=VALUE`: JSON, or else the text itself.

    A name with `=` in it stands in quotes; a pointer ends before the first `=`.

    Raises:
        UsageError: there is no `=`, or no place before it.
    """
    found = (_POINTER_SETTING if text.startswith("/") else _SETTING).fullmatch(text)
    if found is None or not found[1].strip():
        shown = text if len(text) <= _SHOWN_CHARS else text[: _SHOWN_CHARS - 1] + "…"
        raise UsageError(f"expected PLACE=VALUE, such as results.fetch.data.total=3, found {shown!r}")
    try:
        value: Any = msgspec.json.decode(found[2].encode("utf-8", "surrogateescape"))
    except (msgspec.DecodeError, RecursionError):
        value = found[2]
    return place_pointer(found[1]), value


def parse_settings(texts: Iterable[str]) -> dict[str, Any]:
    """The values by their places, as JSON Pointers, of many settings.

    Raises:
        UsageError: one is none, or two are for one place, however that is written.
    """
    found: dict[str, Any] = {}
    for text in texts:
        set_once(found, *parse_setting(text))
    return found


def set_once(values: dict[str, Any], pointer: str, value: Any) -> None:
    """Add a value for a place.

    Raises:
        UsageError: there is one for it.
    """
    if pointer in values:
        raise UsageError(f"{place_text(pointer) or 'the whole'!r} is set twice: give one value for it")
    values[pointer] = value
