"""Starting twice: whose is an idempotency key? Asked and answered in the transaction that creates the execution."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import MutableMapping, Sequence
from typing import Any, Final

import msgspec

from flowsm.errors import StartConflict, StartedBefore
from flowsm.events.codec import decode_fact
from flowsm.events.fact import CREATED_PAUSED
from flowsm.events.facts import ExecutionCreated, ExecutionPaused, Fact
from flowsm.storage.statements import load_statements

__all__ = ["Begun", "Start", "Taken", "begun_by", "claim_key", "first_difference", "judged", "start_of"]

_STATEMENTS: Final = load_statements("flowsm.log", "sql", "starts.sql")
_SHOWN_CHARS: Final = 12
"""Of a digest, as everywhere."""
_EXACT: Final = 2**53
"""Up to here a floating-point number without a fraction is the integer that it looks like."""


class Begun(msgspec.Struct, frozen=True, gc=False):
    """How an execution began: its first event, when that was recorded, and whether it was created paused."""

    created: ExecutionCreated
    at: str
    paused: bool

    @property
    def start_at(self) -> str | None:
        """When it was to be started; None where that was at once."""
        moment = self.created.start_at
        return None if moment is None or moment <= self.at else moment


class Start(msgspec.Struct, frozen=True, gc=False):
    """A start that claims a key, with the digest of its input."""

    key: str
    begun: Begun
    input_digest: str

    @property
    def created(self) -> ExecutionCreated:
        """What it records first."""
        return self.begun.created


class Taken(msgspec.Struct, frozen=True, gc=False):
    """Whose a key is."""

    stream: str
    flow_digest: str
    input_digest: str


def begun_by(facts: Sequence[Fact], at: str) -> Begun | None:
    """How an execution began whose first facts, recorded then, are these; None where they are not those of a creation."""
    created, after = [*facts[:2], None, None][:2]
    if not isinstance(created, ExecutionCreated):
        return None
    return Begun(created, at, isinstance(after, ExecutionPaused) and after.reason == CREATED_PAUSED)


def start_of(facts: Sequence[Fact], at: str) -> Start | None:
    """The start that a batch records, if it has a key."""
    begun = begun_by(facts, at)
    if begun is None or begun.created.idempotency_key is None:
        return None
    text = msgspec.json.encode(_plain(begun.created.input), order="sorted")
    return Start(begun.created.idempotency_key, begun, hashlib.sha256(text).hexdigest())


def claim_key(
    connection: sqlite3.Connection,
    start: Start,
    stream: str,
    refused: Exception | None,
    beside: MutableMapping[str, Begun],
) -> Exception | None:
    """Take the key for a stream that is created now, unless it is taken, or the batch is `refused` anyway.

    `beside` are those that took one just now, and are not written yet. Returns why the batch is refused.
    """
    row = connection.execute(_STATEMENTS["select_start"], (start.key,)).fetchone()
    if row is not None:
        taken = Taken(*row)
        begun = beside.get(taken.stream) or _begun(connection, taken.stream)
        return judged(start, taken, begun, refused, left=begun is None)
    if refused is None:
        beside[stream] = start.begun
        values = (start.key, stream, start.created.digest, start.input_digest)
        connection.execute(_STATEMENTS["insert_start"], values)
    return refused


def judged(
    start: Start, taken: Taken | None, begun: Begun | None, refused: Exception | None, *, left: bool = False
) -> Exception | None:
    """Why a start is refused whose key is `taken` by an execution that has `begun` so, or has `left`.

    The key comes before all else: whoever starts again gives the id again too.
    """
    if taken is None:
        return refused
    if start.created.digest != taken.flow_digest:
        found, given = taken.flow_digest[:_SHOWN_CHARS], start.created.digest[:_SHOWN_CHARS]
        return StartConflict(start.key, taken.stream, f"its flow has the digest {found}, not {given} as the one given")
    if start.input_digest != taken.input_digest:
        return StartConflict(start.key, taken.stream, _input_difference(start, taken, begun))
    if left:
        way_out = "look for it there (--db ARCHIVE), or import the archive and start again"
        return StartConflict(start.key, taken.stream, "that has left the log for an archive", way_out)
    difference = "" if begun is None else _beginning_difference(start.begun, begun)
    return StartConflict(start.key, taken.stream, difference) if difference else StartedBefore(start.key, taken.stream)


def _beginning_difference(given: Begun, found: Begun) -> str:
    """How they begin otherwise; at once is when somebody executes it, too."""
    if given.paused != found.paused:
        return (
            "it was started paused, unlike the one given"
            if found.paused
            else "it was not started paused, as the one given"
        )
    if given.start_at == found.start_at or given.created.start_at == found.created.start_at:
        return ""
    was = "no start_at to come" if found.start_at is None else f"the start_at {found.start_at}"
    asked = "none" if given.start_at is None else given.start_at
    return f"it had {was}, and the one given has {asked}"


def _input_difference(start: Start, taken: Taken, begun: Begun | None) -> str:
    """Where the inputs part, or their digests where the recorded one is not at hand."""
    if begun is None or begun.created.stored:
        found, given = taken.input_digest[:_SHOWN_CHARS], start.input_digest[:_SHOWN_CHARS]
        return f"its input has the digest {found}, not {given} as the one given"
    pointer = first_difference(begun.created.input, start.created.input)
    return f"its input differs from the one given at {pointer}" if pointer else "its input is not the one given"


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


def _begun(connection: sqlite3.Connection, stream: str) -> Begun | None:
    rows = connection.execute(_STATEMENTS["select_begun"], (stream,)).fetchall()
    return begun_by([decode_fact(*row[1:]) for row in rows], rows[0][0]) if rows else None
