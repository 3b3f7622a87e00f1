"""Tables keep ids, statuses and times whole, however narrow the terminal is."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from typing import Any

import pytest

from flowsm.cli.table import print_table

HEADERS = ("id", "status", "flow", "task", "created", "time", "error")
ROW = (
    "1m83nhqrkt70bh6e",
    "failed",
    "Orders by country",
    None,
    "2026-11-23 07:39",
    "98 ms",
    "the disk is full, and more",
)


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def at_width(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Print a table on a terminal of so many columns, and give its lines."""

    def printing(columns: int, headers: Sequence[str], rows: list[Any], styled: int | None = None) -> list[str]:
        terminal = _Terminal()
        for name, value in {"COLUMNS": str(columns), "LINES": "40", "TERM": "dumb", "NO_COLOR": "1"}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "stdout", terminal)
        print_table(headers, rows, styled=styled)
        return terminal.getvalue().splitlines()

    return printing


@pytest.mark.parametrize("columns", [40, 60, 80, 100, 200])
def test_no_width_cuts_an_id_a_status_or_a_time(at_width: Any, columns: int) -> None:
    """At every width these are readable, and no line of a table is wider than the terminal."""
    lines = at_width(columns, HEADERS, [ROW, ROW], 1)
    for whole in ("1m83nhqrkt70bh6e", "✗ failed", "2026-11-23 07:39", "98 ms"):
        assert sum(whole in line for line in lines) == 2
    assert max(map(len, lines)) <= columns


def test_long_texts_are_cut_off_before_a_row_becomes_a_block(at_width: Any) -> None:
    """At 80 columns the error gives way; at 40 each value has a line of its own, whole."""
    assert any("the d" in line and line.endswith("…") for line in map(str.rstrip, at_width(80, HEADERS, [ROW], 1)))
    narrow = at_width(40, HEADERS, [ROW], 1)
    assert "error    the disk is full, and more" in narrow
    assert narrow[0].startswith("id ")


def test_columns_that_say_nothing_are_left_out_on_a_terminal(at_width: Any) -> None:
    """Neither an empty column, nor visits that are all the first; a second visit brings the column back."""
    assert at_width(80, ("task", "visit", "outcome"), [("a", 1, None), ("b", 1, "success")])[0].split() == ["task"]
    assert "visit" in at_width(80, ("task", "visit", "outcome"), [("a", 1, None), ("a", 2, None)])[0]
    assert at_width(80, ("task", "visit"), [])[0].split() == ["task", "visit"]


def test_a_pipe_gets_every_column_and_every_letter(capsys: pytest.CaptureFixture[str]) -> None:
    """Where nobody looks at a terminal, nothing is cut off or left out."""
    print_table(HEADERS, [(*ROW[:-1], "x" * 500)])
    head, line = capsys.readouterr().out.splitlines()
    assert head.split() == list(HEADERS)
    assert line.endswith("x" * 500)
