"""`python -m flowsm`, and the console script `flowsm`."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from typing import Final

__all__ = ["main"]

_FIRST_STDOUT: Final = "__stdout__"
"""By its name: to type checkers it is final."""


def main() -> int:
    """Run the command line on the process's arguments; returns the exit code."""
    from flowsm.cli import main as run_command_line  # noqa: PLC0415 - `import flowsm.__main__` costs nothing
    from flowsm.cli.exit_codes import BROKEN_PIPE, FAILED  # noqa: PLC0415 - likewise

    _prepare_streams()
    try:
        code = run_command_line(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read has seen enough
        from flowsm.cli.output import let_go_of  # noqa: PLC0415 - likewise

        let_go_of(sys.stdout)
        return BROKEN_PIPE
    except OSError as error:  # a full disk, a folder that is gone …
        from flowsm.cli.output import let_go_of, talk  # noqa: PLC0415 - likewise

        where = f"{error.filename}: " if error.filename else ""
        let_go_of(sys.stdout)
        talk(f"flowsm: {where}{error.strerror or error}")
        return FAILED
    return code


def _prepare_streams() -> None:
    """Let no character be unprintable, and a stream that was closed (`>&-`) swallow what it gets."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123 - open to the end
        else:
            stream.reconfigure(errors="backslashreplace")
    if isinstance(sys.stdout, io.TextIOWrapper):
        before = sys.stdout
        sys.stdout = _named(before)
        if sys.__stdout__ is before:  # it has no descriptor any more, and who asks for the terminal's size asks it
            setattr(sys, _FIRST_STDOUT, sys.stdout)


class _Named(io.TextIOWrapper):
    """Text on stdout, whose errors say so."""

    def write(self, text: str, /) -> int:
        with _naming_stdout():
            return super().write(text)

    def flush(self) -> None:
        with _naming_stdout():
            super().flush()


def _named(stream: io.TextIOWrapper) -> _Named:
    encoding, by_line, at_once = stream.encoding, stream.line_buffering, stream.write_through
    return _Named(stream.detach(), encoding, "backslashreplace", line_buffering=by_line, write_through=at_once)


@contextlib.contextmanager
def _naming_stdout() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        error.filename = error.filename or "stdout"
        raise


if __name__ == "__main__":
    sys.exit(main())
