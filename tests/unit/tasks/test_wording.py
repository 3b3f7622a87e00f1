from __future__ import annotations

import msgspec
import pytest

from flowsm.tasks.wording import convert_problem, escape, holds_reference, nearest, unknown_parameter


def problem(value, type_):
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert(value, type_)
    return convert_problem(caught.value, "/p", value)


@pytest.mark.parametrize(
    ("value", "type_", "sentence"),
    [
        ("x", int, '/p: Expected `int`, got `str`, found "x"'),
        (None, int, "/p: Expected `int`, got `null`"),
        ([1, {"a": "x"}], list[int], "/p/1: Expected `int`, got `object`"),
        ({"a": [1, "x"]}, dict[str, list[int]], "/p/.../1: Expected `int`, got `str`"),
        ({"a": 1}, dict[int, int], "/p: Expected `int`, got `str`"),
        ("x" * 100, int, '/p: Expected `int`, got `str`, found "' + "x" * 58 + "…"),
        (object(), int, "/p: Expected `int`, got `object`, found "),
    ],
)
def test_convert_problem(value, type_, sentence):
    """What msgspec found is told with the JSON Pointer of the place, and the value there."""
    assert problem(value, type_).startswith(sentence)


def test_whole_document():
    """The pointer of the whole is shown as a slash."""
    assert convert_problem(ValueError("odd"), "", {}) == "/: odd"


def test_step_into_what_is_no_container():
    """A place that is not in the value is told without a value."""
    assert convert_problem(ValueError("odd - at `$.a[0]`"), "", 3) == "/a/0: odd"


def test_escape():
    """Slashes and tildes in names are escaped."""
    assert escape("a/b~c") == "a~1b~0c"


def test_names():
    """The nearest name is suggested where there is one, else the known ones are listed."""
    assert nearest("fitler", ["filter", "sort"]) == "filter"
    assert nearest("zzz", ["filter"]) is None
    assert unknown_parameter("fitler", {"filter"}) == "/fitler: unknown parameter 'fitler' (did you mean 'filter'?)"
    assert unknown_parameter("z", {"b", "a"}) == "/z: unknown parameter 'z' (known are 'a', 'b')"
    assert unknown_parameter("z", ()) == "/z: unknown parameter 'z' (it takes none)"


def test_references():
    """A reference is found wherever it is."""
    assert holds_reference([1, {"a": {"$from": "/input"}}])
    assert not holds_reference([1, {"a": {"from": "/input"}}, "$from"])
