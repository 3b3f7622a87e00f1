"""Reading YAML text, so that whatever is wrong with it becomes a finding.

The safe subset that is also JSON: no aliases, anchors, merge keys or tags of one's own. The
document is built from the parser's events, so that no nesting, however deep, can hurt.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

from flowsm.definition.plain import HugeNumber, NotANumber, RepeatedKeys
from flowsm.definition.pointer import MISSING
from flowsm.definition.report import Place, Report
from flowsm.errors import ExtraMissing
from flowsm.limits import DOCUMENT_MAX_DEPTH, DOCUMENT_MAX_YAML_BYTES

__all__ = ["read_yaml"]

_TAG: Final = "tag:yaml.org,2002:"
_TEXT_TAGS: Final = frozenset(_TAG + name for name in ("str", "timestamp", "merge", "value"))
_SCALAR_TAGS: Final = frozenset({_TAG + name for name in ("null", "bool", "int", "float")})
_COLLECTION_TAGS: Final = frozenset({None, "!", _TAG + "map", _TAG + "seq"})


@dataclass(slots=True)
class _Open:
    """A collection whose end has not come yet; `key` is `MISSING` where a mapping waits for one."""

    value: Any
    place: Place
    key: Any = MISSING


def read_yaml(text: str, report: Report) -> Any:
    """The raw document, or `MISSING` where the text is not YAML.

    Raises:
        ExtraMissing: PyYAML is not installed.
    """
    try:
        import yaml  # noqa: PLC0415 - an extra
    except ImportError:
        raise ExtraMissing("a flow written in YAML", "yaml") from None
    if len(text) > DOCUMENT_MAX_YAML_BYTES:
        report.error("too_large", None, f"expected at most {DOCUMENT_MAX_YAML_BYTES} bytes of YAML", hint="write JSON")
        return MISSING
    try:
        return _Builder(yaml, text, report).build()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be read"
        report.error("not_yaml", None, f"not YAML: {problem}{where}")
    return MISSING


class _Builder:
    """Builds one document from the events of a YAML parser."""

    def __init__(self, yaml: Any, text: str, report: Report) -> None:
        self._yaml = yaml
        self._loader = yaml.SafeLoader(text)
        self._report = report
        self._open: list[_Open] = []
        self._root: Any = MISSING
        self._documents = 0

    def build(self) -> Any:
        events = self._yaml.events
        while self._loader.check_event():
            event = self._loader.get_event()
            if isinstance(event, events.DocumentStartEvent):
                self._documents += 1
                if self._documents > 1:
                    self._report.error("not_yaml", None, f"expected one document, found another{_at(event)}")
                    return MISSING
            elif isinstance(event, events.CollectionStartEvent):
                if len(self._open) >= DOCUMENT_MAX_DEPTH:
                    message = f"expected at most {DOCUMENT_MAX_DEPTH} levels of nesting, found more{_at(event)}"
                    self._report.error("too_deep", None, message)
                    return MISSING
                self._start(event, RepeatedKeys() if isinstance(event, events.MappingStartEvent) else [])
            elif isinstance(event, events.CollectionEndEvent):
                self._open.pop()
            elif isinstance(event, events.AliasEvent):
                self._refuse("yaml_alias", event, "expected no aliases", f"*{event.anchor}")
                self._put(MISSING)
            elif isinstance(event, events.ScalarEvent):
                self._check_anchor(event)
                self._put(self._scalar(event))
        if not self._documents:
            self._report.error("not_yaml", None, "the document is empty")
        return self._root

    def _start(self, event: Any, value: Any) -> None:
        self._check_anchor(event)
        if event.tag not in _COLLECTION_TAGS:
            self._refuse("wrong_type", event, "expected no tags", event.tag)
        place = self._next_place()
        self._put(value)
        self._open.append(_Open(value, place))

    def _put(self, value: Any) -> None:
        """Hand a value to the collection that is open: as an item, a key, or the value of the key before."""
        if not self._open:
            self._root = value
            return
        top = self._open[-1]
        if isinstance(top.value, list):
            top.value.append(value)
        elif top.key is MISSING:
            top.key = self._key(value, top)
        else:
            top.value.pop(top.key, None)
            top.value[top.key] = value
            top.key = MISSING

    def _key(self, value: Any, top: _Open) -> str:
        if not isinstance(value, str):
            message = "expected keys that are text"
            if value is not MISSING:
                self._report.error("wrong_type", top.place, message, value, 'put it in quotes: "…"')
            return f"\0{len(top.value)}"
        if value == "<<":
            self._report.error("yaml_alias", (top.place, value), "expected no merge keys", hint="write it out")
        elif value in top.value:
            top.value.repeated += (value,)
        return value

    def _scalar(self, event: Any) -> Any:
        tag = event.tag
        if tag is None or tag == "!":
            tag = self._loader.resolve(self._yaml.ScalarNode, event.value, event.implicit)
        if tag in _TEXT_TAGS:
            return event.value
        if tag not in _SCALAR_TAGS:
            self._refuse("wrong_type", event, "expected no tags", event.tag or event.value)
            return MISSING
        node = self._yaml.ScalarNode(tag, event.value)
        try:
            value = self._loader.construct_object(node)
        except (ValueError, KeyError, IndexError):  # a tag that its text does not fit, or too many digits
            if event.value.lstrip("+-").isdecimal():
                return HugeNumber(event.value)
            self._refuse("wrong_type", event, f"expected what {tag.removeprefix(_TAG)} can be", event.value)
            return MISSING
        if isinstance(value, float) and not math.isfinite(value):
            word = event.value.lstrip("+-").lower()
            return NotANumber(event.value) if word in {".inf", ".nan"} else HugeNumber(event.value)
        return value

    def _check_anchor(self, event: Any) -> None:
        if event.anchor is not None:
            self._refuse("yaml_alias", event, "expected no anchors", f"&{event.anchor}")

    def _refuse(self, code: str, event: Any, message: str, value: str) -> None:
        self._report.error(code, self._next_place(), message + _at(event), value, "write it out, in plain YAML")

    def _next_place(self) -> Place:
        """The place of the value that comes next; a key has the place of its object."""
        if not self._open:
            return None
        top = self._open[-1]
        if isinstance(top.value, list):
            return (top.place, len(top.value))
        return top.place if top.key is MISSING else (top.place, top.key)


def _at(event: Any) -> str:
    return f" at line {event.start_mark.line + 1}, column {event.start_mark.column + 1}"
