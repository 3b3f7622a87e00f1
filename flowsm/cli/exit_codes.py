"""What a command's exit code says: the one table."""

from __future__ import annotations

from typing import Final

from flowsm.errors import ConflictError, DocumentInvalid, FlowsmError, InputInvalid, NotFound, UsageError

__all__ = [
    "BROKEN_PIPE",
    "CONFLICT",
    "FAILED",
    "FINE",
    "INTERRUPTED",
    "INVALID",
    "NOT_FOUND",
    "TERMINATED",
    "USAGE",
    "exit_code_of",
]

FINE: Final = 0
FAILED: Final = 1
"""The execution failed or was cancelled, `verify` did not hold, or something else went wrong."""
USAGE: Final = 2
INVALID: Final = 3
"""A document, or an execution's input, has errors."""
NOT_FOUND: Final = 4
CONFLICT: Final = 5
INTERRUPTED: Final = 130
"""Ctrl-C: 128 + SIGINT, as shells have it."""
BROKEN_PIPE: Final = 141
"""Whoever read the output closed it: 128 + SIGPIPE."""
TERMINATED: Final = 143
"""Told to stop: 128 + SIGTERM."""

_BY_ERROR: Final[tuple[tuple[type[FlowsmError], int], ...]] = (
    (UsageError, USAGE),
    (DocumentInvalid, INVALID),
    (InputInvalid, INVALID),
    (NotFound, NOT_FOUND),
    (ConflictError, CONFLICT),
)


def exit_code_of(error: FlowsmError) -> int:
    """The exit code of a command that this error ended."""
    return next((code for kind, code in _BY_ERROR if isinstance(error, kind)), FAILED)
