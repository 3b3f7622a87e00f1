"""The ways into the full screens: what is said where they cannot be opened, and what they are given."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from flowsm.cli import debug as debugging
from flowsm.cli import terminal as asking
from flowsm.cli import top as topping
from flowsm.tui.hints import Hints

COMMANDS = [("debug", "x1", "--full-screen"), ("top",)]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody sits there."""
    there = SimpleNamespace(isatty=lambda: True)
    monkeypatch.setattr(asking, "sys", SimpleNamespace(stdin=there, stdout=there))


@pytest.mark.parametrize("command", COMMANDS)
def test_without_a_terminal(flowsm: Any, command: tuple[str, ...]) -> None:
    """In a pipe they say what does without a terminal."""
    flowsm("run", "flow.json", "--id", "x1")
    ran = flowsm(*command)
    assert ran.code == 2
    assert "needs a terminal, and this is a pipe or a file: use flowsm" in ran.err


@pytest.mark.parametrize("command", COMMANDS)
def test_without_the_extra(
    flowsm: Any, terminal: None, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    """Without Textual they say how to install it."""
    flowsm("run", "flow.json", "--id", "x1")
    monkeypatch.setitem(sys.modules, "textual", None)
    ran = flowsm(*command)
    assert ran.code == 1
    assert "needs the extra 'tui': pip install 'flowsm[tui]'" in ran.err


def test_words_and_keys(flowsm: Any, terminal: None) -> None:
    """Words of the line mode are no keys."""
    flowsm("run", "flow.json", "--id", "x1")
    for options in (("--batch",), ("-ex", "step")):
        ran = flowsm("debug", "x1", "--full-screen", *options)
        assert (ran.code, ran.out) == (2, "")
        assert "--full-screen takes keys" in ran.err


def test_what_they_are_given(flowsm: Any, terminal: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The debugger gets the execution that was meant, the place, and the options that lead to the same log."""
    flowsm("run", "flow.json", "--id", "x1", "--db", "other.db")
    given: list[Any] = []

    async def debug(_: Any, execution: str, *, seq: int | None, hints: Hints) -> int:
        given.append((execution, seq, hints.options))
        return 0

    async def top(_: Any, *, hints: Hints) -> int:
        given.append(hints.options)
        return 1

    monkeypatch.setattr(debugging, "debug_full_screen", debug)
    monkeypatch.setattr(topping, "top_full_screen", top)
    options = ("--db", "other.db")
    assert flowsm("debug", "@last", "--full-screen", *options).code == 0
    assert flowsm("debug", "x", "--full-screen", "--seq", "3", *options).code == 0
    assert flowsm("top", *options).code == 1, "it broke down"
    assert given == [("x1", None, options), ("x1", 3, options), options]
