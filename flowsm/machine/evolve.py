"""evolve(machine, state, fact, at) → state: the one fold through which every state comes about.

Pure and total: it gives the next state, or raises `IllegalEvent` with the seq at which the log and
the machine part. What each fact changes is said in `machine/changes/`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from msgspec.structs import replace

from flowsm.errors import IllegalEvent
from flowsm.events.envelope import Recorded
from flowsm.events.facts import Fact
from flowsm.machine.changes.attempts import ATTEMPT_CHANGES
from flowsm.machine.changes.checks import Changes, Refused
from flowsm.machine.changes.executions import EXECUTION_CHANGES
from flowsm.machine.changes.forks import FORK_CHANGES
from flowsm.machine.changes.operators import OPERATOR_CHANGES
from flowsm.machine.changes.waits import WAIT_CHANGES
from flowsm.machine.compile import FlowMachine
from flowsm.machine.state import ExecutionState, new_state

__all__ = ["evolve", "fold"]

_CHANGES: Final[dict[type[Fact], Callable[[FlowMachine, ExecutionState, Any, str], Changes]]] = {
    **EXECUTION_CHANGES,
    **ATTEMPT_CHANGES,
    **WAIT_CHANGES,
    **OPERATOR_CHANGES,
    **FORK_CHANGES,
}


def evolve(machine: FlowMachine, state: ExecutionState, fact: Fact, at: str) -> ExecutionState:
    """The state after one more event of the stream, recorded at `at`.

    Facts of types that this flowsm does not know change nothing but the seq.

    Raises:
        IllegalEvent: the machine would not allow it here.
    """
    changes_of = _CHANGES.get(type(fact))
    try:
        changes = {} if changes_of is None else changes_of(machine, state, fact, at)
    except Refused as refused:
        raise IllegalEvent(state.stream, state.seq + 1, fact.TYPE, str(refused)) from None
    changes["seq"] = state.seq + 1
    changes["updated_at"] = at
    return replace(state, **changes)


def fold(
    machine: FlowMachine, stream: str, events: Iterable[Recorded], state: ExecutionState | None = None
) -> ExecutionState:
    """The state after all these events of one stream, from the beginning or from a state.

    Raises:
        IllegalEvent: an event that the machine would not allow, or one that is out of order.
    """
    current = new_state(stream) if state is None else state
    for event in events:
        if event.seq != current.seq + 1:
            raise IllegalEvent(stream, event.seq, event.type, f"comes after seq {current.seq}")
        current = evolve(machine, current, event.fact, event.at)
    return current
