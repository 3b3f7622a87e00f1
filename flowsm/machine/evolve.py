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
from flowsm.events.facts import ExecutionCreated, ExecutionUpgraded, Fact
from flowsm.machine.changes.attempts import ATTEMPT_CHANGES
from flowsm.machine.changes.checks import Changes, Refused
from flowsm.machine.changes.executions import EXECUTION_CHANGES
from flowsm.machine.changes.forks import FORK_CHANGES
from flowsm.machine.changes.operators import OPERATOR_CHANGES
from flowsm.machine.changes.waits import WAIT_CHANGES
from flowsm.machine.compile import FlowMachine
from flowsm.machine.state import ExecutionState, new_state

__all__ = ["MachineOf", "evolve", "fold", "pinned"]

MachineOf = Callable[[str], FlowMachine]
"""The machine of a flow, by its digest."""

_CHANGES: Final[dict[type[Fact], Callable[[FlowMachine, ExecutionState, Any, str], Changes]]] = {
    **EXECUTION_CHANGES,
    **ATTEMPT_CHANGES,
    **WAIT_CHANGES,
    **OPERATOR_CHANGES,
    **FORK_CHANGES,
}


def pinned(fact: Fact) -> str | None:
    """The digest of the flow that the execution runs from this fact on; None for one that leaves it as it is."""
    return fact.digest if isinstance(fact, ExecutionCreated | ExecutionUpgraded) else None


def evolve(machine: FlowMachine, state: ExecutionState, fact: Fact, at: str) -> ExecutionState:
    """The state after one more event of the stream, recorded at `at`.

    The machine is that of the flow which the fact pins (see `pinned`), else of the one that the state is pinned to.

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
    machine: FlowMachine | MachineOf, stream: str, events: Iterable[Recorded], state: ExecutionState | None = None
) -> ExecutionState:
    """The state after all these events of one stream, from the beginning or from a state.

    Args:
        machine: the only one that it ever ran, or what gives those of its flows.
        stream: whose events they are.
        events: in order.
        state: before the first of them.

    Raises:
        IllegalEvent: an event that the machine would not allow, or one that is out of order.
    """
    current = new_state(stream) if state is None else state
    present: FlowMachine | None
    if isinstance(machine, FlowMachine):
        present, machine_of = machine, None
    else:
        present, machine_of = machine(current.digest) if current.digest else None, machine
    for event in events:
        if event.seq != current.seq + 1:
            raise IllegalEvent(stream, event.seq, event.type, f"comes after seq {current.seq}")
        digest = pinned(event.fact)
        if digest is not None and machine_of is not None:
            present = machine_of(digest)
        if present is None:
            raise IllegalEvent(stream, event.seq, event.type, "comes before the execution was created")
        current = evolve(present, current, event.fact, event.at)
    return current
