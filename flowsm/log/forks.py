"""Forks: streams that begin as another one did, and share its events instead of copying them."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any, Final, Protocol

import msgspec

from flowsm.errors import OriginNotFound
from flowsm.log.port import Origin
from flowsm.storage.statements import load_statements

__all__ = ["Relative", "begin_fork", "digest_at", "end_fork", "family", "forks_of", "origin_of"]

_SQL: Final = load_statements("flowsm.log", "sql", "forks.sql")


class _Queried(Protocol):
    """A log that SQL can be asked of."""

    async def query(self, statement: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]: ...


class Relative(msgspec.Struct, frozen=True):
    """A stream of a tree of forks; `parent` and `seq` say where it was forked off, None and 0 for the first of them."""

    stream: str
    parent: str | None
    seq: int


def origin_of(connection: sqlite3.Connection, stream: str) -> Origin | None:
    """Whose events a stream begins with, None when they are its own."""
    row = connection.execute(_SQL["select_origin"], (stream,)).fetchone()
    return None if row is None else Origin(*row)


def forks_of(connection: sqlite3.Connection, stream: str) -> list[str]:
    """The streams that were forked off this one."""
    return [fork for fork, _ in connection.execute(_SQL["select_forks"], (stream,))]


async def family(log: _Queried, stream: str) -> list[Relative]:
    """All streams of the tree that one is in, itself included, by name."""
    rows = await log.query(_SQL["select_family"], {"stream": stream})
    return [Relative(name, parent, seq or 0) for name, parent, seq in rows]


def begin_fork(connection: sqlite3.Connection, stream: str, origin: Origin) -> Exception | None:
    """Note whose events a new stream begins with; returns why it cannot: they are not there."""
    if digest_at(connection, origin.parent, origin.seq) != origin.digest:
        return OriginNotFound(stream, origin.parent, origin.seq)
    connection.execute(_SQL["insert_origin"], (stream, origin.parent, origin.seq, origin.digest))
    return None


def digest_at(connection: sqlite3.Connection, stream: str, seq: int) -> str | None:
    """The digest of a stream's event, its own or a shared one; None where there is none."""
    row = connection.execute(_SQL["select_digest"], (stream, seq)).fetchone()
    if row is not None:
        return str(row[0])
    origin = origin_of(connection, stream)
    return None if origin is None or seq > origin.seq else digest_at(connection, origin.parent, seq)


def end_fork(connection: sqlite3.Connection, stream: str) -> None:
    """Forget whose events a stream began with, for it leaves the log."""
    connection.execute(_SQL["delete_origin"], (stream,))
