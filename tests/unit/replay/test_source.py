"""Values as Python source: read back they are the same, and nothing of them becomes code."""

from __future__ import annotations

import ast
import json
import random
from typing import Any

import pytest

from flowsm.replay.source import Call, Name, render, text_literal

NASTY = [
    "",
    "'",
    '"',
    "'\"",
    '"""',
    "\\",
    "\\'",
    "\n",
    "\r",
    "\u2028",
    "\x00",
    "\ud800",
    "\u202e",
    "😀",
    "');import os#",
    "{x}",
    "%s",
    "\\N{DIGIT ONE}",
]


def value(rng: random.Random, depth: int) -> Any:
    kind = rng.randint(0, 6 if depth else 4)
    if kind == 5:
        return [value(rng, depth - 1) for _ in range(rng.randint(0, 4))]
    if kind == 6:
        return {rng.choice(NASTY) + str(n): value(rng, depth - 1) for n in range(rng.randint(0, 4))}
    return rng.choice([None, True, False, rng.randint(-9, 10**20), rng.random() * 1e300, rng.choice(NASTY) * 9])


@pytest.mark.parametrize("seed", range(200))
def test_what_is_written_reads_back(seed: int) -> None:
    """Any JSON value is a literal of printable characters that gives the same value."""
    given = value(random.Random(seed), 5)
    source = render(given)
    assert ast.literal_eval(source) == given
    assert all(line.isprintable() for line in source.split("\n"))


@pytest.mark.parametrize("text", NASTY)
def test_a_text_is_one_literal(text: str) -> None:
    """Whatever a text holds, it is one string on one line."""
    source = text_literal(text)
    assert isinstance(ast.parse(source, mode="eval").body, ast.Constant)
    assert source.isprintable()
    assert ast.literal_eval(source) == text


def test_layout_is_a_formatters() -> None:
    """What fits stands on a line; what does not has a line for each part, with a comma after the last."""
    assert render(Call("f", (1,), a={"b": [1]}, c=Name("D"))) == 'f((1,), a={"b": [1]}, c=D)'
    assert render(["x" * 60, "y" * 60]) == f'[\n    "{"x" * 60}",\n    "{"y" * 60}",\n]'
    assert render([[], {}, ()]) == "[[], {}, ()]"


def test_a_deep_value_is_json_text() -> None:
    """What is nested deeper than Python's parser bears is written as JSON."""
    deep: Any = "'\""
    for _ in range(190):
        deep = [deep]
    source = render({"a": deep})
    assert eval(source, {"json": json}) == {"a": deep}
