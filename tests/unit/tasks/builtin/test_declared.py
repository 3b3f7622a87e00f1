from __future__ import annotations

from typing import Any

import pytest

from flowsm.definition.model import TaskConfig
from flowsm.tasks.builtin.declared import BuiltinTask
from flowsm.tasks.factory import TaskFactory


def test_parameters_are_checked_at_load():
    """A flow's parameters are judged when it is loaded, as far as they are known by then."""
    check = TaskFactory().check_parameters
    reference = {"$from": "/input/limit"}
    assert check("process_data", {"limit": reference, "filter": [{"field": "a", "op": "eq", "value": reference}]}) == []
    assert check("process_data", {"limit": -1, "sort": [{"field": "a", "order": "up"}], "other": 1}) == [
        "/limit: Expected `int` >= 0, found -1",
        "/sort/0/order: expected one of asc, desc, found 'up'",
    ]


def test_validate_parameters_tells_all():
    """All wrong parameters are told at once."""
    made = TaskFactory().create(
        TaskConfig(name="t", task_type="store_data", parameters={"table": 1, "mode": "merge", "failure_rate": -1})
    )
    with pytest.raises(
        ValueError, match=r"(?s)/table: Expected.*/mode: expected one of append, replace.*/failure_rate: Expected"
    ):
        made.validate_parameters()


async def test_work_is_what_a_builtin_adds(context):
    """The base by itself does no work."""
    with pytest.raises(NotImplementedError):
        await BuiltinTask(TaskConfig(name="t", task_type="x")).execute(context)


@pytest.mark.parametrize(
    ("task_type", "parameters", "places"),
    [
        ("store_data", {"records": [{"a": {"$secret": "K"}}]}, ["/records"]),
        ("process_data", {"derive": [{"field": "a", "op": "upper", "args": [{"$secret": "K"}]}]}, ["/derive"]),
        ("process_data", {"filter": [{"field": "a", "op": "gt", "value": {"$secret": "K"}}]}, ["/filter"]),
        ("fetch_data", {"data_source": {"$secret": "K"}, "encoding": {"$secret": "K"}}, ["/encoding"]),
    ],
)
def test_a_secret_is_not_made_into_data(task_type: str, parameters: dict[str, Any], places: list[str]) -> None:
    """Where a built-in task would store, change or compare it, piece by piece, it is refused when the flow is loaded."""
    problems = TaskFactory().check_parameters(task_type, parameters)
    assert [problem.partition(":")[0] for problem in problems] == places
    assert all("a secret cannot stand here" in problem for problem in problems)
    assert all("use it in a task of your own" in problem for problem in problems)
