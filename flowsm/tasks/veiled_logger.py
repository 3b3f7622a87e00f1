"""A task's logger whose records have none of the secrets that its attempt was given."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final

from flowsm.tasks.veil import Veil

__all__ = ["VEILED_EXCEPTION", "VeiledLogger", "told_of"]

VEILED_EXCEPTION: Final = "veiled_exception"
"""What a record has in the place of its exception, which others could read: its `type`, `message` and `traceback`."""


class VeiledLogger(logging.LoggerAdapter[logging.Logger]):
    """Writes a record's message and its exception out before anybody sees them, and hides.

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
        """As `logging.Logger.log`; of an exception the record has the text, where `logging` keeps that."""
        if not self.isEnabledFor(level):
            return
        veil, logger = self._veil, self.logger
        written = logging.LogRecord(logger.name, level, "", 0, msg, args, None).getMessage()
        path, line, function, stack = logger.findCaller(stack_info, stacklevel + 1)
        record = logger.makeRecord(
            logger.name,
            level,
            path,
            line,
            veil.text(written),
            (),
            None,
            function,
            self.extra,
            None if stack is None else veil.text(stack),
        )
        error = _error_of(exc_info)
        if error is not None:
            told = told_of(error, veil)
            record.exc_text = told["traceback"].rstrip()
            record.__dict__[VEILED_EXCEPTION] = told
        logger.handle(record)


def told_of(error: BaseException, veil: Veil) -> dict[str, str]:
    """An exception in texts without what is hidden: its `type`, `message` and `traceback`."""
    try:
        message = str(error)
    except Exception:  # noqa: BLE001 - an exception brings its own code
        message = f"<{type(error).__qualname__}, whose text cannot be had>"
    return {
        "type": veil.text(type(error).__qualname__),
        "message": veil.text(message),
        "traceback": veil.text("".join(traceback.format_exception(error))),
    }


def _error_of(exc_info: object) -> BaseException | None:
    """The exception that a record is about, as `logging` has it told."""
    if isinstance(exc_info, BaseException):
        return exc_info
    if isinstance(exc_info, tuple):
        found: tuple[type[BaseException], BaseException, TracebackType] = exc_info
        return found[1]
    return sys.exc_info()[1] if exc_info else None
