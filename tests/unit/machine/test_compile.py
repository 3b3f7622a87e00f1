from __future__ import annotations

import builtins
import itertools
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transitions import Machine, MachineError

from flowsm.definition.load import check_flow
from flowsm.definition.model import ConditionConfig, FlowConfig, TaskConfig
from flowsm.machine import compile as compile_module
from flowsm.machine.compile import ABORT, CANCEL, OTHERWISE, START, FlowMachine, compile_flow
from flowsm.status import TaskStatus

VALID = sorted((Path(__file__).parents[2] / "flows" / "valid").iterdir())
HOSTILE = [
    "*",
    "=",
    "to_x",
    "is_x",
    "trigger",
    "os.system",
    "builtins.print",
    "flowsm.errors.FlowsmError",
    "流れ ✓",
    "",
    "s0",
]


def flow_of(*tasks: str, conditions: tuple[ConditionConfig, ...] = (), start: str | None = None) -> FlowConfig:
    return FlowConfig(
        id="f",
        name="F",
        start_task=start or tasks[0],
        tasks=tuple(TaskConfig(name=name, task_type="t") for name in tasks),
        conditions=conditions,
    )


def condition(source: str, outcome: str, success: str, failure: str = "end", name: str = "") -> ConditionConfig:
    return ConditionConfig(
        name=name or f"{source}-{outcome}",
        source_task=source,
        outcome=outcome,
        target_task_success=success,
        target_task_failure=failure,
    )


def triggers(machine: FlowMachine) -> set[str]:
    return {edge.trigger for edge in machine.transitions} | {"nothing"}


def assert_both_agree(machine: FlowMachine) -> None:
    """The lifted table and the machine itself lead to the same state, for every (state, trigger)."""
    for state in machine.states:
        for trigger in triggers(machine):
            target = machine.target(state, trigger)
            cursor = machine.cursor(state)
            if target is None:
                with pytest.raises((MachineError, KeyError)):
                    machine.fire(cursor, trigger)
            else:
                assert machine.fire(cursor, trigger) == target


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.name)
def test_table_and_machine_agree_on_every_known_flow(path: Path) -> None:
    """For every (state, trigger) of every valid flow the table and `fire` lead to the same place."""
    flow = check_flow(path).flow
    assert flow is not None
    machine = compile_flow(flow)
    assert machine.states == ("created", "completed", "failed", "cancelled", *(task.name for task in flow.tasks))
    if len(machine.states) * len(machine.transitions) < 20_000:
        assert_both_agree(machine)


@st.composite
def random_flows(draw: st.DrawFn) -> FlowConfig:
    names = draw(st.lists(st.sampled_from(HOSTILE), min_size=1, max_size=4, unique=True))
    targets = st.sampled_from([*names, "end", "end_success", "end_failure"])
    outcomes = st.sampled_from(["success", "failure", "skipped", *HOSTILE])
    found = draw(st.lists(st.tuples(st.sampled_from(names), outcomes, targets, targets), max_size=6))
    conditions = tuple(condition(*values, name=f"c{number}") for number, values in enumerate(found))
    return flow_of(*names, conditions=conditions)


@settings(max_examples=50, deadline=None)
@given(random_flows())
def test_table_and_machine_agree_on_random_flows(flow: FlowConfig) -> None:
    """Likewise for random flows whose names are grammar, attributes or Python paths."""
    assert_both_agree(compile_flow(flow))


