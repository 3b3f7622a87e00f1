"""Kinds of fields: each checks a value, and says the same as JSON Schema.

A kind reports what is wrong and returns the value as the model holds it, or `INVALID`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from flowsm.definition.pointer import MISSING
from flowsm.definition.report import Place, Report
from flowsm.definition.secrets import MISPLACED, SECRETS_PLACE, is_secret
from flowsm.limits import NAME_MAX_CHARS

__all__ = ["INVALID", "AnyValue", "Choice", "Field", "Items", "Kind", "Mapping", "Name", "Number", "Record", "Text"]

INVALID: Final = MISSING
_NUMBER: Final = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class Kind(Protocol):
    """What a field may hold."""

    def check(self, value: Any, place: Place, report: Report) -> Any:
        """The value as the model holds it, or `INVALID` with what is wrong in the report."""
        ...

    def schema(self) -> dict[str, Any]:
        """The same as JSON Schema."""
        ...


def _wrong_type(expected: str, value: Any, place: Place, report: Report) -> Any:
    hint = ""
    if is_secret(value):
        report.error(MISPLACED, place, f"expected {expected}: what stands here is recorded", value, SECRETS_PLACE)
        return INVALID
    if expected == "text" and isinstance(value, bool | int | float):  # YAML reads no, 1.0 and 12 as these
        hint = 'put it in quotes: "…"'
    elif expected.endswith("number") and isinstance(value, str) and _NUMBER.fullmatch(value):
        hint = "leave out the quotes"
    report.error("wrong_type", place, f"expected {expected}", value, hint)
    return INVALID


@dataclass(frozen=True, slots=True)
class AnyValue:
    """Any JSON value."""

    def check(self, value: Any, place: Place, report: Report) -> Any:
        """The value as it is."""
        return value

    def schema(self) -> dict[str, Any]:
        """No bounds."""
        return {}


@dataclass(frozen=True, slots=True)
class Text:
    """Any text."""

    def check(self, value: Any, place: Place, report: Report) -> Any:
        """The text."""
        return value if isinstance(value, str) else _wrong_type("text", value, place, report)

    def schema(self) -> dict[str, Any]:
        """A string."""
        return {"type": "string"}


@dataclass(frozen=True, slots=True)
class Name:
    """A name: 1 to 200 characters, none of them a control character."""

    def check(self, value: Any, place: Place, report: Report) -> Any:
        """The name; a bad one too, so that what refers to it is not reported as well."""
        if not isinstance(value, str):
            return _wrong_type("text", value, place, report)
        if not 1 <= len(value) <= NAME_MAX_CHARS:
            message = f"expected a name of 1 to {NAME_MAX_CHARS} characters, found {len(value)}"
            report.error("bad_name", place, message, value)
        elif _CONTROL.search(value):
            report.error("bad_name", place, "expected a name without control characters", value)
        return value

    def schema(self) -> dict[str, Any]:
        """A string with a pattern."""
        pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]+$"
        return {"type": "string", "minLength": 1, "maxLength": NAME_MAX_CHARS, "pattern": pattern}


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A number within bounds; `above` is a bound that is not itself in range."""

    most: float
    least: float | None = None
    above: float | None = None
    whole: bool = False

    def check(self, value: Any, place: Place, report: Report) -> Any:
        """The number; a float unless it is a whole one."""
        if isinstance(value, bool) or not isinstance(value, int if self.whole else (int, float)):
            return _wrong_type("a whole number" if self.whole else "a number", value, place, report)
        too_small = value < self.least if self.least is not None else self.above is not None and value <= self.above
        if too_small or value > self.most:
            least = f"of at least {self.least}" if self.least is not None else f"above {self.above}"
            report.error("out_of_range", place, f"expected a number {least}, and at most {self.most}", value)
            return INVALID
        return value if self.whole else float(value)

    def schema(self) -> dict[str, Any]:
        """A number with its bounds."""
        bounds = {"minimum": self.least, "exclusiveMinimum": self.above, "maximum": self.most}
        kind = {"type": "integer" if self.whole else "number"}
        return kind | {name: bound for name, bound in bounds.items() if bound is not None}


@dataclass(frozen=True, slots=True)
class Choice:
    """One word of a closed set; any other is reported as `code`."""

    code: str
    words: tuple[str, ...]

    def check(self, value: Any, place: Place, report: Report) -> Any:
        """The word."""
        if not isinstance(value, str):
            return _wrong_type("text", value, place, report)
        if value not in self.words:
            report.error(
                self.code, place, f"expected one of {', '.join(self.words)}", value, report.nearest(value, self.words)
            )
            return INVALID
        return value

    def schema(self) -> dict[str, Any]:
        """An enum."""
        return {"enum": list(self.words)}


@dataclass(frozen=True, slots=True)
class Mapping:
    """An object of any keys and values."""

    ref: str | None = None

    def check(self, value: Any, place: Place, report: Report) -> Any:
        """The object."""
        return value if isinstance(value, dict) else _wrong_type("an object", value, place, report)

    def schema(self) -> dict[str, Any]:
        """An object; its values as `ref` says."""
        values = {"additionalProperties": {"$ref": self.ref}} if self.ref else {}
        return {"type": "object", **values}


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """An array of one kind."""

    kind: Kind
    most: int
    least: int = 0

    def check(self, value: Any, place: Place, report: Report) -> Any:
        """A list of what the kind makes of each item, with `INVALID` where it is nothing."""
        if not isinstance(value, list):
            return _wrong_type("an array", value, place, report)
        if not self.least <= len(value) <= self.most:
            message = f"expected {self.least} to {self.most} items, found {len(value)}"
            report.error("out_of_range", place, message)
        return [
            item if item is INVALID else self.kind.check(item, (place, index), report)
            for index, item in enumerate(value[: self.most])
        ]

    def schema(self) -> dict[str, Any]:
        """An array with its bounds."""
        least = {"minItems": self.least} if self.least else {}
        return {"type": "array", "items": self.kind.schema(), **least, "maxItems": self.most}


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field of a record."""

    name: str
    kind: Kind
    about: str
    required: bool = False
    nullable: bool = False
    """Whether null stands for absence."""
    default: Any = MISSING
    examples: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """An object with the fields that it lists, and no others."""

    title: str
    fields: tuple[Field, ...]

    def check(self, value: Any, place: Place, report: Report) -> Any:
        """The fields that are there and right, by name."""
        if not isinstance(value, dict) or is_secret(value):
            return _wrong_type(f"an object ({self.title})", value, place, report)
        known = {field.name: field for field in self.fields}
        checked: dict[str, Any] = {}
        for key, item in value.items():
            field = known.get(key)
            if field is None:
                report.error("unknown_field", (place, key), self._unknown(), item, report.nearest(key, known))
            elif item is INVALID:  # it was reported when the document was made plain
                if isinstance(field.kind, AnyValue):
                    checked[key] = INVALID
            elif item is not None or not field.nullable:
                found = field.kind.check(item, (place, key), report)
                if found is not INVALID:
                    checked[key] = found
        for field in self.fields:
            if field.required and field.name not in value:
                report.error("missing_field", place, f"expected a field {field.name!r} in the {self.title}")
        return checked

    def _unknown(self) -> str:
        return f"expected only fields of a {self.title}: {', '.join(_unsorted(self.fields))}"

    def schema(self) -> dict[str, Any]:
        """A reference to the definition of this record."""
        return {"$ref": f"#/$defs/{self.title}"}


def _unsorted(fields: Iterable[Field]) -> list[str]:
    return [field.name for field in fields]
