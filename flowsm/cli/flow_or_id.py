"""An argument that is a flow document or an execution."""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import Any, Final

from cyclopts import Parameter

from flowsm.errors import ExecutionNotFound, NotFound, UsageError
from flowsm.manager import FlowManager

__all__ = ["looks_like_file", "or_stdin", "resolve_or_explain"]

_SUFFIXES: Final = frozenset({".json", ".toml", ".yaml", ".yml"})


def _only_a_hyphen(kind: Any, value: str | None) -> None:
    """Let `-` stand for stdin, though no other argument may look like an option.

    Raises:
        UsageError: it does.
    """
    if value is not None and value.startswith("-") and value != "-":
        raise UsageError(f"unknown option {value}, or a file's name that begins so: write ./{value}")


def or_stdin(help: str, name: str | None = None) -> Parameter:
    """An argument, or an option, for which `-` may be given."""
    return Parameter(name=name, allow_leading_hyphen=True, validator=_only_a_hyphen, help=help)


def looks_like_file(target: str) -> bool:
    """Whether it is a document: `-`, a path that is there, or one that could only be a path."""
    if target.startswith("@"):
        return False
    separated = "/" in target or "\\" in target
    return target == "-" or separated or PurePath(target).suffix.lower() in _SUFFIXES or Path(target).is_file()


async def resolve_or_explain(manager: FlowManager, target: str, db: Path) -> str:
    """The execution's id.

    Raises:
        NotFound: it is neither.
        AmbiguousId: more than one execution begins like this.
    """
    try:
        return await manager.resolve_id(target)
    except ExecutionNotFound:
        if target.startswith("@"):
            raise
        raise NotFound(f"{target!r} is neither a flow document nor an execution in {str(db)!r}") from None
