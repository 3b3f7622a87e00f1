"""Identifiers: made here and nowhere else."""

from __future__ import annotations

import re
import secrets
import time
from typing import Final

from flowsm.limits import EXECUTION_ID_MAX_CHARS

__all__ = ["idempotency_key", "is_execution_id", "new_execution_id", "new_worker_id"]

_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32
_EXECUTION_ID: Final = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._:-]{{0,{EXECUTION_ID_MAX_CHARS - 1}}}")


def _word(number: int, chars: int) -> str:
    return "".join([_ALPHABET[number >> 5 * place & 31] for place in range(chars - 1, -1, -1)])


def new_execution_id() -> str:
    """An execution id: nine characters of time (milliseconds), seven by chance.

    Executions of one time lie close together in every index: a commit of many touches few pages.
    """
    return _word(time.time_ns() // 1_000_000, 9) + _word(secrets.randbits(35), 7)


def new_worker_id() -> str:
    """A random id for one manager in one process."""
    return f"w-{_word(secrets.randbits(40), 8)}"


def is_execution_id(text: str) -> bool:
    """Whether a chosen execution id is legal: `[A-Za-z0-9][A-Za-z0-9._:-]{0,99}`."""
    return isinstance(text, str) and _EXECUTION_ID.fullmatch(text) is not None


def idempotency_key(execution_id: str, task: str, visit: int) -> str:
    """The key that stays the same over the attempts of one visit: `execution:task:visit`."""
    return f"{execution_id}:{task}:{visit}"
