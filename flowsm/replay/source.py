"""Values as Python source, laid out as `ruff format` would: nothing that a value holds becomes code."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["Call", "Name", "render", "text_literal"]

_WIDTH: Final = 100
_INDENT: Final = 4
_NESTED_MAX: Final = 40
"""Deeper values are written as JSON text: Python's parser has a limit of its own."""


@dataclass(frozen=True)
class Name:
    """A name of the generated module; never a recorded one."""

    name: str


class Call:
    """A call of such a name.

    Args:
        name: what is called.
        given: its arguments: JSON values, tuples, and other names and calls.
        fields: its keyword arguments; names of parameters, never recorded ones.
    """

    def __init__(self, name: str, /, *given: Any, **fields: Any) -> None:
        self.name = name
        self.given = given
        self.fields = fields

    def parts(self) -> Iterator[tuple[str, Any]]:
        """Each argument, and what stands before it."""
        yield from (("", value) for value in self.given)
        yield from ((f"{name}=", value) for name, value in self.fields.items())


def render(value: Any, *, indent: int = 0, before: int = 0) -> str:
    """An expression that gives the value.

    Args:
        value: a JSON value, or what a `Call` takes.
        indent: of the line that it stands in, in characters.
        before: how many more characters that line has.
    """
    if isinstance(value, dict | list) and _depth(value) > _NESTED_MAX:
        value = Call("json.loads", json.dumps(value))
    if isinstance(value, Name):
        return value.name
    if isinstance(value, str):
        return text_literal(value)
    if not isinstance(value, dict | list | tuple | Call):
        return repr(value)
    opening, closing = _brackets(value)
    parts = list(_parts(value))
    line = f"{opening}{', '.join(f'{head}{render(part)}' for head, part in parts)}{closing}"
    if isinstance(value, tuple) and len(value) == 1:
        line = f"{line[:-1]},)"
    if not parts or ("\n" not in line and indent + before + len(line) < _WIDTH):
        return line
    inner = indent + _INDENT
    lines = [f"{' ' * inner}{head}{render(part, indent=inner, before=len(head) + 1)},\n" for head, part in parts]
    return f"{opening}\n{''.join(lines)}{' ' * indent}{closing}"


def text_literal(text: str) -> str:
    """A text as a literal of printable characters, in double quotes where that takes no escape."""
    literal = repr(text)
    return f'"{literal[1:-1]}"' if literal[0] == "'" and '"' not in literal else literal


def _brackets(value: Any) -> tuple[str, str]:
    if isinstance(value, Call):
        return f"{value.name}(", ")"
    if isinstance(value, dict):
        return "{", "}"
    return ("[", "]") if isinstance(value, list) else ("(", ")")


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Call):
        yield from value.parts()
    elif isinstance(value, dict):
        yield from ((f"{text_literal(key)}: ", inner) for key, inner in value.items())
    else:
        yield from (("", inner) for inner in value)


def _depth(value: Any) -> int:
    """How many lists and objects are within each other, of JSON; a call is looked at when it is written."""
    deepest, level = 0, [value]
    while level:
        deepest += 1
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
    return deepest
