"""Signals that a flow's tasks wait for: their names, as far as the flow tells."""

from __future__ import annotations

from typing import NamedTuple

from flowsm.definition.waiting import WAIT_FOR_SIGNAL
from flowsm.machine.compile import FlowMachine

__all__ = ["SignalNames", "signal_names"]


class SignalNames(NamedTuple):
    """The names that tasks wait for; `all_known` is False where a name is only known once its task starts."""

    names: tuple[str, ...]
    all_known: bool


def signal_names(machine: FlowMachine) -> SignalNames:
    """The names of the signals that tasks of the flow wait for, each once, in the order of the tasks."""
    names: dict[str, None] = {}
    all_known = True
    for task in machine.flow.tasks:
        if task.task_type != WAIT_FOR_SIGNAL:
            continue
        name = task.parameters.get("name", task.name)
        if isinstance(name, str):
            names[name] = None
        else:
            all_known = False
    return SignalNames(tuple(names), all_known)
