"""A task's `result_schema` holds for results that no code gave: those of waits, signals and people."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from small_flows import flow_of, task_of

from flowsm.definition.load import load_flow
from flowsm.errors import ResolutionRefused, SignalRefused
from flowsm.events.commands import Advance, Create, Driver, RecordChild, Resolve, Signal
from flowsm.machine.compile import compile_flow
from flowsm.machine.decide import step
from flowsm.machine.state import ExecutionState, Phase, new_state

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
DRIVER = Driver(worker="w-1")
ADVANCE = Advance(driver=DRIVER)
SCHEMA = {"type": "object", "required": ["by"]}


class Given:
    """An execution of one task, which commands are put to."""

    def __init__(self, task_type: str, **fields: Any) -> None:
        self.machine = compile_flow(load_flow(flow_of(task_of("t", task_type, result_schema=SCHEMA, **fields))))
        self.state: ExecutionState = new_state("x")
        self.when(Create(digest="d"), ADVANCE)

    def when(self, *commands: Any, later: float = 0) -> ExecutionState:
        for command in commands:
            self.state = step(self.machine, self.state, command, NOW + timedelta(seconds=later))[1]
        return self.state


def test_a_resolution_that_misses_it_is_refused():
    """Nothing is recorded; a failure, and data that fits, are taken."""
    for said, status in (
        (Resolve(resolution="success", data={"by": "me"}), "completed"),
        (Resolve(resolution="failure"), "failed"),
    ):
        given = Given("work", on_interrupt="ask")
        assert given.when(ADVANCE, later=1).phase == Phase.ASKING
        with pytest.raises(ResolutionRefused, match="at the whole result: 'by' is a required property; give data that"):
            given.when(Resolve(resolution="success", data={}))
        assert given.when(said, ADVANCE).status == status


def test_a_signal_that_misses_it_is_refused_while_the_wait_is_open():
    """One that says failure brings no result, and one that fits is the result."""
    given = Given("wait_for_signal")
    with pytest.raises(SignalRefused, match="'by' is a required property"):
        given.when(Signal(name="t", payload={}))
    assert given.when(Signal(name="t", payload={"by": "me"})).status == "completed"
    assert Given("wait_for_signal").when(Signal(name="t", outcome="failure")).status == "failed"


def test_a_signal_that_came_early_and_misses_it_is_the_failure_of_the_wait():
    """With the error that a result of code would have."""
    given = Given("wait_for_signal")
    given.state = step(given.machine, new_state("x"), Create(digest="d"), NOW)[1]
    ended = given.when(Signal(name="t", payload={}), ADVANCE)
    assert ended.status == "failed"
    assert ended.results["t"].data is None
    error = ended.results["t"].error
    assert error is not None
    assert (error.type, error.types[1]) == ("ResultSchemaMissed", "ValueError")
    assert "the result does not fit the task's result_schema: at the whole result: 'by' is" in error.message


def test_a_timer_and_a_sub_flow_are_held_to_it_too():
    """Their results have no `by`."""
    assert Given("wait", parameters={"seconds": 5}).when(ADVANCE, later=6).status == "failed"
    given = Given("subflow", parameters={"flow": "other"})
    waiting = given.state.attempt.waiting  # type: ignore[union-attr]
    child = RecordChild(driver=DRIVER, child=waiting.child, status="completed", data={})  # type: ignore[union-attr, arg-type]
    assert given.when(child).results["t"].error.type == "ResultSchemaMissed"  # type: ignore[union-attr]
