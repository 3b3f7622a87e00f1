"""What a caller may choose of an execution that is started: its id, and an idempotency key."""

from __future__ import annotations

from datetime import datetime

import msgspec

from flowsm.clock import timestamp
from flowsm.errors import StartConflict, StartedBefore, UsageError
from flowsm.events.commands import Create
from flowsm.ids import is_execution_id, is_idempotency_key, new_execution_id, traceparent_of
from flowsm.limits import EXECUTION_ID_MAX_CHARS, IDEMPOTENCY_KEY_MAX_CHARS
from flowsm.runtime.arguments import checked_flag, shown

__all__ = ["begun", "checked_key", "checked_traceparent", "chosen_id", "same_id"]


def chosen_id(execution_id: str | None) -> str:
    """The id that was chosen, or a new one.

    Raises:
        UsageError: it cannot be an id.
    """
    if execution_id is None:
        return new_execution_id()
    if not is_execution_id(execution_id):
        raise UsageError(
            f"execution id {execution_id!r} is not usable: expected a letter or digit, then up to "
            f"{EXECUTION_ID_MAX_CHARS - 1} letters, digits or . _ : -"
        )
    return execution_id


def checked_key(key: str | None) -> str | None:
    """The idempotency key, if there is one.

    Raises:
        UsageError: it cannot be one.
    """
    if key is not None and not is_idempotency_key(key):
        raise UsageError(
            f"idempotency key {key!r} is not usable: expected 1 to {IDEMPOTENCY_KEY_MAX_CHARS} printable characters"
        )
    return key


def checked_traceparent(traceparent: object) -> str | None:
    """The span that asks, if there is one.

    Raises:
        UsageError: it is none.
    """
    found = None if traceparent is None else traceparent_of(traceparent)
    if found is None and traceparent is not None:
        raise UsageError(
            f"traceparent is {shown(traceparent)}, expected one of W3C Trace Context: "
            "00-<32 hex digits>-<16 hex digits>-<2 hex digits>, in lower case, the first two not all zeros"
        )
    return found


def begun(command: Create, start_at: datetime | None, *, paused: bool) -> Create:
    """The command to create an execution, with when it begins.

    Raises:
        UsageError: `start_at` is no moment with its offset from UTC, or `paused` is no boolean.
    """
    if start_at is not None and not (isinstance(start_at, datetime) and start_at.tzinfo is not None):
        expected = "a datetime with its offset from UTC, such as datetime(2027, 1, 31, 9, 30, tzinfo=UTC)"
        if isinstance(start_at, datetime):
            expected = f"a datetime with its offset from UTC, such as {start_at.isoformat()}+00:00"
        raise UsageError(f"start_at is {shown(start_at)}, expected {expected}")
    try:
        moment = None if start_at is None else timestamp(start_at)
    except OverflowError:
        at = start_at.isoformat() if start_at else ""
        raise UsageError(f"start_at is {at}, which lies outside the years 1 to 9999 in UTC") from None
    return msgspec.structs.replace(command, start_at=moment, paused=checked_flag("paused", paused))


def same_id(earlier: StartedBefore, chosen: str | None) -> str:
    """The id of the execution that was started before.

    Raises:
        StartConflict: the caller chose another one.
    """
    if chosen is not None and chosen != earlier.execution_id:
        raise StartConflict(earlier.key, earlier.execution_id, f"not to {chosen!r}, the id given") from None
    return earlier.execution_id
