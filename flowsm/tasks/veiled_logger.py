"""A task's logger whose records have none of the secrets that its attempt was given."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from flowsm.tasks.veil import Veil

__all__ = ["VeiledLogger"]


class VeiledLogger(logging.LoggerAdapter[logging.Logger]):
    """Writes a record's message out, with its arguments and the exception, before anybody sees them, and hides.

    Args:
        logger: where the records go.
        extra: what they know.
        veil: what is hidden.
    """

    def __init__(self, logger: logging.Logger, extra: Mapping[str, object], veil: Veil) -> None:
        super().__init__(logger, extra)
        self._veil = veil

    def log(
        self,
        level: int,
        msg: object,
        *args: object,
        exc_info: Any = None,
        stack_info: bool = False,
        stacklevel: int = 1,
        **_: object,
    ) -> None:
        """As `logging.Logger.log`; the exception's text is part of the message."""
        if not self.isEnabledFor(level):
            return
        written = logging.LogRecord(self.logger.name, level, "", 0, msg, args, None).getMessage()
        error = _error_of(exc_info)
        if error is not None:
            written += "\n" + "".join(traceback.format_exception(error)).rstrip()
        text = self._veil.text(written)
        self.logger.log(level, text, stack_info=stack_info, stacklevel=stacklevel + 1, extra=self.extra)


def _error_of(exc_info: object) -> BaseException | None:
    """The exception that a record is about, as `logging` has it told."""
    if isinstance(exc_info, BaseException):
        return exc_info
    if isinstance(exc_info, tuple):
        found: tuple[type[BaseException], BaseException, TracebackType] = exc_info
        return found[1]
    return sys.exc_info()[1] if exc_info else None
