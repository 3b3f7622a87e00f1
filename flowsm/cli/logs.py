"""`--log-format`: the one place where a command sets `logging` up."""

from __future__ import annotations

import atexit
import io
import logging
import sys
import threading
from collections.abc import Callable
from typing import Annotated, Any, Final, Literal, TextIO, TypeAlias

from cyclopts import Parameter

from flowsm.limits import PRINTED_LINE_MAX_CHARS
from flowsm.logs import PRINTED, JsonFormatter, TextFormatter

__all__ = ["LogFormat", "Otel", "set_up_logs"]

LogFormat: TypeAlias = Annotated[
    Literal["text", "json"] | None,
    Parameter(name="--log-format", help="Log what is recorded, and what tasks log, to stderr: a line per record."),
]
Otel: TypeAlias = Annotated[
    bool, Parameter(name="--otel", help="Make OpenTelemetry's spans, for the SDK that the process has (extra `otel`).")
]

_QUIET: Final = ("httpcore", "httpx")
"""They tell whole URLs at INFO, and what these carry may be secret."""


def set_up_logs(form: Literal["text", "json"] | None) -> Callable[[], None]:
    """Log to stderr in this form from now on, if one is given; gives what takes that back.

    In JSON all that Python code prints to stderr (and to stdout, where that is led there) becomes records, too: each line
    of stderr is one JSON value, whatever a task prints.
    """
    if form is None:
        return _nothing
    real = sys.stderr
    handler = _Handler(real)
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    root, printed = logging.getLogger(), logging.getLogger(PRINTED)
    before = root.level, {name: logging.getLogger(name).level for name in _QUIET}
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)
    stream: _Printed | None = None
    if form == "json":
        if isinstance(real, io.TextIOWrapper):
            real.reconfigure(encoding="utf-8")  # JSON is UTF-8 everywhere
        printed.addHandler(handler)
        printed.propagate = False  # what another handler prints of it would be printed again
        stream = sys.stderr = _Printed(real, printed)
        atexit.register(stream.finish)

    def undo() -> None:
        if stream is not None:
            stream.finish()
            atexit.unregister(stream.finish)
            sys.stderr = real
        root.removeHandler(handler)
        root.setLevel(before[0])
        for name, level in before[1].items():
            logging.getLogger(name).setLevel(level)
        logging.captureWarnings(capture=False)
        printed.removeHandler(handler)
        printed.propagate = True

    return undo


class _Handler(logging.StreamHandler[TextIO]):
    """Writes lines; where nobody can be told any more, nothing is said, and work goes on."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - its name in `logging`
        """Say nothing."""


class _Bytes(io.BufferedIOBase):
    """What takes bytes for a stream of text, as `sys.stdout.buffer` does."""

    def __init__(self, text: io.TextIOBase) -> None:
        super().__init__()
        self._text = text

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: Any) -> int:
        """Write the text that the bytes are, as far as they are one."""
        given = bytes(data)
        self._text.write(given.decode("utf-8", "backslashreplace"))
        return len(given)


class _Printed(io.TextIOBase):
    """A stream whose lines become records; each thread's lines are its own."""

    def __init__(self, real: TextIO, logger: logging.Logger) -> None:
        super().__init__()
        self.buffer = _Bytes(self)
        self._real = real
        self._logger = logger
        self._begun: dict[int, str] = {}

    encoding = "utf-8"

    def writable(self) -> bool:
        """It is."""
        return True

    def fileno(self) -> int:
        """That of the stream behind it, for child processes."""
        return self._real.fileno()

    def write(self, text: str) -> int:
        """Log the lines that are whole now, and those that are too long to wait for their ends."""
        thread = threading.get_ident()
        *lines, rest = (self._begun.pop(thread, "") + text).split("\n")
        while len(rest) > PRINTED_LINE_MAX_CHARS:
            lines.append(rest[:PRINTED_LINE_MAX_CHARS])
            rest = rest[PRINTED_LINE_MAX_CHARS:]
        if rest:
            self._begun[thread] = rest
        for line in lines:
            if line.strip():
                self._logger.info("%s", line.removesuffix("\r"))
        return len(text)

    def finish(self) -> None:
        """Log what was begun, and has no end."""
        while self._begun:
            _, rest = self._begun.popitem()
            self._logger.info("%s", rest)


def _nothing() -> None:
    """Nothing was set up."""
