"""What a caller may choose of an execution that is started: its id, and an idempotency key."""

from __future__ import annotations

from flowsm.errors import StartConflict, StartedBefore, UsageError
from flowsm.ids import is_execution_id, is_idempotency_key, new_execution_id
from flowsm.limits import EXECUTION_ID_MAX_CHARS, IDEMPOTENCY_KEY_MAX_CHARS

__all__ = ["checked_key", "chosen_id", "same_id"]


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


def same_id(earlier: StartedBefore, chosen: str | None) -> str:
    """The id of the execution that was started before.

    Raises:
        StartConflict: the caller chose another one.
    """
    if chosen is not None and chosen != earlier.execution_id:
        raise StartConflict(earlier.key, earlier.execution_id, f"not to {chosen!r}, the id given") from None
    return earlier.execution_id
