"""Paths into a state, as people type them."""

from __future__ import annotations

import pytest

from flowsm.definition.load import load_flow
from flowsm.definition.pointer import MISSING
from flowsm.errors import UsageError
from flowsm.machine.compile import FlowMachine, compile_flow
from flowsm.machine.state import ExecutionState, StoredResult
from flowsm.replay.paths import change_of, parse_path

AT = "2026-01-31T12:00:00.000000Z"


@pytest.fixture(scope="module")
def machine() -> FlowMachine:
    tasks = [{"name": name, "task_type": "t"} for name in ("fetch", "my task", "v1.2")]
    return compile_flow(load_flow({"id": "f", "name": "F", "start_task": "fetch", "tasks": tasks, "conditions": []}))


@pytest.fixture
def state() -> ExecutionState:
    data = {"rows": [{"total": 3}], "a/b": {"~": 4}}
    names = ("fetch", "my task", "v1.2")
    results = {
        name: StoredResult(task=name, visit=1, attempt=1, status="success", outcome="success", at=AT, data=data)
        for name in names
    }
    return ExecutionState(stream="x", input={"n": None}, results=results, visits={"fetch": 2})


@pytest.mark.parametrize(
    ("text", "pointer", "found"),
    [
        ("results.fetch.data.rows.0.total", "/results/fetch/data/rows/0/total", 3),
        ("/results/fetch/data/a~1b/~0", "/results/fetch/data/a~1b/~0", 4),
        (' results."my task".outcome ', "/results/my task/outcome", "success"),
        ("results.'v1.2'.data.'a/b'.~", "/results/v1.2/data/a~1b/~0", 4),
        ("input.n", "/input/n", None),
        ("input.m", "/input/m", MISSING),
        ("results.fetch.data.rows.1", "/results/fetch/data/rows/1", MISSING),
        ("attempt.attempt", "/attempt/attempt", MISSING),
        ("results.fetch.error.type", "/results/fetch/error/type", MISSING),
        ("visits.fetch", "/visits/fetch", 2),
        ("node", "/node", "created"),
    ],
)
def test_a_path_leads_to_its_value(machine, state, text, pointer, found) -> None:
    """Dotted or as a JSON Pointer, with names in quotes; where nothing is, it says so, and null is a value."""
    path = parse_path(machine, text)
    assert (path.pointer, path.look(state)) == (pointer, found)


def test_the_empty_path_is_the_whole_state(machine, state) -> None:
    """Its value is the state itself."""
    assert parse_path(machine, "").look(state) is state


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("result.fetch", "no field of the state is called 'result': did you mean 'results'?"),
        ("results.fech", "no task is called 'fech': did you mean 'fetch'?"),
        ("visits.zzz", "no task is called 'zzz': expected one of fetch, my task, v1.2"),
        ("results.fetch.dta", "no field of a result is called 'dta': did you mean 'data'?"),
        ("/resultz/fetch", "no field of the state is called 'resultz': did you mean 'results'?"),
        ("results.my task", "'results.my task' is no path: expected names with dots between them"),
        ("results..data", "'results..data' is no path"),
        ("results.", "'results.' is no path"),
        ('results."my task', "is no path"),
        ("/results/~x", "'/results/~x' is no path: '~' stands alone at character 10"),
    ],
)
def test_a_path_that_no_state_has_is_refused(machine, text, said) -> None:
    """With the nearest name, or how a path is written."""
    with pytest.raises(UsageError) as caught:
        parse_path(machine, text)
    assert said in str(caught.value)


def test_changes_are_those_of_json(machine) -> None:
    """Values that are the same JSON are no change, whatever the order of their keys; 1 and 1.0, and 1 and true, are two."""
    path = parse_path(machine, "input")
    assert change_of(path, {"a": 1, "b": [2]}, {"b": [2], "a": 1}) is None
    assert change_of(path, MISSING, MISSING) is None
    told = [change_of(path, *pair) for pair in ((1, 1.0), (1, True), (MISSING, None), (None, MISSING))]
    assert [(one.op, one.path, one.before, one.after) for one in told] == [
        ("replace", "/input", 1, 1.0),
        ("replace", "/input", 1, True),
        ("add", "/input", None, None),
        ("remove", "/input", None, None),
    ]
