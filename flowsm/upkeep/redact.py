"""Redaction: values that a file must not hold are replaced, where they were named and wherever they were copied to.

Pure, over the JSON data of events. Pointers name places of an execution as conditions do: `/input…`, `/results/TASK/…`;
`/signals/NAME…` is the payload of signals. First all events are looked at, then each is rewritten.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from flowsm.definition.pointer import parse_pointer
from flowsm.errors import UsageError
from flowsm.limits import REDACT_SCRUB_MIN_CHARS

__all__ = ["MARKER", "Redactor"]

MARKER: Final = "[redacted]"
"""What stands where a value was."""

_Tokens = tuple[str, ...]
_RESULT: Final = ("data", "message", "error", "warnings")
_FREE: Final = frozenset(
    {"input", "parameters", "data", "payload", "message", "warnings", "reason", "idempotency_key", "overrides"}
)
_ERROR: Final = frozenset({"message", "traceback"})
_OPERAND: Final = frozenset({"seen"})
_FROM: Final = "$from"


class Redactor:
    """Replaces what is at some pointers; `look` at all events, then `rewrite` them.

    Values of a few characters are replaced where the pointers, the operands of conditions and the `$from` of parameters
    say that they are; longer ones also wherever else they occur, as a value or within a text.

    Args:
        pointers: JSON pointers.

    Raises:
        UsageError: one is no pointer, or to nothing that an execution has.
    """

    def __init__(self, pointers: Sequence[str]) -> None:
        self._pointers = {pointer: _parsed(pointer) for pointer in pointers}
        self._found: set[str] = set()
        self._numbers: set[float] = set()
        self._texts: dict[str, set[str]] = {}

    @property
    def unfound(self) -> list[str]:
        """The pointers that named nothing in the events that were looked at."""
        return [pointer for pointer in self._pointers if pointer not in self._found]

    def look(self, type_: str, data: dict[str, Any]) -> None:
        """Take in what will be replaced in an event, and note what it was; the data are changed."""
        for pointer, tokens in self._pointers.items():
            values = _cut(type_, data, tokens)
            if values:
                self._found.add(pointer)
            for value in values:
                self._note(value)

    def rewrite(self, type_: str, data: dict[str, Any], templates: Mapping[str, Any]) -> None:
        """Replace in an event, in place, what is to be replaced; `templates` are the parameters of the flow's tasks."""
        before = repr(data["payload"]) if "payload" in data else ""
        for tokens in self._pointers.values():
            _cut(type_, data, tokens)
            for operand in data.get("operands", ()):
                _cut_copy(operand, "seen", _tokens(operand["path"]), tokens)
            if type_ == "task.started" and "parameters" in data:
                _cut_template(data, "parameters", templates.get(data["task"], {}), tokens)
        for holder, fields in self._holders(data):
            for field in fields & holder.keys():
                holder[field] = self._clean(holder[field])
        if "payload" in data and repr(data["payload"]) != before:
            data["content"] = ""  # a digest of what was said

    def _holders(self, data: dict[str, Any]) -> Iterator[tuple[dict[str, Any], frozenset[str]]]:
        """The parts of an event with the names of their fields that hold what users said."""
        yield data, _FREE
        yield data.get("error") or {}, _ERROR
        for operand in data.get("operands", ()):
            yield operand, _OPERAND

    # -- wherever else -----------------------------------------------------------------------

    def _note(self, value: Any) -> None:
        """Keep what is long enough to be known again."""
        if isinstance(value, dict):
            for part in value.values():
                self._note(part)
        elif isinstance(value, list):
            for part in value:
                self._note(part)
        elif isinstance(value, (str, int, float)) and not isinstance(value, bool):
            text = str(value)
            if len(text) >= REDACT_SCRUB_MIN_CHARS and text != MARKER:
                self._texts.setdefault(text[:REDACT_SCRUB_MIN_CHARS], set()).add(text)
                if not isinstance(value, str):
                    self._numbers.add(value)

    def _clean(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {self._clean_text(key): self._clean(part) for key, part in value.items()}
        if isinstance(value, list):
            return [self._clean(part) for part in value]
        if isinstance(value, str):
            return self._clean_text(value)
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return MARKER if is_number and value in self._numbers else value

    def _clean_text(self, text: str) -> str:
        if not self._texts:
            return text
        size = REDACT_SCRUB_MIN_CHARS
        parts: list[str] = []
        done = place = 0
        while place <= len(text) - size:
            known = self._texts.get(text[place : place + size], ())
            hit = max((one for one in known if text.startswith(one, place)), key=len, default="")
            if hit:
                parts += (text[done:place], MARKER)
                done = place + len(hit)
            place += len(hit) or 1
        return "".join((*parts, text[done:])) if parts else text


def _parsed(pointer: str) -> _Tokens:
    try:
        tokens = parse_pointer(pointer)
    except ValueError as error:
        raise UsageError(f"redact {pointer!r}: {error}") from None
    named = len(tokens) > 1 and tokens[1]
    fits = tokens[:1] == ("input",) or (tokens[:1] == ("signals",) and named)
    if not fits and not (tokens[:1] == ("results",) and named and (len(tokens) == 2 or tokens[2] in _RESULT)):  # noqa: PLR2004 - /results/TASK
        fields = ", ".join(_RESULT)
        raise UsageError(
            f"redact {pointer!r}: expected /input…, /results/TASK or below it one of {fields}, or /signals/NAME…"
        )
    return tokens


def _tokens(pointer: str) -> _Tokens:
    try:
        return parse_pointer(pointer)
    except ValueError:
        return ()


def _cut(type_: str, data: dict[str, Any], tokens: _Tokens) -> list[Any]:
    """Replace what an event holds of what the pointer names; gives what was there."""
    if type_ == "execution.created" and tokens[0] == "input":
        return _replace(data, ("input", *tokens[1:]))
    if type_ == "signal.received" and tokens[:2] == ("signals", data["name"]):
        return _replace(data, ("payload", *tokens[2:]))
    if "overrides" in data:
        given = data["overrides"]
        return [value for pointer in list(given) for value in _cut_copy(given, pointer, _tokens(pointer), tokens)]
    if tokens[0] == "results" and data.get("task") == tokens[1] and type_ in {"task.completed", "task.timed_out"}:
        fields = tokens[2:3] or _RESULT
        return [value for field in fields for value in _replace(data, (field, *tokens[3:]))]
    return []


def _replace(document: Any, tokens: _Tokens) -> list[Any]:
    """Replace the value at a place of JSON data, leaf by leaf where its shape is fixed; gives what was there."""
    at = document
    for token in tokens[:-1]:
        at = _child(at, token)
    last = tokens[-1]
    value = _child(at, last)
    if value is None:  # nothing, or null
        return []
    if tokens[0] in {"error", "warnings"} and isinstance(value, (dict, list)):
        inner = list(value) if isinstance(value, dict) else [str(index) for index in range(len(value))]
        return [found for key in inner for found in _replace(document, (*tokens, key))]
    at[int(last) if isinstance(at, list) else last] = MARKER
    return [value]


def _child(value: Any, token: str) -> Any:
    if isinstance(value, dict):
        return value.get(token)
    if isinstance(value, list) and token.isascii() and token.isdecimal() and int(token) < len(value):
        return value[int(token)]
    return None


def _cut_copy(holder: dict[str, Any], key: str, source: _Tokens, tokens: _Tokens) -> list[Any]:
    """Replace what a copy of the place `source` holds of what the pointer names; gives what was there."""
    if key not in holder or not source:
        return []
    if source[: len(tokens)] == tokens:
        return _replace(holder, (key,))
    return _replace(holder, (key, *tokens[len(source) :])) if tokens[: len(source)] == source else []


def _cut_template(holder: Any, key: Any, template: Any, tokens: _Tokens) -> None:
    """Replace what parameters, which were made of a template, hold of what the pointer names."""
    if isinstance(template, dict) and _FROM in template and isinstance(holder, dict):
        _cut_copy(holder, key, _tokens(str(template[_FROM])), tokens)
        return
    if isinstance(template, list) and isinstance(holder, dict) and isinstance(holder[key], list):
        _cut_items(holder[key], template, tokens)
    elif isinstance(template, dict) and isinstance(holder, dict) and isinstance(holder[key], dict):
        for name in _shared(template, holder[key]):
            _cut_template(holder[key], name, template[name], tokens)


def _cut_items(items: list[Any], template: list[Any], tokens: _Tokens) -> None:
    for index, (item, part) in enumerate(zip(items, template, strict=False)):
        box = {"item": item}
        _cut_template(box, "item", part, tokens)
        items[index] = box["item"]


def _shared(one: Iterable[str], other: Mapping[str, Any]) -> list[str]:
    return [name for name in one if name in other]
