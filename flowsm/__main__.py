"""`python -m flowsm`, and the console script `flowsm`."""

from __future__ import annotations

import os
import sys

__all__ = ["main"]


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

        let_go_of(sys.stdout)
        where = f"{error.filename}: " if error.filename else ""
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


if __name__ == "__main__":
    sys.exit(main())
