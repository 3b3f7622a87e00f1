"""`--input` and `--data`: a JSON value, written out or in a file."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec

from flowsm.errors import FlowsmError, InputInvalid, NotFound, UsageError
from flowsm.limits import INPUT_MAX_BYTES, MIB

__all__ = ["read_data", "read_input"]

_SHOWN_CHARS: Final = 80


def read_input(text: str | None, flow: str) -> Any:
    """The value of `--input`: JSON text, `@file`, or `@-`, which is stdin; None when the option was not given.

    Args:
        text: what was given.
        flow: the flow's name, for what is said.

    Raises:
        UsageError: the text is not JSON, or the file cannot be read.
        NotFound: there is no such file.
        InputInvalid: the file is not JSON, or too large.
    """
    return _read("--input", text, lambda problem: InputInvalid(flow, "", problem))


def read_data(text: str | None) -> Any:
    """The value of `--data`, given in the same ways; errors likewise, a bad file is a UsageError."""
    return _read("--data", text, UsageError)


def _read(option: str, text: str | None, invalid: Callable[[str], FlowsmError]) -> Any:
    if text is None:
        return None
    if not text.startswith("@"):
        try:
            return msgspec.json.decode(text.encode("utf-8", "surrogateescape"))
        except (msgspec.DecodeError, RecursionError) as error:
            hint = f"a text is '\"text\"', for a file write {option} @FILE"
            found = text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + "…"
            raise UsageError(f"{option} is not JSON: {error}, found {found!r}; {hint}") from None
    data = _bytes_of(option, text)
    if len(data) > INPUT_MAX_BYTES:
        raise invalid(f"{option} {text} is larger than {INPUT_MAX_BYTES // MIB} MiB")
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError) as error:
        raise invalid(f"{option} {text} is not JSON: {error}") from None


def _bytes_of(option: str, text: str) -> bytes:
    """No more than can be used, for a device never ends."""
    if text == "@-":
        stdin: BinaryIO | None = getattr(sys.stdin, "buffer", None)
        if stdin is None:
            raise UsageError(f"{option} @-: stdin is not open: give a file, or the text itself")
        return stdin.read(INPUT_MAX_BYTES + 1)
    try:
        with Path(text[1:]).open("rb") as file:
            return file.read(INPUT_MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise NotFound(f"{option} {text}: {error.strerror}") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"{option} {text}: {getattr(error, 'strerror', None) or error}") from None
