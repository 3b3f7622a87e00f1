"""The settings of limits."""

from __future__ import annotations

import math
from typing import Any

import pytest

from flowsm import FlowManager, Limits, Rate, TaskFactory
from flowsm.errors import UsageError


@pytest.mark.parametrize("count", [0, -1, 1.5, math.nan, True, "3", None, 1_000_001])
@pytest.mark.parametrize(("field", "what"), [("flows", "flow"), ("task_types", "task type")])
def test_a_limit_is_a_whole_number_from_one(field: str, what: str, count: Any) -> None:
    """What cannot be a number of places is refused when the settings are made, with what was expected."""
    with pytest.raises(UsageError, match=f"the limit of {what} 'x' is .*, expected a whole number from 1 to 1000000"):
        Limits(**{field: {"x": count}})


@pytest.mark.parametrize("seconds", [0, -1, math.nan, math.inf, True, "3", None, 366 * 24 * 3600 + 1])
def test_a_rate_is_of_a_span_of_time(seconds: Any) -> None:
    """So is what cannot be a span of time."""
    with pytest.raises(UsageError, match=r"a rate's seconds are .*, expected more than 0, up to"):
        Rate(1, seconds)


def test_the_numbers_of_a_rate_fit_each_other() -> None:
    """Its count and burst are whole numbers from 1, the burst no larger than the count."""
    assert Rate(10, 0.5, burst=10) == Rate(10, 0.5, 10)
    with pytest.raises(UsageError, match="a rate's count is 0, expected"):
        Rate(0, 1)
    with pytest.raises(UsageError, match="a rate's burst is 0, expected"):
        Rate(1, 1, burst=0)
    with pytest.raises(UsageError, match="a rate's burst is 3, expected 1 to its count of 2"):
        Rate(2, 1, burst=3)
    with pytest.raises(UsageError, match=r"the rate of task type 'x' is 3, expected a Rate\(count, seconds\)"):
        Limits(rates={"x": 3})  # type: ignore[dict-item]


@pytest.mark.parametrize("name", ["", 3])
def test_a_limit_has_a_name(name: Any) -> None:
    """What is limited is named by a text."""
    with pytest.raises(UsageError, match=r"the name of a limited task type is .*, expected a text"):
        Limits(task_types={name: 1})


def test_limits_are_mappings() -> None:
    """A list of names is refused with what was expected."""
    with pytest.raises(UsageError, match=r"flows of Limits is \['a'\], expected a mapping of names to limits"):
        Limits(flows=["a"])  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["wait", "wait_for_signal", "subflow"])
def test_what_only_waits_has_no_places(name: str) -> None:
    """A limit on tasks that hold no place while they wait would hold nothing back."""
    with pytest.raises(
        UsageError, match=f"task type '{name}' only waits, and holds no place meanwhile: limit its flow"
    ):
        Limits(task_types={name: 1})
    assert Limits(rates={name: Rate(1, 1)}).limited_types == {name}


def test_settings_stay_as_they_were_made() -> None:
    """A dict that is changed afterwards changes no limit; empty settings limit nothing."""
    given = {"x": 1}
    limits = Limits(task_types=given, flows={"f": 2}, rates={"y": Rate(1, 2)})
    given["x"] = 2
    assert limits.task_types == {"x": 1}
    assert limits.keys == ("flow f", "task x", "rate y")
    assert not Limits()


def test_a_manager_refuses_limits_of_unknown_task_types(tmp_path: Any) -> None:
    """A mistyped name is told when the manager is made; a manager that limits nothing is one without limits."""
    tasks = TaskFactory()
    tasks.register_task("mail", lambda: 1)
    with pytest.raises(
        UsageError, match=r"a limit names the task type 'mial', which is not registered; there are: .*mail"
    ):
        FlowManager(tmp_path / "flow.db", tasks=tasks, limits=Limits(task_types={"mial": 1}))
    assert FlowManager(tmp_path / "flow.db", tasks=tasks, limits=Limits())._limits is None
