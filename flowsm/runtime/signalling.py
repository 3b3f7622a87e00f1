"""What became of a signal, for the one who sent it."""

from __future__ import annotations

from typing import Final

from flowsm.machine.compile import FlowMachine
from flowsm.machine.signals import signal_names
from flowsm.machine.state import ExecutionState
from flowsm.runtime.execution import FlowExecution, execution_of
from flowsm.tasks.wording import nearest

__all__ = ["Signalled", "signalled"]

_NAMES_SHOWN: Final = 10


class Signalled(FlowExecution, frozen=True, kw_only=True):
    """The execution after a signal, and what became of that.

    `recorded` is False for a signal that came before with the same idempotency key. `used` is False for one that came
    after the end: it is recorded, and of no use. `warning` says so, or that no task of the flow waits for such a name.
    """

    recorded: bool
    used: bool
    warning: str | None = None


def signalled(machine: FlowMachine, state: ExecutionState, name: str, *, recorded: bool, used: bool) -> Signalled:
    """What is told to the one who sent a signal of that name."""
    execution = execution_of(state)
    fields = {field: getattr(execution, field) for field in execution.__struct_fields__}
    return Signalled(**fields, recorded=recorded, used=used, warning=_warning(machine, state, name, used=used))


def _warning(machine: FlowMachine, state: ExecutionState, name: str, *, used: bool) -> str | None:
    said = []
    if not used:
        said.append(f"signal {name!r} came after the end of execution {state.stream!r}, and is of no use there")
    known = signal_names(machine)
    if known.all_known and name not in known.names:
        said.append(f"no task of flow {state.flow_name!r} waits for signal {name!r} ({_hint(name, known.names)})")
    return "; ".join(said) or None


def _hint(name: str, known: tuple[str, ...]) -> str:
    guess = nearest(name, known)
    if guess is not None:
        return f"did you mean {guess!r}?"
    if not known:
        return "its tasks wait for none"
    return "they wait for " + ", ".join(map(repr, known[:_NAMES_SHOWN])) + (", …" if len(known) > _NAMES_SHOWN else "")
