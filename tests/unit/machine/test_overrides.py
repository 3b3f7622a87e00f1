"""Overrides: where values may be put in the place of recorded ones, and what that means for the fold."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from flowsm.clock import timestamp
from flowsm.definition.load import load_flow
from flowsm.errors import IllegalEvent, OverrideRefused
from flowsm.events.commands import Advance, Create, Driver, RecordResult, Redrive
from flowsm.events.facts import ErrorInfo, ExecutionRedriven
from flowsm.machine.compile import compile_flow
from flowsm.machine.decide import step
from flowsm.machine.evolve import evolve
from flowsm.machine.overrides import kept_overrides
from flowsm.machine.state import ExecutionState, new_state, scope_of

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
DRIVER = Driver(worker="w")
FLOW = {
    "id": "f",
    "name": "F",
    "start_task": "one",
    "input_schema": {"type": "object", "properties": {"x": {"type": "integer"}}},
    "tasks": [
        {"name": "one", "result_schema": {"properties": {"total": {"type": "number"}}}},
        {"name": "a/b"},
        {"name": "never"},
    ],
    "conditions": [
        {"source_task": "one", "target_task_success": "a/b"},
        {"source_task": "a/b", "target_task_success": "never", "target_task_failure": "end_failure"},
    ],
}
MACHINE = compile_flow(load_flow(FLOW))
DATA = {"total": 2, "list": [1, {"y": None}], "text": "t"}


def failed() -> ExecutionState:
    """`one` succeeded, `a/b` failed."""
    _, state = step(MACHINE, new_state("x"), Create(digest="d", input={"x": 1, "z": None}), NOW)
    state = step(MACHINE, state, Advance(driver=DRIVER), NOW)[1]
    given = {"driver": DRIVER, "visit": 1, "attempt": 1}
    result = RecordResult(task="one", status="success", outcome="success", data=DATA, **given)
    state = step(MACHINE, state, result, NOW)[1]
    error = ErrorInfo(type="OSError", message="no")
    result = RecordResult(task="a/b", status="failure", outcome="failure", error=error, **given)
    return step(MACHINE, state, result, NOW)[1]


def redriven(overrides: dict[str, Any], task: str | None = None) -> ExecutionState:
    facts, after = step(MACHINE, failed(), Redrive(task=task, overrides=overrides), NOW)
    assert facts[0].overrides == overrides  # type: ignore[attr-defined]
    assert evolve(MACHINE, failed(), facts[0], timestamp(NOW)) == after
    return after


@pytest.mark.parametrize(
    ("overrides", "data"),
    [
        ({"/results/one/data/total": 3}, DATA | {"total": 3}),
        ({"/results/one/data/list/1/y": [5]}, DATA | {"list": [1, {"y": [5]}]}),
        ({"/results/one/data/list/0": None}, DATA | {"list": [None, {"y": None}]}),
        ({"/results/one/data": {"total": 0}}, {"total": 0}),
        ({"/results/one/data": {"new": {}}, "/results/one/data/new": {"deep": 1}}, {"new": {"deep": 1}}),
    ],
)
def test_the_tasks_after_them_see_them(overrides: dict[str, Any], data: Any) -> None:
    """What conditions and references look at is overridden; what was recorded before is not changed."""
    before = failed()
    after = redriven(overrides)
    assert scope_of(after)["results"]["one"]["data"] == data
    assert after.overrides == overrides
    assert list(after.results) == list(before.results)
    assert before == failed()
    assert before.results["one"].data == DATA == {"total": 2, "list": [1, {"y": None}], "text": "t"}


def test_input_outcome_and_message_too() -> None:
    """The input, and of a result the word and the sentence."""
    after = redriven({"/input/x": 7, "/results/one/outcome": "approved", "/results/one/message": None})
    assert after.input == {"x": 7, "z": None}
    assert (after.results["one"].outcome, after.results["one"].message) == ("approved", None)


@pytest.mark.parametrize(
    ("place", "value", "reason"),
    [
        ("/results/one/data/totl", 3, "results.one.data has nothing at 'totl': did you mean 'total'?; to add it, give"),
        ("/results/one/data/list/2", 3, "results.one.data.list has nothing at '2', it is a list of 2; to add it"),
        ("/results/one/data/list/1/y/z", 3, "results.one.data.list.1.y has nothing at 'z', it is null"),
        ("/results/one/data/text/z", 3, "results.one.data.text has nothing at 'z', it is no object"),
        ("/results/one/data/total", "3", "it does not fit the result_schema of task 'one': at /total: "),
        ("/input/y", 3, "input has nothing at 'y': there are 'x', 'z'; to add it, give the whole of input"),
        ("/input/x", "3", "it does not fit the flow's input_schema: at /x: "),
        ("/results/never/data", 3, "task 'never' has no result here: expected one that ran: there are 'one', 'a/b'"),
        ("/results/on/data", 3, "task 'on' has no result here: expected one that ran: did you mean 'one'?"),
        ("/results/a~1b/data", 3, "task 'a/b' runs again, and gives a result of its own"),
        ("/results/one/outcome", 3, "expected a text as the outcome of a result"),
        ("/results/one/outcome", "", "expected a text as the outcome of a result"),
        ("/results/one/outcome", "failure", "the outcome 'failure' contradicts the status of that result, success"),
        ("/results/one/message", 3, "expected a text as the message of a result"),
        ("/results/one/message/x", "a", "the message of a result is a text, with nothing inside it"),
        ("/results/one/status", "failure", "expected a place in input, results.TASK.data, results.TASK.outcome, "),
        ("/results/one", {}, "expected a place in input"),
        ("/visits/one", 3, "expected a place in input"),
    ],
)
def test_what_cannot_stand_there_is_refused(place: str, value: Any, reason: str) -> None:
    """With the place, the value, why, and the way out."""
    with pytest.raises(OverrideRefused) as refused:
        step(MACHINE, failed(), Redrive(overrides={"/input/z": 1, place: value}), NOW)
    assert (refused.value.place, refused.value.value) == (place, value)
    assert str(refused.value).startswith(f"cannot retry execution 'x' with {value!r} at {place}: {reason}")


def test_going_on_from_another_task_the_failed_one_can_be_overridden() -> None:
    """Only what runs again cannot."""
    after = redriven({"/results/a~1b/outcome": "later"}, task="one")
    assert after.results["a/b"].outcome == "later"


def test_a_new_result_ends_its_overrides() -> None:
    """What is in force is what is there: an override ends with the result that it was in, or under a later one."""
    overrides = {"/results/a/data": 1, "/results/ab/data": 2, "/input": 3}
    assert kept_overrides(overrides, "a") == {"/results/ab/data": 2, "/input": 3}
    state = redriven({"/results/a~1b/message": "m", "/input/x": 2}, task="one")
    state = step(MACHINE, state, Advance(driver=DRIVER), NOW)[1]
    result = RecordResult(driver=DRIVER, task="one", visit=1, attempt=2, status="success", outcome="success")
    state = step(MACHINE, state, result, NOW)[1]
    assert state.overrides == {"/results/a~1b/message": "m", "/input/x": 2}
    result = RecordResult(driver=DRIVER, task="a/b", visit=2, attempt=1, status="success", outcome="success")
    assert step(MACHINE, state, result, NOW)[1].overrides == {"/input/x": 2}


@pytest.mark.parametrize(
    "place", ["/results/never/data", "/results/one/status", "/nowhere", "", "no pointer", "/results"]
)
def test_the_fold_refuses_what_is_no_place(place: str) -> None:
    """A history with such an event is none that was decided here."""
    fact = ExecutionRedriven(task="a/b", visit=1, attempt=2, overrides={place: 1})
    with pytest.raises(IllegalEvent, match="no place in its input or in a result that it has"):
        evolve(MACHINE, failed(), fact, timestamp(NOW))


def test_a_fold_without_large_values_goes_on() -> None:
    """Where the data of a result were left out, what was put into them is left out too."""
    slim = failed()
    results = {name: type(one)(**_fields(one) | {"data": None}) for name, one in slim.results.items()}
    slim = type(slim)(**_fields(slim) | {"results": results, "input": None})
    fact = ExecutionRedriven(task="a/b", visit=1, attempt=2, overrides={"/results/one/data/total": 3, "/input/x": 2})
    after = evolve(MACHINE, slim, fact, timestamp(NOW))
    assert (after.results["one"].data, after.input) == (None, None)
    assert after.overrides == fact.overrides


def _fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__struct_fields__}
