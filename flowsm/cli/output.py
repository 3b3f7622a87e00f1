"""Data on stdout, talk on stderr; both safe to print whatever a document or a task put into them."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Any, Final, TextIO

import msgspec
from rich.console import Console
from rich.text import Text

from flowsm.wording.text import MARKS, counted, local_time, safe, seconds_text, short, visible_lines

__all__ = ["MARKS", "STYLES", "console_for", "counted", "let_go_of", "local_time", "print_json", "print_text", "safe"]
__all__ += ["seconds_text", "short", "status_text", "talk"]

_WIDE: Final = 100_000
"""Columns where nobody looks at a terminal: nothing is cut off in a pipe."""

STYLES: Final = {
    "completed": "green",
    "success": "green",
    "failed": "red",
    "failure": "red",
    "timed_out": "red",
    "cancelled": "yellow",
    "interrupted": "yellow",
    "skipped": "dim",
    "running": "cyan",
    "waiting": "cyan",
}
"""Colours by status; the word, and its mark, are always there as well."""


class _PipedConsole(Console):
    """A console that lets a closed pipe be seen by `__main__`, not end the process on its own."""

    def on_broken_pipe(self) -> None:
        """Hand the error on."""
        raise BrokenPipeError


def console_for(stream: TextIO) -> Console:
    """A console that cuts at the terminal's width, or nowhere when there is no terminal."""
    console = _PipedConsole(file=stream, highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = _WIDE
    return console


def talk(text: str) -> None:
    """Say something to the person, on stderr; where nobody can be told any more, nothing is said, and work goes on."""
    try:
        sys.stderr.write(visible_lines(text) + "\n")
        sys.stderr.flush()
    except OSError:
        let_go_of(sys.stderr)


def let_go_of(stream: TextIO) -> None:
    """Swallow what is written to a stream from now on, and what it holds: Python would complain of that at exit."""
    with contextlib.suppress(OSError, ValueError):  # it has no descriptor
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, stream.fileno())
        finally:
            os.close(nowhere)


def print_text(text: str) -> None:
    """Print a line, or lines, of data."""
    sys.stdout.write(text if text.endswith("\n") else text + "\n")


def print_json(value: Any) -> None:
    """Print one JSON document in UTF-8; the elements of an array each on a line of their own."""
    if isinstance(value, list):
        lines = b",\n".join(msgspec.json.encode(element) for element in value)
        data = b"[\n" + lines + b"\n]\n" if value else b"[]\n"
    else:
        data = msgspec.json.encode(value) + b"\n"
    sys.stdout.flush()
    buffer = getattr(sys.stdout, "buffer", None)
    if buffer is None:
        sys.stdout.write(data.decode())
        return
    try:
        buffer.write(data)
        buffer.flush()
    except OSError as error:
        error.filename = error.filename or "stdout"
        raise


def status_text(status: str) -> Text:
    """A status with its mark and its colour."""
    return Text(f"{MARKS.get(status, '·')} {safe(status)}", style=STYLES.get(status, ""))
