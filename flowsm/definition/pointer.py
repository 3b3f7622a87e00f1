"""JSON Pointer (RFC 6901): the one way in which documents, conditions and findings name a place in JSON."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

__all__ = ["MISSING", "Missing", "join_pointer", "parse_pointer", "resolve_pointer"]

_BAD_ESCAPE: Final = re.compile(r"~(?![01])")
_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,17}", re.ASCII)


class Missing:
    """The type of `MISSING`."""

    def __repr__(self) -> str:
        return "MISSING"

    def __bool__(self) -> bool:
        return False


MISSING: Final = Missing()
"""What `resolve_pointer` gives where nothing is: not null, which is a value."""


def parse_pointer(text: str) -> tuple[str, ...]:
    """The tokens of a JSON Pointer, unescaped.

    Raises:
        ValueError: the text is not a JSON Pointer; the sentence says why.
    """
    if not text:
        return ()
    if not text.startswith("/"):
        raise ValueError(f"a JSON pointer begins with '/', this one begins with {text[0]!r}")
    bad = _BAD_ESCAPE.search(text)
    if bad is not None:
        raise ValueError(f"'~' stands alone at character {bad.start() + 1}: write '~0' for '~' and '~1' for '/'")
    return tuple(token.replace("~1", "/").replace("~0", "~") for token in text[1:].split("/"))


def join_pointer(tokens: Iterable[str | int]) -> str:
    """The JSON Pointer with these tokens, escaped; `parse_pointer` gives them back as text."""
    return "".join("/" + str(token).replace("~", "~0").replace("/", "~1") for token in tokens)


def resolve_pointer(document: Any, tokens: Iterable[str]) -> Any:
    """The value at that place of a JSON document, or `MISSING`; it never raises.

    Objects are asked by key; arrays by an index without sign or leading zeros (`-`, the place
    after the last item, holds nothing).
    """
    value = document
    for token in tokens:
        if isinstance(value, dict):
            if token not in value:
                return MISSING
            value = value[token]
        elif isinstance(value, (list, tuple)):
            if _INDEX.fullmatch(token) is None or int(token) >= len(value):
                return MISSING
            value = value[int(token)]
        else:
            return MISSING
    return value