def test_no_string_of_a_document_reaches_transitions(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library sees generated ids only: names that are grammar or callables neither confuse nor import anything."""
    seen: list[Any] = []

    class Spy(Machine):
        event_cls = compile_module._PlainEvent

        def __init__(self, **arguments: Any) -> None:
            seen.append(arguments)
            super().__init__(**arguments)

    monkeypatch.setattr(compile_module, "_PlainMachine", Spy)
    names = [*HOSTILE[:-1], "antigravity.fly", "this.d"]
    chain = tuple(condition(one, other, other) for one, other in itertools.pairwise(names))
    before = set(sys.modules)
    monkeypatch.setattr(builtins, "print", lambda *_: pytest.fail("a name was called"))
    machine = compile_flow(flow_of(*names, conditions=chain))
    cursor = machine.cursor()
    assert machine.fire(cursor, START) == names[0]
    for one, other in itertools.pairwise(names):
        (edge,) = [edge for edge in machine.next(one) if edge.condition and edge.met]
        assert edge.label == other
        assert machine.fire(cursor, edge.trigger) == other
    assert set(sys.modules) == before
    (given_to_library,) = seen
    texts = [*given_to_library["states"], given_to_library["initial"]]
    texts += [text for transition in given_to_library["transitions"] for text in transition.values()]
    generated = {OTHERWISE, f"{OTHERWISE}_failed", ABORT, CANCEL, START}
    assert all(text in generated or (text[0] in "so" and text[1:].replace("_", "").isdigit()) for text in texts)
    assert given_to_library["model"] is None
    assert (given_to_library["auto_transitions"], given_to_library["queued"]) == (False, False)


def test_a_cursor_is_all_that_a_live_execution_holds() -> None:
    """Nothing is registered with the machine, and nothing bound to the cursor."""
    machine = compile_flow(flow_of("a"))
    cursor = machine.cursor()
    assert not hasattr(cursor, "__dict__")
    machine.fire(cursor, START)
    assert machine._machine.models == []
    assert [name for name in dir(cursor) if not name.startswith("__")] == ["state"]


def test_a_task_without_conditions_ends_the_flow() -> None:
    """Its only ways out are the end, by its status, the abort and the cancellation."""
    machine = compile_flow(flow_of("a"))
    assert {(edge.trigger, edge.target) for edge in machine.next("a")} == {
        ("otherwise", "completed"),
        ("otherwise_failed", "failed"),
        ("abort", "failed"),
        ("cancel", "cancelled"),
    }
    assert machine.next("completed") == machine.next("failed") == machine.next("cancelled") == ()


@pytest.mark.parametrize(
    ("target", "status", "expected"),
    [
        ("end", "success", "completed"),
        ("end", "skipped", "completed"),
        ("end", "failure", "failed"),
        ("end_success", "failure", "completed"),
        ("end_failure", "success", "failed"),
        ("b", "failure", "b"),
    ],
)
def test_reserved_targets_look_at_the_status_where_they_should(target: str, status: str, expected: str) -> None:
    """`end` completes or fails by the status; end_success, end_failure and tasks do not look at it."""
    machine = compile_flow(flow_of("a", "b", conditions=(condition("a", "approved", target, target),)))
    (rule,) = machine.rules["a"]
    assert rule.edges[status].target == expected
    assert machine.otherwise["a"][status].target == expected
    assert machine.target("a", rule.edges[status].trigger) == expected


def test_a_skipped_task_may_carry_any_outcome() -> None:
    """A condition on success, or on failure, can be met by a skipped task; the contradiction of the two cannot."""
    conditions = (condition("a", "success", "b"), condition("a", "failure", "b"))
    success, failure = compile_flow(flow_of("a", "b", conditions=conditions)).rules["a"]
    assert set(success.edges) == {"success", "skipped"}
    assert set(failure.edges) == {"failure", "skipped"}


def test_conditions_of_one_outcome_have_triggers_of_their_own() -> None:
    """Two conditions on the same outcome of a task are two edges, each named after its condition."""
    conditions = (condition("a", "x", "b", name="one"), condition("a", "x", "end", name="two"))
    machine = compile_flow(flow_of("a", "b", conditions=conditions))
    found = {edge.trigger: edge.condition for edge in machine.next("a") if edge.condition and edge.met}
    assert found == {"o0": "one", "o0_2": "two", "o0_2_failed": "two"}


def test_next_says_what_may_happen_and_knows_its_states() -> None:
    """`next` gives the edges that leave a state, by name; a name that is no state is a KeyError."""
    machine = compile_flow(flow_of("a"))
    assert [edge.label for edge in machine.next("created")] == [START, ABORT, CANCEL]
    assert machine.transitions == machine.edges
    with pytest.raises(KeyError):
        machine.next("nowhere")


def test_may_take_follows_the_order_of_conditions() -> None:
    """A way out is possible for a status and outcome up to the first condition that needs nothing more."""
    clause = ({"path": "/input", "op": "exists"},)
    flow = check_flow(
        {
            "id": "f",
            "name": "F",
            "start_task": "a",
            "tasks": [{"name": "a"}, {"name": "b"}],
            "conditions": [
                {"source_task": "a", "outcome": "x", "when": list(clause), "target_task_success": "b", "name": "maybe"},
                {"source_task": "a", "outcome": "y", "target_task_success": "b", "name": "other"},
                {"source_task": "a", "outcome": "x", "target_task_success": "a", "name": "surely"},
                {"source_task": "a", "outcome": "x", "target_task_success": "b", "name": "never"},
            ],
        }
    ).flow
    assert flow is not None
    machine = compile_flow(flow)
    by_name = {rule.condition.name: rule.edges["success"].trigger for rule in machine.rules["a"]}
    possible = [name for name, trigger in by_name.items() if machine.may_take("a", "success", "x", trigger)]
    assert possible == ["maybe", "surely"]
    assert not machine.may_take("a", "success", "x", OTHERWISE)
    assert machine.may_take("a", "success", "z", OTHERWISE)
    assert not machine.may_take("a", "failure", "z", OTHERWISE)
    assert machine.may_take("a", "failure", "z", f"{OTHERWISE}_failed")


def test_policies_are_compiled_with_the_machine() -> None:
    """Retries, timeouts, and the tasks with references, are looked at once per flow."""
    flow = FlowConfig(
        id="f",
        name="F",
        start_task="a",
        tasks=(
            TaskConfig(name="a", task_type="t", timeout=2.0, parameters={"x": [{"$from": "/input"}]}),
            TaskConfig(name="b", task_type="t", parameters={"timeout": 3, "retry_count": 2}),
        ),
    )
    machine = compile_flow(flow)
    assert machine.referring == {"a"}
    assert machine.timeouts == {"a": 2.0, "b": 3.0}
    assert {name: policy.max_attempts for name, policy in machine.retries.items()} == {"a": 1, "b": 3}
    assert set(machine.otherwise["a"]) == set(TaskStatus)
