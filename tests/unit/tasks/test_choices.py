from __future__ import annotations

from typing import Literal

import pytest

from flowsm.tasks.factory import TaskFactory


def price(currency: Literal["EUR", "USD"], rules: dict[str, Literal["up", "down"]] | None = None) -> str:
    return currency


@pytest.fixture
def check():
    registry = TaskFactory()
    registry.register_task("price", price)
    return registry.check_parameters


@pytest.mark.parametrize(
    ("task_type", "parameters", "said"),
    [
        ("process_data", {"filter": [{"field": "a", "op": "gtt", "value": 1}]}, "(did you mean 'gt'?)"),
        ("process_data", {"derive": [{"field": "a", "op": "add", "arg": []}]}, "found 'arg' (did you mean 'args'?)"),
        ("process_data", {"aggregate": {"values": {"t": {"op": "summ"}}}}, "(did you mean 'sum'?)"),
        ("process_data", {"sort": [{"field": "a", "ordr": "asc"}]}, "/sort/0: expected only the fields field, order"),
        ("store_data", {"mode": "apend"}, "/mode: expected one of append, replace, found 'apend' (did you mean"),
        ("price", {"currency": "GBP"}, "/currency: expected one of EUR, USD, found 'GBP'"),
        ("price", {"currency": "EUR", "rules": {"a": "upp"}}, "(did you mean 'up'?)"),
    ],
)
def test_a_word_that_is_not_taken_is_told_with_those_that_are(check, task_type, parameters, said):
    """Choices and fields are named wherever in the parameters they are, with the nearest one."""
    (problem,) = check(task_type, parameters)
    assert said in problem


def test_other_problems_are_told_as_they_are(check):
    """What is no matter of choice has msgspec's own sentence."""
    assert check("store_data", {"table": 1}) == ["/table: Expected `str`, got `int`, found 1"]
