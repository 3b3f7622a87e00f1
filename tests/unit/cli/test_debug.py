"""`flowsm debug`: its words, in a batch and from a pipe."""

from __future__ import annotations

import io
import sys
from typing import Any

import pytest

from flowsm.cli.debug_views import print_value
from flowsm.cli.debug_words import WORDS, word_of
from flowsm.errors import UsageError

REFUSED = [
    ("stp", "unknown word 'stp': did you mean 'step'?"),
    ("xyzzy", "unknown word 'xyzzy': `help` lists them"),
    ("w", "'w' is short for several: when, watch, where"),
    ("step x", "expected how many times, found 'x'"),
    ("goto", "expected an event's seq, found ''"),
    ("goto 11", "seq 11: expected 0 to 10"),
    ("continue 2", "'2' is more than this takes"),
    ("finish", "there is no visit to finish"),
    ("break", "expected break task NAME | type TYPE | outcome WORD, found break"),
    ("break task", "expected break task NAME | type TYPE | outcome WORD, found break task"),
    ("break task stor", "no task of the flow is called 'stor': did you mean 'store'?"),
    ("break tesk store", "unknown word 'tesk': did you mean 'task'?"),
    ("watch result.fetch", "no field of the state is called 'result': did you mean 'results'?"),
    ("print nope", "no field of the state is called 'nope': did you mean 'node'?"),
    ("delete 7", "there is no breakpoint or watch 7"),
    ("info", "expected info state | tasks | timers | break"),
    ("info tisks", "unknown word 'tisks': did you mean 'tasks'?"),
    ("diff x", "expected an event's seq, found 'x'"),
    ("fork", "nothing can be forked off here: nothing was recorded yet"),
]
"""Lines, and what is said to them."""


@pytest.fixture
def debug(flowsm: Any) -> Any:
    """The execution `x1` of two tasks, fetch and store, in a debugger that is given these words."""
    flowsm("run", "flow.json", "--id", "x1")

    def call(*words: str, options: tuple[str, ...] = ()) -> Any:
        return flowsm("debug", "x1", "--batch", *options, *(part for word in words for part in ("-ex", word)))

    return call


def places(ran: Any) -> list[int]:
    """The events that the lines tell of."""
    firsts = [line.split()[0] for line in ran.out.splitlines()]
    return [int(first.partition("/")[0]) for first in firsts if first.endswith("/10")]


def test_motions_tell_where_they_stopped(debug: Any) -> None:
    """Forth and back, by event and by task, so many times, to an event, to the ends."""
    assert places(debug("step", "s", "s 3", "reverse-step", "rs 2")) == [1, 2, 5, 4, 2]
    assert places(debug("next", "n", "rn", "reverse-next")) == [5, 8, 7, 4]
    assert places(debug("goto 4", "finish", "when", "goto 0")) == [4, 6, 6, 0]
    ran = debug("continue", "c", "rc", "s 99", "rs 99")
    assert places(ran) == [10, 10, 0, 10, 0]
    assert "the end of the execution\n10/10 " in ran.out
    assert "the end of the execution: it stands there already\n" in ran.out
    assert "the beginning of the execution\n0/10  before the first event\n" in ran.out
    assert places(debug("when", options=("--seq", "7"))) == [7]


def test_breakpoints_and_watches(debug: Any) -> None:
    """They are listed, hit with what changed, and deleted."""
    ran = debug("b task store", 'break task "fetch"', "break out skip*", "watch results.fetch.data.count", "info break")
    numbered = [
        "breakpoint 1, task store",
        "breakpoint 2, task fetch",
        "breakpoint 3, outcome skip*",
        "watch 4, results.fetch.data.count",
    ]
    assert ran.out.splitlines() == numbered * 2
    watched = debug("watch results.fetch.data.count", "b type task.completed", "c", "c", "delete 1", "rc", "rc")
    lines = watched.out.splitlines()
    assert lines[2:4] == ["watch 1, results.fetch.data.count: + 8", "breakpoint 2, type task.completed"]
    assert places(watched) == [5, 8, 5, 0]
    assert lines.count("watch 1, results.fetch.data.count: + 8") == 1
    assert debug("b task store", "delete", "i b").out.splitlines()[-1] == "no breakpoints, no watches"


def test_what_is_here(debug: Any) -> None:
    """Values as JSON, the state, the tasks, what it waits for, the flow around, the path with reasons, what changed."""
    assert debug("goto 5", "print results.fetch.data.count", "p input", "p results.store").out.splitlines()[1:] == [
        "8",
        "null",
        "nothing is there",
    ]
    assert '\n  "seq": 5,\n' in debug("goto 5", "print").out
    state = debug("goto 7", "info state").out
    assert "\n▶ running at store (running)\nvisit 1, attempt 1\n1 transitions, 2 attempts, 0 failures\n" in state
    assert '\nresults.fetch.data: {"' in state
    assert debug("c", "info state").out.splitlines()[2] == "✓ completed"
    tasks = [line.split() for line in debug("goto 7", "info tasks").out.splitlines()[1:]]
    assert tasks[1:] == [
        ["fetch", "1", "✓", "success", "success"],
        ["spare", "0"],
        ["▶", "store", "1"],
    ]
    assert "\nattempt 1 of task 'store' runs since " in debug("goto 7", "info timers").out
    assert debug("c", "info timers").out.endswith("it waits for nothing\n")
    assert debug("goto 4", "list").out.splitlines()[1:] == [
        "    created →",
        "▶ fetch (fetch_data)",
        "    ⇒ store   success (some)",
        "    → spare   otherwise (some)",
    ]
    assert "    fetch → (it came from there)\n▶ store (store_data)\n" in debug("goto 7", "l").out
    where = debug("goto 7", "where").out.splitlines()
    assert [line.split()[0] for line in where[1:]] == ["seq", "3", "6"]
    assert "condition 'some' wants 'success'" in where[-1]
    assert debug("where").out == "no transition yet\n"
    assert '~ /phase: "entered" → "running"\n' in debug("diff 3 4").out
    assert debug("goto 4", "diff 3").out.splitlines()[1:] == debug("diff 3 4").out.splitlines()
    explained = debug("goto 7", "explain").out
    assert "after event 7 of 10:\n  it is running at task 'store'\n" in explained


