"""`flowsm testgen`: a recorded execution as a test."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def test_the_printed_test_passes(flowsm: Any, folder: Path) -> None:
    """What is printed is a test that passes, of a failed execution too; nothing but it goes to stdout."""
    flowsm("run", "bad.json", "--id", "x1")
    told = flowsm("testgen", "@last-failed")
    assert (told.code, told.err) == (0, "")
    space: dict[str, Any] = {"__file__": str(folder / "test_x.py")}
    exec(told.out, space)
    space["test_x1"]()
    by_file = flowsm("testgen", "x1", "--flow-file", "bad.json")
    exec(by_file.out, space)
    space["test_x1"]()
    assert isinstance(space["FLOW"], Path)


def test_an_execution_that_is_not_there(flowsm: Any) -> None:
    """It is not found, and nothing is printed."""
    flowsm("run", "bad.json")
    told = flowsm("testgen", "nobody")
    assert (told.code, told.out) == (4, "")
