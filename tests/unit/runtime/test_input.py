from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from flowsm.definition.load import load_flow
from flowsm.errors import InputInvalid
from flowsm.runtime import input as module
from flowsm.runtime.input import checked_input


def flow(schema: Any = None):
    document = {"id": "f", "name": "Flow", "start_task": "a", "tasks": [{"name": "a"}]}
    return load_flow(document | ({} if schema is None else {"input_schema": schema}))


@pytest.mark.parametrize(
    ("value", "form"), [(None, None), ({"a": (1, 2)}, {"a": [1, 2]}), (date(2026, 1, 31), "2026-01-31")]
)
def test_an_input_is_what_its_json_reads_back_as(value: Any, form: Any) -> None:
    """Values that have a JSON form are taken in it."""
    assert checked_input(flow(), value) == form


def test_an_input_that_is_no_json_is_refused() -> None:
    """The refusal names the flow and what was found."""
    with pytest.raises(InputInvalid, match="'Flow'"):
        checked_input(flow(), {"a": object()})


def test_an_input_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bound is on the bytes of JSON."""
    monkeypatch.setattr(module, "INPUT_MAX_BYTES", 10)
    assert checked_input(flow(), "x" * 8) == "x" * 8
    with pytest.raises(InputInvalid, match="larger than 10 bytes"):
        checked_input(flow(), "x" * 9)


def test_an_input_that_misses_the_schema_is_refused_where_it_does() -> None:
    """The refusal points at the place."""
    schema = {"properties": {"n": {"type": "integer"}}}
    assert checked_input(flow(schema), {"n": 1}) == {"n": 1}
    with pytest.raises(InputInvalid) as caught:
        checked_input(flow(schema), {"n": "1"})
    assert caught.value.pointer == "/n"
