"""Starting twice: whose is an idempotency key? Asked and answered in the transaction that creates the execution."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Container, Sequence
from typing import Any, Final

import msgspec

from flowsm.errors import StartConflict, StartedBefore
from flowsm.events.codec import decode_fact
from flowsm.events.facts import ExecutionCreated, Fact
from flowsm.storage.statements import load_statements

__all__ = ["Start", "Taken", "claim_key", "first_difference", "judged", "start_of"]

_STATEMENTS: Final = load_statements("flowsm.log", "sql", "starts.sql")
_SHOWN_CHARS: Final = 12
"""Of a digest, as everywhere."""
_EXACT: Final = 2**53
"""Up to here a floating-point number without a fraction is the integer that it looks like."""


class Start(msgspec.Struct, frozen=True, gc=False):
    """A start that claims a key, with the digest of its input."""

    key: str
    created: ExecutionCreated
    input_digest: str


class Taken(msgspec.Struct, frozen=True, gc=False):
    """Whose a key is."""

    stream: str
    flow_digest: str
    input_digest: str


def start_of(facts: Sequence[Fact]) -> Start | None:
    """The start that a batch records, if it has a key."""
    created = facts[0] if facts else None
    if not isinstance(created, ExecutionCreated) or created.idempotency_key is None:
        return None
    text = msgspec.json.encode(_plain(created.input), order="sorted")
    return Start(created.idempotency_key, created, hashlib.sha256(text).hexdigest())


def claim_key(
    connection: sqlite3.Connection, start: Start, stream: str, refused: Exception | None, beside: Container[str]
) -> Exception | None:
    """Take the key for a stream that is created now, unless it is taken, or the batch is `refused` anyway.

    `beside` are streams that are known, and perhaps not written yet. Returns why the batch is refused.
    """
    row = connection.execute(_STATEMENTS["select_start"], (start.key,)).fetchone()
    if row is not None:
        taken = Taken(*row)
        created = _created(connection, taken.stream)
        return judged(start, taken, created, refused, left=created is None and taken.stream not in beside)
    if refused is None:
        values = (start.key, stream, start.created.digest, start.input_digest)
        connection.execute(_STATEMENTS["insert_start"], values)
    return refused


def judged(
    start: Start, taken: Taken | None, created: Fact | None, refused: Exception | None, *, left: bool = False
) -> Exception | None:
    """Why a start is refused whose key is `taken` by an execution with the first event `created`, or that has `left`.

    The key comes before all else: whoever starts again gives the id again too.
    """
    if taken is None:
        return refused
    if start.created.digest != taken.flow_digest:
        found, given = taken.flow_digest[:_SHOWN_CHARS], start.created.digest[:_SHOWN_CHARS]
        return StartConflict(start.key, taken.stream, f"its flow has the digest {found}, not {given} as the one given")
    if start.input_digest != taken.input_digest:
        return StartConflict(start.key, taken.stream, _input_difference(start, taken, created))
    if left:
        way_out = "look for it there (--db ARCHIVE), or import the archive and start again"
        return StartConflict(start.key, taken.stream, "that has left the log for an archive", way_out)
    return StartedBefore(start.key, taken.stream)


def _input_difference(start: Start, taken: Taken, created: Fact | None) -> str:
    """Where the inputs part, or their digests where the recorded one is not at hand."""
    if not isinstance(created, ExecutionCreated) or created.stored:
        found, given = taken.input_digest[:_SHOWN_CHARS], start.input_digest[:_SHOWN_CHARS]
        return f"its input has the digest {found}, not {given} as the one given"
    pointer = first_difference(created.input, start.created.input)
    return f"its input differs from the one given at {pointer or 'the whole input'}"


def first_difference(left: Any, right: Any, pointer: str = "") -> str | None:
    """The JSON Pointer of the first place, by the order of keys, where two JSON values differ; None if nowhere."""
    if isinstance(left, dict) and isinstance(right, dict):
        for key in sorted(left.keys() | right.keys()):
            place = f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}"
            if key not in left or key not in right:
                return place
            found = first_difference(left[key], right[key], place)
            if found is not None:
                return found
        return None
    if isinstance(left, list) and isinstance(right, list):
        for index, (one, other) in enumerate(zip(left, right, strict=False)):
            found = first_difference(one, other, f"{pointer}/{index}")
            if found is not None:
                return found
        return None if len(left) == len(right) else f"{pointer}/{min(len(left), len(right))}"
    same = left == right and isinstance(left, bool) == isinstance(right, bool)
    return None if same else pointer


def _plain(value: Any) -> Any:
    """The value with its integral numbers as integers: JSON has one kind of number."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) <= _EXACT else value


def _created(connection: sqlite3.Connection, stream: str) -> Fact | None:
    row = connection.execute(_STATEMENTS["select_created"], (stream,)).fetchone()
    return None if row is None else decode_fact(*row)
