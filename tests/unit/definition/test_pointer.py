"""JSON Pointer, against the examples of RFC 6901."""

from __future__ import annotations

import pytest

from flowsm.definition.pointer import MISSING, join_pointer, parse_pointer, resolve_pointer

RFC = {"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, 'k"l': 6, " ": 7, "m~n": 8}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", RFC),
        ("/foo", ["bar", "baz"]),
        ("/foo/0", "bar"),
        ("/", 0),
        ("/a~1b", 1),
        ("/c%d", 2),
        ("/e^f", 3),
        ("/g|h", 4),
        ("/i\\j", 5),
        ('/k"l', 6),
        ("/ ", 7),
        ("/m~0n", 8),
    ],
)
def test_the_examples_of_the_rfc_resolve(text, value):
    """Each pointer of section 5 gives its value, and is itself again when joined."""
    tokens = parse_pointer(text)

    assert resolve_pointer(RFC, tokens) == value
    assert join_pointer(tokens) == text


@pytest.mark.parametrize(
    "text",
    [
        "/foo/-",
        "/foo/2",
        "/foo/01",
        "/foo/+1",
        "/foo/-1",
        "/foo/²",
        "/foo/٣",
        "/foo/" + "9" * 5000,
        "/x",
        "/foo/0/b",
        "/ /0",
    ],
)
def test_nothing_is_missing_not_an_error(text):
    """A place where nothing is gives MISSING, which is false and no value."""
    found = resolve_pointer(RFC, parse_pointer(text))

    assert found is MISSING
    assert not found
    assert repr(found) == "MISSING"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("foo", "begins with '/'"), ("/a~", "character 3"), ("/a~2b", "'~' stands alone"), ("#/a", "begins with '#'")],
)
def test_text_that_is_no_pointer_is_refused(text, sentence):
    """The error says what is wrong with the text."""
    with pytest.raises(ValueError, match=sentence):
        parse_pointer(text)


def test_escapes_are_undone_in_the_right_order():
    """`~01` is `~1`, not `/`."""
    assert parse_pointer("/~01") == ("~1",)
    assert join_pointer(["~1", 3]) == "/~01/3"
