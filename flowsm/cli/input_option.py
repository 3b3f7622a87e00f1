"""`--input`: the value that an execution begins with."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from flowsm.errors import InputInvalid, NotFound, UsageError
from flowsm.limits import INPUT_MAX_BYTES, MIB

__all__ = ["read_input"]


def read_input(text: str | None, flow: str) -> Any:
    """The value of JSON text, of `@file`, or of `@-`, which is stdin; None when the option was not given.

    Args:
        text: what was given.
        flow: the flow's name, for what is said.

    Raises:
        UsageError: the text is not JSON, or the file cannot be read.
        NotFound: there is no such file.
        InputInvalid: the file is not JSON, or too large.
    """
    if text is None:
        return None
    try:
        if not text.startswith("@"):
            return msgspec.json.decode(text.encode("utf-8", "surrogateescape"))
        data = _read(text)
        if len(data) > INPUT_MAX_BYTES:
            raise InputInvalid(flow, "", f"--input {text} is larger than {INPUT_MAX_BYTES // MIB} MiB")
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError) as error:
        if text.startswith("@"):
            raise InputInvalid(flow, "", f"--input {text} is not JSON: {error}") from None
        raise UsageError(f"--input is not JSON: {error}; for a file write --input @FILE") from None


def _read(text: str) -> bytes:
    """No more than can be used, for a device never ends."""
    if text == "@-":
        stdin: BinaryIO | None = getattr(sys.stdin, "buffer", None)
        if stdin is None:
            raise UsageError("--input @-: stdin is not open: give a file, or the text itself")
        return stdin.read(INPUT_MAX_BYTES + 1)
    try:
        with Path(text[1:]).open("rb") as file:
            return file.read(INPUT_MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise NotFound(f"--input {text}: {error.strerror}") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"--input {text}: {getattr(error, 'strerror', None) or error}") from None
