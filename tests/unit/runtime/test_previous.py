from __future__ import annotations

import pytest

from flowsm.machine.state import StoredResult
from flowsm.runtime.execution import json_copy
from flowsm.runtime.previous import PreviousResults
from flowsm.status import TaskStatus

STORED = {
    name: StoredResult(
        task=name, visit=1, attempt=1, status="success", outcome="success", at="2026-01-31T12:00:00Z", data=[number]
    )
    for number, name in enumerate(("b", "a"))
}


def test_results_are_in_the_order_in_which_they_were_recorded() -> None:
    """A read-only mapping, in recorded order, converted when looked at, once."""
    results = PreviousResults(STORED)
    assert (list(results), len(results)) == (["b", "a"], 2)
    assert results["a"] is results["a"]
    assert (results["a"].task_name, results["a"].status, results["a"].data) == ("a", TaskStatus.SUCCESS, [1])
    assert repr(results) == "PreviousResults(['b', 'a'])"
    with pytest.raises(KeyError):
        _ = results["c"]
    with pytest.raises(TypeError):
        results["c"] = results["a"]  # type: ignore[index]


def test_what_is_shown_is_a_copy() -> None:
    """Changing what was shown leaves what is recorded alone."""
    PreviousResults(STORED)["a"].data.append(9)
    assert STORED["a"].data == [1]


def test_a_copy_shares_no_container() -> None:
    """Objects and arrays are copied at every depth; other values are as they are."""
    value = {"a": [1, {"b": []}], "c": "x"}
    copied = json_copy(value)
    assert copied == value
    copied["a"][1]["b"].append(1)
    copied["a"].append(2)
    assert value == {"a": [1, {"b": []}], "c": "x"}
    assert json_copy("x") == "x"
