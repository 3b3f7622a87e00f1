"""What only works where a person sits."""

from __future__ import annotations

import sys

from flowsm.errors import UsageError

__all__ = ["need_terminal"]


def need_terminal(command: str, instead: str) -> None:
    """Return where there is a terminal to read keys from and to draw on.

    Args:
        command: what needs it.
        instead: what does without.

    Raises:
        UsageError: there is none.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(f"{command} needs a terminal, and this is a pipe or a file: use {instead}")
