"""What an execution waits for: in sentences, and in a few words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from flowsm.cli.output import local_time
from flowsm.clock import timestamp
from flowsm.errors import ExecutionNotFound
from flowsm.machine.state import ExecutionState, Phase
from flowsm.manager import FlowManager
from flowsm.projections.queries import ExecutionRow
from flowsm.replay.waiting import Surroundings, waits_for
from flowsm.status import FlowStatus

__all__ = ["Standing", "standing_of", "waits_in_words"]

_STILL: Final = frozenset({Phase.CREATED, Phase.WAITING, Phase.ASKING, Phase.BACKOFF})
"""Where it waits for something; elsewhere it moves by itself, unless it is paused."""
_WORDS: Final = {"start": "starts at {due}", "retry": "retry at {due}", "timer": "waits until {due}"}


class Standing:
    """Where an execution stands, in words: what it waits for, and what its status does not tell."""

    def __init__(self, state: ExecutionState, waits: list[str]) -> None:
        self.waits = waits
        self.besides = ""
        asked = state.cancelling
        if state.removed:
            self.besides = ", removed from the lists"
        elif asked is not None and state.ended_at is None:
            by = f" by {asked.actor}" if asked.actor else ""
            why = f": {asked.reason}" if asked.reason else ""
            self.besides = f", being cancelled, as asked{by} at {asked.at}{why}"


async def standing_of(manager: FlowManager, execution_id: str) -> Standing:
    """Where an execution stands now; what moves by itself waits for nothing.

    Raises:
        ExecutionNotFound: there is no such execution.
    """
    history = await manager.replay(execution_id)
    state = history.state_at(history.last)
    around = Surroundings(now=timestamp(datetime.now(UTC)), child_status=await _of_child(manager, state))
    said = waits_for(history.machine, state, around)
    return Standing(state, said if state.phase in _STILL else said[: state.paused is not None])


async def _of_child(manager: FlowManager, state: ExecutionState) -> str | None:
    waiting = state.attempt.waiting if state.attempt is not None else None
    if waiting is None or waiting.child is None:
        return None
    try:
        return (await manager.get_flow_status(waiting.child)).status.value
    except ExecutionNotFound:
        return "not created yet"


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
