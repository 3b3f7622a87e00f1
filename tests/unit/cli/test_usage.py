"""A command that is used wrongly says what it takes, in the words of its help."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("run",), "parameter FILE|ID requires an argument"),
        (("validate",), "parameter FILE requires an argument"),
        (("show",), "parameter ID requires an argument"),
        (("schema", "x"), 'Invalid value "x" for OF. Choose from: "flow", "events", "sql"'),
        (("show", "--execution", "x"), "Unknown option: --execution"),
        (("run", "flow.json", "--taks", "t.py"), "Did you mean --tasks?"),
        (("show", "x", "y", "z"), "'y z' is more than the command takes"),
    ],
)
def test_arguments_have_the_names_of_the_help(flowsm: Any, words: tuple[str, ...], said: str) -> None:
    """What is given by place has no option beside it, and is called what the usage line calls it."""
    ran = flowsm(*words)
    assert ran.code == 2
    assert said in ran.err
    assert f"see `flowsm {words[0]} --help`" in ran.err
