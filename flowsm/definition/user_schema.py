"""JSON Schemas that users write into flows: checked when the flow is loaded, asked when it runs.

The only module that imports `jsonschema`, and only for a flow that has a schema.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

from flowsm.definition.pointer import MISSING, join_pointer, parse_pointer, resolve_pointer
from flowsm.definition.report import Place, Report, short_json

__all__ = ["Misfit", "UserSchema", "schema_misfits", "schema_problems"]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_REFERENCES: Final = frozenset({"$ref", "$dynamicRef", "$recursiveRef"})
_DATA: Final = frozenset({"const", "enum", "default", "examples"})
_NAMES: Final = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
_MISFITS_MAX: Final = 20
Schema = dict[str, Any] | bool


@dataclass(frozen=True, slots=True)
class Misfit:
    """One way in which a value does not fit a schema: where in the value, and what is wrong."""

    pointer: str
    message: str


def schema_misfits(schema: Schema, value: Any) -> tuple[Misfit, ...]:
    """How a value does not fit a schema that was found good at load; nothing where it does."""
    if isinstance(schema, bool):
        return () if schema else (Misfit("", "nothing fits the schema `false`"),)
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - loaded for flows that have a schema
    from referencing import Registry  # noqa: PLC0415 - likewise
    from referencing.exceptions import Unresolvable  # noqa: PLC0415 - likewise

    misfits: list[Misfit] = []
    try:
        for error in Draft202012Validator(schema, registry=Registry()).iter_errors(value):  # which fetches nothing
            misfits.append(Misfit(join_pointer(error.absolute_path), _sentence(error.message)))
            if len(misfits) >= _MISFITS_MAX:
                break
    except RecursionError:
        misfits.append(Misfit("", "the value, or the schema, is nested too deeply to be checked"))
    except Unresolvable as unresolvable:
        misfits.append(Misfit("", f"the schema refers to something that is not in it: {unresolvable.ref}"))
    return tuple(misfits)


def schema_problems(schema: Any, name: str) -> list[str]:
    """What is wrong with a schema of that name, which may come while the flow runs; each with its JSON Pointer."""
    report = Report()
    UserSchema().check(schema, (None, name), report)
    return [f"{finding.pointer}: {finding.message}" for finding in report.findings()]


@dataclass(frozen=True, slots=True)
class UserSchema:
    """A JSON Schema of draft 2020-12 that refers to nothing outside itself."""

    def check(self, value: Any, place: Place, report: Report) -> Any:
        """The schema, with each of its problems in the report."""
        if isinstance(value, bool):
            return value
        if not isinstance(value, dict):
            report.error("wrong_type", place, "expected a JSON Schema: an object, true or false", value)
            return MISSING
        sound = _check_references(value, place, report)
        for misfit in _problems(value):
            report.error("bad_schema", _at(place, misfit.pointer), f"not a JSON Schema: {misfit.message}")
            sound = False
        return value if sound else MISSING

    def schema(self) -> dict[str, Any]:
        """An object or a boolean; what lies in it is checked at load."""
        return {"type": ["object", "boolean"]}


def _problems(schema: dict[str, Any]) -> Iterator[Misfit]:
    from jsonschema import Draft202012Validator, FormatChecker  # noqa: PLC0415 - loaded for flows that have a schema

    meta = Draft202012Validator(Draft202012Validator.META_SCHEMA, format_checker=FormatChecker(["regex"]))
    told = set[Misfit]()
    try:
        for error in meta.iter_errors(schema):  # each vocabulary of JSON Schema says the same of what is none at all
            misfit = Misfit(join_pointer(error.absolute_path), _sentence(error.message))
            if misfit in told:
                continue
            if len(told) >= _MISFITS_MAX:
                return
            told.add(misfit)
            yield misfit
    except RecursionError:
        yield Misfit("", "it is nested too deeply to be checked")


def _check_references(schema: dict[str, Any], place: Place, report: Report) -> bool:
    """Whether every reference, followed from the schema's root, leads to a schema inside it."""
    errors = report.errors
    anchors = {value for _, key, value in _keywords(schema) if key in {"$anchor", "$dynamicAnchor"}}
    for tokens, key, value in _keywords(schema):
        where = _below(place, (*tokens, key))
        if key == "$id" and tokens:
            report.error("bad_schema", where, "expected $id at the schema's root only", value)
        elif key == "$schema" and value.rstrip("#") != DIALECT:
            report.error("bad_schema", where, f"expected the dialect {DIALECT}", value)
        elif key in _REFERENCES and not value.startswith("#"):
            message = "expected a reference into this schema, one that begins with '#'"
            report.error("bad_schema", where, message, value, "put what it refers to under $defs")
        elif key in _REFERENCES and not _leads_somewhere(schema, unquote(value[1:]), anchors):
            report.error("bad_schema", where, "expected a reference to something in this schema", value)
    return report.errors == errors


def _leads_somewhere(schema: dict[str, Any], fragment: str, anchors: set[str]) -> bool:
    if fragment in anchors:
        return True
    try:
        return isinstance(resolve_pointer(schema, parse_pointer(fragment)), (dict, bool))
    except ValueError:
        return False


def _keywords(schema: dict[str, Any]) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
    """Every `$…` keyword that holds text, with the tokens of the object that it stands in."""
    stack: list[tuple[tuple[str | int, ...], Any, bool]] = [((), schema, False)]
    while stack:
        tokens, value, keys_are_names = stack.pop()
        if isinstance(value, dict):
            for key, item in value.items():
                if keys_are_names:
                    stack.append(((*tokens, key), item, False))
                elif isinstance(item, str) and key.startswith("$"):
                    yield tokens, key, item
                elif key not in _DATA:
                    stack.append(((*tokens, key), item, key in _NAMES))
        elif isinstance(value, list):
            stack.extend(((*tokens, index), item, False) for index, item in enumerate(value))


def _below(place: Place, tokens: tuple[str | int, ...]) -> Place:
    for token in tokens:
        place = (place, token)
    return place


def _at(place: Place, pointer: str) -> Place:
    return _below(place, parse_pointer(pointer))


def _sentence(message: str) -> str:
    limit = 200
    return short_json(message)[1:-1] if len(message) > limit else message
