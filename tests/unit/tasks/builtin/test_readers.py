from __future__ import annotations

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowsm.errors import DataInvalid
from flowsm.tasks.builtin.readers import read_csv, read_json, read_ndjson
from flowsm.tasks.builtin.records import latest_records, records_of
from flowsm.tasks.outcome import normalise
from flowsm.tasks.result import TaskResult


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("0", 0),
        ("-12", -12),
        ("999999999999999999", 999_999_999_999_999_999),
        ("1.50", 1.5),
        ("-0.5", -0.5),
        ("1.5e-07", 1.5e-07),
        ("007", "007"),
        ("+1", "+1"),
        ("-0", "-0"),
        ("-", "-"),
        ("1e5", "1e5"),
        ("1.", "1."),
        ("1.5e999", "1.5e999"),
        ("1234567890123456789", "1234567890123456789"),
        ("1,5", "1,5"),
        ("NaN", "NaN"),
        ("Infinity", "Infinity"),
        ("true", "true"),
        (" 1", " 1"),
        ("\u0661", "\u0661"),
    ],
)
def test_csv_values(text, value):
    """A value is a number where it is written as JSON writes one, null where it is empty, else a text."""
    (row,) = read_csv(f'k,a\nx,"{text}"\n', "s", None, ",")
    assert row == {"k": "x", "a": value}
    assert type(row["a"]) is type(value)


def test_csv_shapes():
    """Quotes, line breaks inside them, other delimiters, blank lines and CRLF are read."""
    assert read_csv('a;b\r\n\r\n"x;\n""y""";2\r\n', "s", None, ";") == [{"a": 'x;\n"y"', "b": 2}]
    assert read_csv("a,b\n", "s", None, ",") == []
    assert read_csv("a\n1\n2\n3\n", "s", 2, ",") == [{"a": 1}, {"a": 2}]
    assert read_csv("a\n1\n", "s", 0, ",") == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "s: line 1: expected a header row, found nothing"),
        ("\n\n", "expected a header row"),
        ("a,b,a\n", "s: line 1: the header names 'a' twice"),
        ("a,,c\n", "s: line 1: column 2 of the header has no name"),
        ("a,b\n1,2\n3\n", "s: line 3: expected 2 values, as the header has, found 1"),
        ("a,b\n\n1,2,3\n", "s: line 3: expected 2 values, as the header has, found 3"),
        ('a,b\n1,"2"x\n', "s: line 2: not CSV"),
        ('a,b\n1,"2\n', "not CSV"),
    ],
)
def test_bad_csv(text, message):
    """A row that does not fit is a failure that names the line."""
    with pytest.raises(DataInvalid) as caught:
        read_csv(text, "s", None, ",")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "text",
    ['[{"a":1}]', '{"records":[{"a":1}],"others":[1]}', '{"meta":{},"rows":[{"a":1}]}'],
)
def test_json_shapes(text):
    """An array of objects, an object with `records`, or with one array."""
    assert read_json(text, "s", None) == [{"a": 1}]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[{},\n{,}]", "s: line 2: not JSON"),
        ("", "s: not JSON"),
        ("[" * 5000, "not JSON"),
        ('["\ud800"]', "not JSON"),
        ("3", "expected an array of objects, or an object with `records`, found a int"),
        ("[{},3]", "s: /1: expected an object, found a int"),
        ('{"rows":[{},null]}', "s: /rows/1: expected an object, found a NoneType"),
        ('{"a":[],"b":[]}', "found several arrays 'a', 'b'"),
        ('{"a":1}', "found no array among 'a'"),
        ("{}", "found no array among nothing"),
        ('{"records":{}}', "found no array among 'records'"),
    ],
)
def test_bad_json(text, message):
    """A document without records is a failure that names the place."""
    with pytest.raises(DataInvalid) as caught:
        read_json(text, "s", None)
    assert message in str(caught.value)


@given(st.text(st.characters() | st.sampled_from('{}[]",:\n\r 01a')))
def test_any_text(text):
    """Any text whatever gives records, or a clear failure."""
    for read in (read_json, read_ndjson, partial(read_csv, delimiter=",")):
        refusal, records = "s: ", []
        try:
            records = read(text, "s", None)
        except DataInvalid as error:
            refusal = str(error)
        assert refusal.startswith("s: ")
        assert all(isinstance(record, dict) for record in records)


def test_ndjson():
    """One object per line; a separator of Unicode inside a text ends no line."""
    assert read_ndjson('{"a":"\u2028"}\r\n \n{"a":2}', "s", None) == [{"a": "\u2028"}, {"a": 2}]


@pytest.mark.parametrize(
    ("text", "message"),
    [('{"a":1}\n{"a"\n', "s: line 2: not JSON"), ("[1]", "s: line 1: expected an object, found a list")],
)
def test_bad_ndjson(text, message):
    """A line that is no JSON object is a failure that names it."""
    with pytest.raises(DataInvalid) as caught:
        read_ndjson(text, "s", None)
    assert message in str(caught.value)


def test_latest_records():
    """The latest success that has records counts, be they none; what has none is passed over."""
    results = {
        "old": TaskResult(status="success", data=[{"a": 1}]),
        "new": TaskResult(status="success", data={"records": []}),
        "failed": TaskResult(status="failure", data=[{"a": 2}]),
        "odd": TaskResult(status="success", data=[1]),
        "none": TaskResult(status="success", data={"stored": 1}),
    }
    normalised = {name: normalise(result, name).result for name, result in results.items()}
    assert latest_records(normalised) == ("new", [])
    del normalised["new"]
    assert latest_records(normalised) == ("old", [{"a": 1}])
    with pytest.raises(DataInvalid, match=r"no earlier result has some \(results so far: none\)"):
        latest_records({})


def test_records_of_names_the_source():
    """The source is in the message."""
    with pytest.raises(DataInvalid, match=r"^here: "):
        records_of(None, "here")
