"""A command that is used wrongly says what it takes, in the words of its help."""

from __future__ import annotations

from pathlib import Path
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


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--allow-dir", "flow.json", "--allow-dir flow.json: expected a folder, found a file"),
        ("--allow-host", "https://example.com", "such as example.com or localhost:8080, not a URL"),
        ("--allow-host", "example.com/data", "not a URL"),
        ("--allow-host", "", "expected a host"),
    ],
)
@pytest.mark.parametrize("command", [("run", "flow.json"), ("worker", "--create"), ("serve", "flowsm.db")])
def test_a_permission_that_could_never_hold_is_refused(
    flowsm: Any, command: tuple[str, ...], option: str, value: str, said: str
) -> None:
    """A file for a folder, or a URL for a host, is told at once, not when the task fails."""
    ran = flowsm(*command, option, value)
    assert ran.code == 2
    assert said in ran.err
    assert not Path("flowsm.db").exists()


def test_a_data_folder_that_cannot_be_made_is_refused(flowsm: Any) -> None:
    """Before the service listens."""
    ran = flowsm("serve", "--data-dir", "flow.json")
    assert (ran.code, "--data-dir flow.json: expected a folder" in ran.err) == (2, True)


def test_a_folder_that_is_not_there_yet_may_be_allowed(flowsm: Any) -> None:
    """A task may make it; if its name is misspelt, that was said."""
    ran = flowsm("run", "flow.json", "--allow-dir", "out")
    assert ran.code == 0
    assert "--allow-dir out: there is no such folder yet" in ran.err


def test_a_misspelt_at_word_is_told_those_that_there_are(flowsm: Any) -> None:
    """An id never begins with @, so nothing was looked for in vain."""
    flowsm("run", "flow.json")
    ran = flowsm("show", "@lst")
    assert (ran.code, "@last-failed" in ran.err) == (2, True)


@pytest.mark.parametrize("argv", [("archive", "a", "--older-than"), ("ls", "--since"), ("cancel", "--since")])
def test_a_moment_in_the_future_is_named(flowsm, argv) -> None:
    """A moment that begins with a hyphen is read as one, and refused with what is expected in its place."""
    flowsm("run", "flow.json")
    ran = flowsm(*argv, "-5s")
    assert (ran.code, ran.out) == (2, "")
    assert f"{argv[-1]} '-5s': expected 30m, 2h, 7d, or an ISO 8601 time" in ran.err
