"""Places as people type them, and the values for them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowsm.definition.places import parse_setting, parse_settings, place_pointer, place_text, place_tokens
from flowsm.definition.pointer import join_pointer
from flowsm.errors import UsageError


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", ()),
        ("input", ("input",)),
        ("results.fetch.data.total", ("results", "fetch", "data", "total")),
        ('results."my task".data', ("results", "my task", "data")),
        ("results.'a.b'.data", ("results", "a.b", "data")),
        ("/results/a.b/data/0", ("results", "a.b", "data", "0")),
        ("/results/a~1b/data", ("results", "a/b", "data")),
    ],
)
def test_places(text: str, tokens: tuple[str, ...]) -> None:
    """Names with dots between them, quoted where they need it; or a JSON Pointer."""
    assert place_tokens(text) == tokens
    assert place_pointer(text) == join_pointer(tokens)


@pytest.mark.parametrize("text", [".", "a..b", "a.", 'a."b', "a b", "/a~2", "~"[:0] + "'"])
def test_what_is_no_place(text: str) -> None:
    """It is refused with what is expected."""
    with pytest.raises(UsageError, match="is no path"):
        place_tokens(text)


@pytest.mark.parametrize(
    ("text", "pointer", "value"),
    [
        ("results.task1.data.total=3", "/results/task1/data/total", 3),
        ("input.x=text", "/input/x", "text"),
        ('input.x="3"', "/input/x", "3"),
        ("input=null", "/input", None),
        ("input.x=", "/input/x", ""),
        ("input.x=a=b", "/input/x", "a=b"),
        ('results."a=b".data={"y": [1]}', "/results/a=b/data", {"y": [1]}),
        ("/input/x=[1, 2]", "/input/x", [1, 2]),
        ("/results/o'clock/data=1", "/results/o'clock/data", 1),
        ("input.x=NaN", "/input/x", "NaN"),
        ("input.x=two\nlines", "/input/x", "two\nlines"),
    ],
)
def test_settings(text: str, pointer: str, value: Any) -> None:
    """A place, and JSON or else text."""
    assert parse_setting(text) == (pointer, value)


@pytest.mark.parametrize("text", ["", "input", "=3", " =3", "x" * 200])
def test_what_is_no_setting(text: str) -> None:
    """Without a place or a value it is refused, shortly."""
    with pytest.raises(UsageError, match="expected PLACE=VALUE") as refused:
        parse_setting(text)
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize("again", ["input.x=2", "/input/x=1", 'input."x"=1'])
def test_a_place_is_set_once(again: str) -> None:
    """A second value for a place, however that is written, is refused, and not taken for the first."""
    assert parse_settings(["input.x=1", "input.y=2"]) == {"/input/x": 1, "/input/y": 2}
    with pytest.raises(UsageError, match=r"'input\.x' is set twice: give one value for it"):
        parse_settings(["input.x=1", again])


@given(st.lists(st.text(max_size=5), max_size=4))
def test_a_pointer_is_written_so_that_it_is_read_again(tokens: list[str]) -> None:
    """Whatever the names are."""
    pointer = join_pointer(tokens)
    assert place_pointer(place_text(pointer)) == pointer or pointer != pointer.strip()
