"""What a JSON Schema of parameters would have taken at a place: for the sentence about what it does not take."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flowsm.tasks.wording import nearest

__all__ = ["with_choices"]


def with_choices(problem: str, schema: dict[str, Any] | None) -> str:
    """A problem (`/pointer: sentence`) with the words, or the fields, that are known where it is.

    Args:
        problem: what msgspec found, which names neither.
        schema: the JSON Schema of the parameters, whose root the pointer counts from.
    """
    pointer, _, text = problem.partition(": ")
    if schema is None:
        return problem
    if text.startswith("Invalid enum value '"):
        word = text.split("'")[1]
        known = sorted({str(value) for node in _at(schema, pointer) for value in node.get("enum", ())})
        return (
            f"{pointer}: expected one of {', '.join(known)}, found {word!r}{_guess(word, known)}" if known else problem
        )
    if text.startswith("Object contains unknown field `"):
        word = text.split("`")[1]
        known = sorted({name for node in _at(schema, pointer) for name in node.get("properties", ())})
        expected = f"expected only the fields {', '.join(known)}"
        return f"{pointer}: {expected}, found {word!r}{_guess(word, known)}" if known else problem
    return problem


def _guess(word: str, known: list[str]) -> str:
    guess = nearest(word, known)
    return f" (did you mean {guess!r}?)" if guess else ""


def _at(schema: dict[str, Any], pointer: str) -> list[dict[str, Any]]:
    """The parts of the schema that speak of the place."""
    here = list(_alternatives(schema, schema))
    for step in pointer.split("/")[1:] if pointer != "/" else ():
        name = step.replace("~1", "/").replace("~0", "~")
        parts = (part for node in here for part in _inside(node, name))
        here = [node for part in parts for node in _alternatives(part, schema)]
    return here


def _inside(node: dict[str, Any], step: str) -> Iterator[dict[str, Any]]:
    for part in (node.get("properties", {}).get(step), node.get("additionalProperties"), node.get("items")):
        if isinstance(part, dict):
            yield part


def _alternatives(node: dict[str, Any], schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The node itself, or what it refers to, or each of those of which one is to fit."""
    if "$ref" in node:
        node = schema["$defs"][node["$ref"].rpartition("/")[2]]
    yield node
    for part in node.get("anyOf", ()):
        yield from _alternatives(part, schema)
