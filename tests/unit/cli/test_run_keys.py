"""`flowsm run --idempotency-key`."""

from __future__ import annotations

from typing import Any


def test_a_second_command_with_the_key_gives_the_first_ones_execution(flowsm: Any) -> None:
    """The same key, flow and input give the same execution; another input is a conflict that says where it differs."""
    first = flowsm("run", "flow.json", "--idempotency-key", "k", "--input", '{"a": 1}', "--json")
    again = flowsm("run", "flow.json", "--idempotency-key", "k", "--input", '{"a": 1}', "--json")
    assert (first.code, again.code) == (0, 0)
    assert again.json == first.json
    other = flowsm("run", "flow.json", "--idempotency-key", "k", "--input", '{"a": 2}')
    assert other.code == 5
    assert first.json["execution_id"] in other.err
    assert "/a" in other.err
    assert flowsm("run", "flow.json", "--idempotency-key", "").code == 2
