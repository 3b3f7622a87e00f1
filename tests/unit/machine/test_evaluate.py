from __future__ import annotations

from typing import Any

import pytest

from flowsm.definition.load import load_flow
from flowsm.definition.model import Clause, FlowConfig
from flowsm.machine.compile import compile_flow
from flowsm.machine.evaluate import ConditionEvaluator, ask


def flow_with(*conditions: dict[str, Any]) -> FlowConfig:
    return load_flow(
        {
            "id": "f",
            "name": "F",
            "start_task": "a",
            "tasks": [{"name": "a"}, {"name": "b"}, {"name": "c"}],
            "conditions": [{"source_task": "a", **condition} for condition in conditions],
        }
    )


def scope(**data: Any) -> dict[str, Any]:
    return {"input": None, "results": {"a": {"status": "success", "data": data}}}


LARGE = {"path": "/results/a/data/total", "op": "gt", "value": 1000}


def test_the_first_condition_that_is_met_wins() -> None:
    """Conditions are asked in declared order; outcome and every clause must hold."""
    evaluator = ConditionEvaluator(
        flow_with(
            {"name": "large", "target_task_success": "b", "when": [LARGE]},
            {"name": "other", "outcome": "other", "target_task_success": "end"},
            {"name": "any", "target_task_success": "c"},
        )
    )
    large = evaluator.evaluate("a", "success", "success", scope(total=1001))
    assert (large.edge.target, large.edge.condition, large.edge.met) == ("b", "large", True)
    small = evaluator.evaluate("a", "success", "success", scope(total=1000))
    assert (small.edge.target, small.edge.condition) == ("c", "any")
    assert [(operand.seen, operand.held) for operand in small.operands] == [(1000, False)]


def test_when_none_is_met_the_last_ones_failure_target_is_taken() -> None:
    """No condition met: the `target_task_failure` of the last one, whichever were asked."""
    evaluator = ConditionEvaluator(
        flow_with(
            {"name": "one", "target_task_success": "b", "target_task_failure": "c"},
            {"name": "two", "outcome": "x", "target_task_success": "c", "target_task_failure": "b"},
        )
    )
    route = evaluator.evaluate("a", "failure", "failure")
    assert (route.edge.target, route.edge.condition, route.edge.met) == ("b", "two", False)
    assert evaluator.evaluate("b", "failure", "failure").edge.target == "failed"
    assert evaluator.evaluate("b", "success", "success").edge.target == "completed"


def test_a_contradiction_of_status_and_outcome_meets_nothing() -> None:
    """An outcome that its status contradicts, which no task can give, is met by no condition."""
    evaluator = ConditionEvaluator(flow_with({"target_task_success": "b", "target_task_failure": "c"}))
    assert evaluator.evaluate("a", "failure", "success").edge.target == "c"


def test_whether_a_scope_is_needed_is_known_before() -> None:
    """Only conditions with clauses look at recorded values; without a scope, nothing is found."""
    machine = compile_flow(flow_with({"target_task_success": "b", "when": [LARGE]}))
    evaluator = ConditionEvaluator(machine)
    assert evaluator.machine is machine
    assert evaluator.needs_scope("a")
    assert not evaluator.needs_scope("b")
    assert evaluator.evaluate("a", "success", "success").operands[0].found is False


def test_an_unknown_task_is_a_key_error() -> None:
    """A task that the flow does not have cannot be asked for a route."""
    with pytest.raises(KeyError):
        ConditionEvaluator(flow_with()).evaluate("nobody", "success", "success")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1, 1),
        ("x" * 1000, "x" * 1000),
        ("x" * 1001, "x" * 1000 + "… (1001 characters)"),
        ([1, 2], [1, 2]),
        (list(range(1000)), "(list of 1000)"),
        ({"k": "v" * 1001}, "(object of 1)"),
        (None, None),
    ],
)
def test_operands_are_recorded_in_a_bounded_form(value: Any, shown: Any) -> None:
    """What a clause saw is recorded; large texts are cut, large containers named by kind and size."""
    operand = ask(Clause(path="/results/a/data/x", op="exists"), scope(x=value))
    assert (operand.seen, operand.found, operand.held) == (shown, True, True)
    assert (operand.path, operand.op, operand.wanted) == ("/results/a/data/x", "exists", None)
