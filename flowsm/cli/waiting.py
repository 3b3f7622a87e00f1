"""What an execution waits for, in sentences."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from flowsm.clock import timestamp
from flowsm.errors import ExecutionNotFound
from flowsm.events.facts import ExecutionUpgraded
from flowsm.machine.state import ExecutionState, Phase
from flowsm.manager import FlowManager
from flowsm.replay.history import History
from flowsm.replay.waiting import Surroundings, waits_for
from flowsm.wording.facts import describe
from flowsm.wording.text import local_time

__all__ = ["Standing", "standing_of"]

_STILL: Final = frozenset({Phase.CREATED, Phase.WAITING, Phase.ASKING, Phase.BACKOFF})
"""Where it waits for something; elsewhere it moves by itself, unless it is paused."""


@dataclass
class Standing:
    """Where an execution stands, in words: what it waits for, what its status does not tell, its latest upgrade."""

    waits: list[str] = field(default_factory=list)
    besides: str = ""
    upgraded: str = ""


async def standing_of(manager: FlowManager, execution_id: str) -> Standing:
    """Where an execution stands now; what moves by itself waits for nothing.

    Raises:
        ExecutionNotFound: there is no such execution.
    """
    history = await manager.replay(execution_id)
    state = history.state_at(history.last)
    around = Surroundings(now=timestamp(datetime.now(UTC)), child_status=await _of_child(manager, state))
    said = waits_for(history.machine, state, around)
    waits = said if state.phase in _STILL else said[: state.paused is not None]
    return Standing(waits, _besides(state), _upgraded(history, state))


def _besides(state: ExecutionState) -> str:
    asked = state.cancelling
    if state.removed:
        return ", removed from the lists"
    if asked is None or state.ended_at is not None:
        return ""
    by = f" by {asked.actor}" if asked.actor else ""
    why = f": {asked.reason}" if asked.reason else ""
    return f", being cancelled, as asked{by} at {asked.at}{why}"


def _upgraded(history: History, state: ExecutionState) -> str:
    """What its latest upgrade was; empty where there was none."""
    if not state.upgrades:
        return ""
    events = reversed(history.events[: state.seq])
    latest = next(event for event in events if isinstance(event.fact, ExecutionUpgraded))
    return f"{describe(latest.fact)}, at {local_time(datetime.fromisoformat(latest.at))}"


async def _of_child(manager: FlowManager, state: ExecutionState) -> str | None:
    waiting = state.attempt.waiting if state.attempt is not None else None
    if waiting is None or waiting.child is None:
        return None
    try:
        return (await manager.get_flow_status(waiting.child)).status.value
    except ExecutionNotFound:
        return "not created yet"
