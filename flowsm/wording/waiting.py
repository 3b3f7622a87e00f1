"""What an execution waits for, in a few words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from flowsm.projections.queries import ExecutionRow
from flowsm.status import FlowStatus
from flowsm.wording.text import local_time

__all__ = ["waits_in_words"]

_WORDS: Final = {"start": "starts at {due}", "retry": "retry at {due}", "timer": "waits until {due}"}


def waits_in_words(item: ExecutionRow) -> str:
    """What an execution waits for, in a few words; empty where it does not wait."""
    what = item.waiting_for or ""
    if item.status is FlowStatus.PAUSED:
        return ""  # that says it
    if what == "resolution":
        return "asks a person: flowsm resolve"
    if what == "child":
        return f"waits for {item.child_id}"
    if item.due_at is not None and item.due_at < datetime.now(UTC):
        return f"due since {local_time(item.due_at)}"
    if what in _WORDS:
        return _WORDS[what].format(due=local_time(item.due_at))
    return f"waits for {what}" if what else ""
