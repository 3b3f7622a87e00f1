"""`python -m flowsm.examples.airports [DIR]`: a flow, and the real CSV that it reads, put into a folder.

The CSV is the one that the PyPI package `airportsdata` ships: the airports of the world, some 28,000 of them.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

__all__ = ["main", "write_example"]


def write_example(folder: Path) -> list[Path]:
    """Write `airports.json` and `airports.csv` into the folder, which is made; a file that is there is kept.

    Returns:
        The files that were written.

    Raises:
        ModuleNotFoundError: the package `airportsdata` is not installed.
    """
    sources = {
        "airports.json": files("flowsm.examples") / "airports.json",
        "airports.csv": files("airportsdata") / "airports.csv",
    }
    folder.mkdir(parents=True, exist_ok=True)
    missing = {folder / name: source for name, source in sources.items() if not (folder / name).exists()}
    for path, source in missing.items():
        path.write_bytes(source.read_bytes())
    return list(missing)


def main(arguments: Sequence[str]) -> int:
    """Write the files into the folder that is the only argument, by default this one; returns the exit code."""
    if len(arguments) > 1 or any(argument.startswith("-") for argument in arguments):
        sys.stderr.write("usage: python -m flowsm.examples.airports [DIR]\n")
        return 2
    if find_spec("airportsdata") is None:
        sys.stderr.write("the airports are in the package airportsdata: pip install airportsdata\n")
        return 1
    for path in write_example(Path(*arguments)):
        sys.stdout.write(f"wrote {path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
