from __future__ import annotations

import msgspec

from flowsm.events.facts import ErrorInfo
from flowsm.machine.effect import Decide, Nothing, next_effect
from flowsm.machine.state import Attempt, ExecutionState, Phase, StoredResult, new_state, scope_of
from flowsm.status import FlowStatus


def test_a_new_state_has_nothing_to_do() -> None:
    """A stream without events: no task, nothing to happen."""
    state = new_state("x")
    assert (state.seq, state.phase, state.status, state.current_task) == (0, Phase.NEW, FlowStatus.CREATED, None)
    assert next_effect(state) == Nothing()


def test_a_state_comes_back_whole_from_its_snapshot() -> None:
    """A state through JSON is the same state."""
    error = ErrorInfo(type="E", message="m", types=("E",))
    result = StoredResult(task="a", visit=1, attempt=2, status="failure", outcome="failure", at="t", error=error)
    state = ExecutionState(
        stream="x",
        phase=Phase.BACKOFF,
        node="a",
        attempt=Attempt(visit=1, attempt=3, due="t"),
        results={"a": result},
        path=("a",),
        input={"n": [1.5, None, "ü"]},
        last_error=error,
    )
    assert msgspec.json.decode(msgspec.json.encode(state), type=ExecutionState) == state


def test_the_scope_shows_results_as_pointers_name_them() -> None:
    """Pointers reach the input and, of each result, status, outcome, message, data and error."""
    error = ErrorInfo(type="E", message="m", traceback="secret")
    failed = StoredResult(task="a", visit=1, attempt=1, status="failure", outcome="failure", at="t", error=error)
    fine = StoredResult(task="b", visit=1, attempt=1, status="success", outcome="ok", at="t", message="hi", data=[1])
    assert scope_of(ExecutionState(stream="x", input=5, results={"a": failed, "b": fine})) == {
        "input": 5,
        "results": {
            "a": {
                "status": "failure",
                "outcome": "failure",
                "message": None,
                "data": None,
                "error": {"type": "E", "message": "m"},
            },
            "b": {"status": "success", "outcome": "ok", "message": "hi", "data": [1], "error": None},
        },
    }


def test_a_state_that_can_go_on_is_to_be_decided() -> None:
    """Every phase that waits for nobody asks for a decision."""
    for phase in (Phase.CREATED, Phase.ENTERED, Phase.INTERRUPTED, Phase.DECIDED, Phase.ENDING):
        assert next_effect(ExecutionState(stream="x", phase=phase)) == Decide()
