"""Identifiers: made here and nowhere else."""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from typing import Final

from flowsm.limits import EXECUTION_ID_MAX_CHARS, IDEMPOTENCY_KEY_MAX_CHARS

__all__ = [
    "SYSTEM_STREAM",
    "child_id",
    "fork_id",
    "idempotency_key",
    "is_execution_id",
    "is_idempotency_key",
    "is_system_stream",
    "new_execution_id",
    "new_worker_id",
    "trace_id_of",
    "traceparent_of",
]

_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32
_PAIRS: Final = [high + low for high in _ALPHABET for low in _ALPHABET]
_PAIR_BITS: Final = 10
_PAIR_MASK: Final = 2**_PAIR_BITS - 1
_CHANCE_BITS: Final = 35
_EXECUTION_ID: Final = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._:-]{{0,{EXECUTION_ID_MAX_CHARS - 1}}}")
_NOT_OF_IDS: Final = re.compile(r"[^A-Za-z0-9._:-]")
_DIGEST_CHARS: Final = 16
_TRACEPARENT: Final = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.DOTALL)
_ZEROS: Final = re.compile("0+")
_SAMPLED: Final = 1
_FORK_DIGEST_CHARS: Final = 32


SYSTEM_STREAM: Final = "$log"
"""The stream of the log's own facts; no execution can have such an id."""


def _word(number: int, pairs: int) -> str:
    """The number in so many pairs of characters."""
    word = ""
    for _ in range(pairs):
        word = _PAIRS[number & _PAIR_MASK] + word
        number >>= _PAIR_BITS
    return word


def new_execution_id() -> str:
    """An execution id: nine characters of time (milliseconds), seven by chance.

    Executions of one time lie close together in every index: a commit of many touches few pages.
    """
    return _word(time.time_ns() // 1_000_000 << _CHANCE_BITS | secrets.randbits(_CHANCE_BITS), 8)


def new_worker_id() -> str:
    """A random id for one manager in one process."""
    return f"w-{_word(secrets.randbits(4 * _PAIR_BITS), 4)}"


def is_system_stream(stream: str) -> bool:
    """Whether a stream holds facts of the log itself, and is no execution."""
    return stream.startswith("$")


def is_execution_id(text: str) -> bool:
    """Whether a chosen execution id is legal: `[A-Za-z0-9][A-Za-z0-9._:-]{0,99}`."""
    return isinstance(text, str) and _EXECUTION_ID.fullmatch(text) is not None


def child_id(parent: str, task: str, visit: int, attempt: int) -> str:
    """The id of the execution that a `subflow` task starts: `parent:task:visit`, with the attempt after the first.

    What a legal id cannot hold is replaced, and a digest of the names keeps it unique.
    """
    plain = ":".join([parent, task, str(visit), *([str(attempt)] if attempt > 1 else [])])
    if is_execution_id(plain):
        return plain
    digest = hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST_CHARS]
    return f"{_NOT_OF_IDS.sub('-', plain)[: EXECUTION_ID_MAX_CHARS - _DIGEST_CHARS - 1]}:{digest}"


def fork_id(key: str) -> str:
    """The id of the fork that is made with an idempotency key: the same key gives the same."""
    return f"fork-{hashlib.sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()[:_FORK_DIGEST_CHARS]}"


def is_idempotency_key(text: object) -> bool:
    """Whether a chosen key of a start is legal: 1 to 400 printable characters, so any `context.idempotency_key` is."""
    return isinstance(text, str) and 0 < len(text) <= IDEMPOTENCY_KEY_MAX_CHARS and text.isprintable()


def idempotency_key(execution_id: str, task: str, visit: int) -> str:
    """The key that stays the same over the attempts of one visit: `execution:task:visit`."""
    return f"{execution_id}:{task}:{visit}"


def traceparent_of(text: object) -> str | None:
    """The `traceparent` of W3C Trace Context that a text is, in version 00; None where it is none.

    Of a later version it is what version 00 knows of it, as section 4.3 of the recommendation has it.
    """
    found = _TRACEPARENT.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return None
    version, trace, span, flags, more = found.groups()
    if version == "ff" or (version == "00" and more is not None) or _ZEROS.fullmatch(trace) or _ZEROS.fullmatch(span):
        return None
    return f"00-{trace}-{span}-{flags if version == '00' else f'{int(flags, 16) & _SAMPLED:02x}'}"


def trace_id_of(traceparent: str) -> str:
    """The trace that a `traceparent` is part of."""
    return traceparent.split("-")[1]
