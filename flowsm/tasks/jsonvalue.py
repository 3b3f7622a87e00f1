"""A value as JSON, exactly: what its JSON text reads back as, or where and why it has none."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from flowsm.limits import MIB, RESULT_MAX_BYTES, RESULT_MAX_DEPTH
from flowsm.tasks.wording import escape

__all__ = ["NotJson", "json_form"]

_ENCODE: Final = msgspec.json.Encoder().encode
_DECODE: Final = msgspec.json.Decoder().decode
_DEEP_HINT: Final = f"more than {RESULT_MAX_DEPTH} levels deep, or it contains itself; give something flatter"


class NotJson(ValueError):
    """A value that has no JSON form; the sentence names the place, what was found, and the way out."""

    def __init__(self, pointer: str, problem: str) -> None:
        self.pointer, self.problem = pointer, problem
        super().__init__(f"{pointer or '/'}: {problem}")


def json_form(value: Any, at: str = "") -> Any:
    """The value as its JSON text reads back; `at` is the JSON Pointer of the value itself, for errors.

    Raises:
        NotJson: it has no JSON form, is larger than `RESULT_MAX_BYTES` or deeper than `RESULT_MAX_DEPTH`.
    """
    if value is None or value is True or value is False:
        return value
    try:
        text = _ENCODE(value)
        form = _DECODE(text)
        same = bool(form == value)
    except RecursionError:
        raise NotJson(at, _DEEP_HINT) from None
    except Exception as error:  # noqa: BLE001 - a value brings its own code: __eq__, properties
        raise _misfit(value, at, str(error)) from None
    if len(text) > RESULT_MAX_BYTES:
        raise NotJson(
            at,
            f"{len(text) / MIB:.1f} MiB of JSON, at most {RESULT_MAX_BYTES // MIB} MiB can be recorded; "
            f"store it in a file and give its path",
        )
    if len(text) > RESULT_MAX_DEPTH and _too_deep(form, text):
        raise NotJson(at, _DEEP_HINT)
    if not same:
        misfit = _find_misfit(value, at)
        if misfit:
            raise misfit
    return form


def _too_deep(form: Any, text: bytes) -> bool:
    if text.count(b"[") + text.count(b"{") <= RESULT_MAX_DEPTH:
        return False
    level = [form]
    for _ in range(RESULT_MAX_DEPTH):
        level = [
            child
            for node in level
            for child in (node.values() if type(node) is dict else node)
            if type(child) is dict or type(child) is list
        ]
        if not level:
            return False
    return True


def _misfit(value: Any, at: str, reason: str) -> NotJson:
    try:
        return _find_misfit(value, at) or NotJson(at, reason)
    except Exception:  # noqa: BLE001 - likewise
        return NotJson(at, reason)


def _find_misfit(value: Any, at: str) -> NotJson | None:
    """The first place that JSON cannot hold, if there is one."""
    pending: list[tuple[str, Any]] = [(at, value)]
    while pending:
        pointer, here = pending.pop()
        if type(here) is float:
            if not math.isfinite(here):
                return NotJson(pointer, f"{here} is not JSON; give None instead, or leave it out")
            continue
        if isinstance(here, dict):
            misfit = _odd_keys(here, pointer)
            if misfit:
                return misfit
        children = _children(here)
        if children is None:
            misfit = _odd_leaf(here, pointer)
            if misfit:
                return misfit
        else:
            pending.extend(reversed([(f"{pointer}/{escape(step)}", child) for step, child in children]))
    return None


def _children(value: Any) -> Iterable[tuple[object, Any]] | None:
    if isinstance(value, dict):
        return value.items()
    if isinstance(value, list | tuple | set | frozenset):
        return enumerate(value)
    if isinstance(value, msgspec.Struct) or (dataclasses.is_dataclass(value) and not isinstance(value, type)):
        return [
            (field.name, getattr(value, field.name))
            for field in (
                msgspec.structs.fields(value) if isinstance(value, msgspec.Struct) else dataclasses.fields(value)
            )
            if getattr(value, field.name, msgspec.UNSET) is not msgspec.UNSET
        ]
    return None


def _odd_keys(mapping: dict[Any, Any], pointer: str) -> NotJson | None:
    if all(type(key) is str and key.isascii() for key in mapping):
        return None
    texts: set[str] = set()
    for key in mapping:
        try:
            (text,) = _DECODE(_ENCODE({key: None}))
        except UnicodeEncodeError:
            return NotJson(
                pointer, f"the key {key!r} holds half a character (a lone surrogate), which JSON cannot hold"
            )
        except TypeError:
            return NotJson(pointer, f"the key {key!r} ({type(key).__name__}) is not a text; use str() on the keys")
        if text in texts:
            return NotJson(pointer, f"two keys are the same in JSON: {text!r}; use texts as keys")
        texts.add(text)
    return None


def _odd_leaf(leaf: Any, pointer: str) -> NotJson | None:
    try:
        form = msgspec.to_builtins(leaf, str_keys=True)
        _DECODE(_ENCODE(leaf))
    except UnicodeEncodeError:
        return NotJson(pointer, "the text holds half a character (a lone surrogate); encode it with errors='replace'")
    except Exception as error:  # noqa: BLE001 - any code may be behind a value
        if type(leaf) is int:
            return NotJson(pointer, "the number has too many digits; give a float or a text")
        if type(error) is TypeError:
            hint = "give dicts, lists, texts, numbers, booleans or None"
            return NotJson(pointer, f"a value of type {type(leaf).__name__!r} is not JSON; {hint}")
        return NotJson(pointer, f"a value of type {type(leaf).__name__!r} is not JSON: {error}")
    return _find_misfit(form, pointer) if isinstance(form, dict | list) else None