def test_a_long_path_is_cut_at_its_beginning(flowsm: Any, folder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The latest transitions are shown, and that there were more."""
    monkeypatch.setattr("flowsm.cli.debug_views._ROUTE_MAX", 1)
    flowsm("run", "flow.json", "--id", "x1")
    lines = flowsm("debug", "x1", "--batch", "-ex", "c", "-ex", "where").out.splitlines()
    assert lines[2] == "the last 1 transitions:"
    assert [line.split()[0] for line in lines[3:]] == ["seq", "9"]


def test_a_terminal_gets_the_beginning_of_a_large_value(capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    """It is said how much is left out; a pipe gets everything."""
    print_value(list(range(200)))
    assert len(capsys.readouterr().out.splitlines()) == 202
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    print_value(list(range(200)))
    lines = capsys.readouterr().out.splitlines()
    assert (len(lines), lines[-2:]) == (101, ["  98,", "… 102 more lines: give a longer path, or --batch and a pipe"])
    print_value([1])
    assert capsys.readouterr().out == "[\n  1\n]\n"


def test_help_has_every_word(debug: Any) -> None:
    """Each with how it is used."""
    shown = debug("help").out
    assert all(f"\n{usage}  " in f"\n{shown}" for usage, _ in WORDS.values())


def test_quit_leaves(debug: Any) -> None:
    """What comes after it is not done."""
    ran = debug("step", "quit", "step")
    assert (ran.code, places(ran)) == (0, [1])


def test_a_word_that_fails_ends_a_batch(debug: Any) -> None:
    """With exit code 1, and what was expected; what comes after it is not done."""
    for word, said in REFUSED:
        ran = debug(word, "step")
        assert (ran.code, ran.out) == (1, "")
        assert ran.err.startswith(f"flowsm: {word}: {said}")


def test_words_may_be_cut_short() -> None:
    """As far as only one is meant; those of gdb are there."""
    short = {"s": "step", "rs": "reverse-step", "n": "next", "rn": "reverse-next", "c": "continue", "b": "break"}
    short |= {"rc": "reverse-continue", "p": "print", "bt": "where", "reverse-c": "reverse-continue", "fin": "finish"}
    assert {text: word_of(text) for text in short} == short
    with pytest.raises(
        UsageError, match="'reverse-' is short for several: reverse-step, reverse-next, reverse-continue"
    ):
        word_of("reverse-")


def test_words_come_through_a_pipe(flowsm: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """After those of -ex; empty lines and comments are passed over, and one that fails ends it."""
    flowsm("run", "flow.json", "--id", "x1")
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n# to the end of a task\nnext\n\nstep\n"))
    ran = flowsm("debug", "@last", "-ex", "step")
    assert (ran.code, places(ran)) == (0, [1, 5, 6])
    monkeypatch.setattr(sys, "stdin", io.StringIO("next\nnxt\nstep\n"))
    ran = flowsm("debug", "x1")
    assert (ran.code, places(ran)) == (1, [5])
    assert ran.err == "flowsm: nxt: unknown word 'nxt': did you mean 'next'?\n"
    monkeypatch.setattr(sys, "stdin", io.StringIO("step\n"))
    assert flowsm("debug", "x1", "-ex", "nxt").out == ""
    assert flowsm("debug", "x1", "-ex", "quit").out == ""


def test_what_is_not_there(flowsm: Any) -> None:
    """An unknown execution, and an event that it does not have, are refused as everywhere."""
    flowsm("run", "flow.json", "--id", "x1")
    assert flowsm("debug", "x2", "--batch").code == 4
    assert flowsm("debug", "x1", "--batch", "--seq", "99").code == 2


def test_nothing_that_a_terminal_obeys_is_printed(flowsm: Any) -> None:
    """Values are shown as text."""
    flowsm("run", "flow.json", "--id", "x1", "--input", '{"a": "\\u001b[2J"}')
    words = [
        "b task st*",
        "c",
        "list",
        "where",
        "info state",
        "info tasks",
        "info break",
        "info timers",
        "print",
        "explain",
    ]
    ran = flowsm("debug", "x1", "--batch", *(part for word in words for part in ("-ex", word)))
    assert ran.code == 0
    assert ran.out.count("\\u001b[2J") > 1
    assert "\x1b" not in ran.out


def test_the_command_that_forks_here_is_shown(debug: Any, flowsm: Any) -> None:
    """It is not run: with the options that were given it makes a fork at this very event."""
    shown = debug("goto 5", "fork --id y").out.splitlines()[-1]
    assert shown == "flowsm fork x1 --at 5 --id y"
    assert flowsm(*shown.split()[1:]).out == "y\n"
    assert "it had ended there" in debug("goto 10", "fork").err
