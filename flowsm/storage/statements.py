"""Named statements: SQL lives in `.sql` files, in blocks that begin with `-- name: the_name`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Final

__all__ = ["Statements", "load_statements", "parse_statements", "read_script"]

_NAME: Final = re.compile(r"^-- name: ([a-z][a-z0-9_]*)[ \t]*$", re.MULTILINE)
_GENERATION: Final = "{g}"


def read_script(package: str, *path: str) -> str:
    """The text of a `.sql` file that is shipped in a package."""
    return files(package).joinpath(*path).read_text(encoding="utf-8")


def parse_statements(text: str) -> dict[str, str]:
    """The statements of a file's text by name, without the comments above each.

    Raises:
        ValueError: a name occurs twice.
    """
    parts = _NAME.split(text)[1:]
    statements: dict[str, str] = {}
    for name, block in zip(parts[::2], parts[1::2], strict=True):
        if name in statements:
            raise ValueError(f"statement {name!r} occurs twice; names are unique within a file")
        lines = [line for line in block.strip().splitlines() if not line.lstrip().startswith("--")]
        statements[name] = "\n".join(lines).strip().rstrip(";")
    return statements


def load_statements(package: str, *path: str) -> dict[str, str]:
    """The named statements of a `.sql` file that is shipped in a package."""
    return parse_statements(read_script(package, *path))


class Statements:
    """Statements by name, with `{g}` replaced by the number of a generation of tables."""

    def __init__(self, statements: Mapping[str, str]) -> None:
        self._raw = dict(statements)
        self._generations: dict[int, dict[str, str]] = {}
        self.rank = {name: place for place, name in enumerate(self._raw)}

    def of_generation(self, generation: int) -> dict[str, str]:
        """All statements as they are run against that generation's tables."""
        found = self._generations.get(generation)
        if found is None:
            number = str(int(generation))
            found = {name: sql.replace(_GENERATION, number) for name, sql in self._raw.items()}
            self._generations[generation] = found
        return found
