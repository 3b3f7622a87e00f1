"""Signals: which names a flow waits for, and how many are kept."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from small_flows import flow_of, task_of

from flowsm.definition.load import load_flow
from flowsm.errors import SignalRefused
from flowsm.events.commands import Advance, Create, Driver, Pause, Signal
from flowsm.limits import SIGNALS_KEPT_MAX, SIGNALS_UNAWAITED_MAX
from flowsm.machine.compile import FlowMachine, compile_flow
from flowsm.machine.decide import step
from flowsm.machine.signals import signal_names
from flowsm.machine.state import ExecutionState, Phase, new_state

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
ADVANCE = Advance(driver=Driver(worker="w-1"))


def machine_of(*names: Any) -> FlowMachine:
    """A flow of waits for signals with these names, one after the other; None stands for the task's own."""
    tasks = [
        task_of(f"t{number}", "wait_for_signal", parameters={} if name is None else {"name": name})
        for number, name in enumerate(names)
    ]
    to = tuple((f"t{number}", "success", f"t{number + 1}") for number in range(len(names) - 1))
    return compile_flow(load_flow(flow_of(*tasks, to=to)))


def after(machine: FlowMachine, *commands: Any, state: ExecutionState | None = None) -> ExecutionState:
    """The state after these commands, of a new execution if none is given."""
    state = step(machine, new_state("x"), Create(digest="d"), NOW)[1] if state is None else state
    for command in commands:
        state = step(machine, state, command, NOW)[1]
    return state


def test_names_are_those_of_the_parameters_or_the_tasks():
    """Each once; one that is only known when its task starts leaves others possible."""
    assert signal_names(machine_of(None, "go", "go")) == (("t0", "go"), True)
    assert signal_names(machine_of("go", {"$from": "/input/name"})) == (("go",), False)


def test_signals_that_nobody_waits_for_never_hinder_the_one_that_is_waited_for():
    """However many of a wrong name, or of wrong names, have come: the right one is taken."""
    machine = machine_of("go", "next")
    one_name = [Signal(name="goo") for _ in range(SIGNALS_KEPT_MAX)]
    many_names = [Signal(name=f"goo{number}") for number in range(SIGNALS_UNAWAITED_MAX - 1)]
    state = after(machine, ADVANCE, *one_name, *many_names)
    with pytest.raises(SignalRefused, match="1,000 signals of this name wait to be taken; each wait for 'goo' takes"):
        after(machine, Signal(name="goo"), state=state)
    with pytest.raises(SignalRefused, match="send one that a task of the flow waits for: 'go', 'next'; or send it"):
        after(machine, Signal(name="new"), state=state)
    assert after(machine, Signal(name="next"), state=state).signals[-1].name == "next"
    assert after(machine, Signal(name="go"), ADVANCE, Signal(name="next"), state=state).phase == Phase.ENDED


def test_a_signal_whose_name_is_known_late_is_taken_by_the_open_wait():
    """Though as many other names are kept as may be."""
    machine = machine_of({"$from": "/input"})
    created = step(machine, new_state("x"), Create(digest="d", input="go"), NOW)[1]
    full = after(machine, *(Signal(name=f"goo{number}") for number in range(SIGNALS_UNAWAITED_MAX)), state=created)
    with pytest.raises(SignalRefused, match="there is none; or send it when its wait is open"):
        after(machine, Signal(name="go"), state=full)
    assert after(machine, ADVANCE, Signal(name="go"), state=full).phase == Phase.ENDED


def test_a_full_name_of_a_paused_execution_is_helped_by_resuming():
    """The sentence says so."""
    machine = machine_of("go")
    full = after(machine, ADVANCE, Pause(), *(Signal(name="go") for _ in range(SIGNALS_KEPT_MAX)))
    with pytest.raises(SignalRefused, match="the execution is paused: resume it; send it again when one was taken"):
        after(machine, Signal(name="go"), state=full)
