from __future__ import annotations

import time
from pathlib import Path

import airportsdata
import pytest

from flowsm.errors import DataInvalid, NotAllowed
from flowsm.tasks.builtin.sample import sample_records
from flowsm.tasks.context import Permissions

AIRPORTS = Path(airportsdata.__path__[0]) / "airports.csv"


async def test_sample(run):
    """Without a source the built-in sample comes, always the same, and nothing is odd about it."""
    result = await run("fetch_data")
    assert result.data == {"records": sample_records(), "count": 8, "source": "sample"}
    assert result.warnings == []
    assert (await run("fetch_data", limit=2)).data["count"] == 2


async def test_bare_word(run):
    """A bare word means the sample, and is noted as a warning."""
    result = await run("fetch_data", data_source="external_api", timeout=30, retry_count=2, limit=1)
    assert result.data["records"] == sample_records()[:1]
    (warning,) = result.warnings
    assert warning.startswith("data_source 'external_api' is neither a URL nor a file name")


async def test_formats_by_suffix(run, tmp_path):
    """CSV, JSON and NDJSON files are read by their suffix."""
    rows = [{"a": 1, "b": "x"}, {"a": 2, "b": None}]
    (tmp_path / "a.csv").write_text("a,b\n1,x\n2,\n")
    (tmp_path / "a.JSON").write_text('[{"a":1,"b":"x"},{"a":2,"b":null}]')
    (tmp_path / "a.ndjson").write_text('{"a":1,"b":"x"}\n\n{"a":2,"b":null}\n')
    (tmp_path / "a.jsonl").write_text('{"a":1,"b":"x"}\n{"a":2,"b":null}')
    for name in ("a.csv", "a.JSON", "a.ndjson", "a.jsonl"):
        result = await run("fetch_data", data_source=name)
        assert result.data == {"records": rows, "count": 2, "source": name}
        assert (await run("fetch_data", data_source=name, limit=1)).data["records"] == rows[:1]
    assert result.message == "fetched 2 records from a.jsonl"


async def test_format_and_its_options(run, tmp_path):
    """Format, delimiter and encoding can be given, and then a bare word is a file."""
    (tmp_path / "words").write_bytes("a;b\n1;ü\n".encode("latin-1"))
    result = await run("fetch_data", data_source="words", format="CSV", delimiter=";", encoding="latin-1")
    assert result.data["records"] == [{"a": 1, "b": "ü"}]
    (tmp_path / "lines.txt").write_text('{"a": 1}\n')
    assert (await run("fetch_data", data_source="lines.txt", format="jsonl")).data["records"] == [{"a": 1}]


async def test_unknown_format(run, tmp_path):
    """A format that is not known is noted, and the suffix tells."""
    (tmp_path / "a.csv").write_text("a\n1\n")
    result = await run("fetch_data", data_source="a.csv", format="cvs")
    assert result.data["count"] == 1
    assert "did you mean 'csv'?" in result.warnings[0]
    result = await run("fetch_data", data_source="a.csv", format="parquet")
    assert "known are csv, json, ndjson" in result.warnings[0]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"data_source": "file:///etc/passwd"}, "found one of file; give a plain path"),
        ({"data_source": "file:secret"}, "found one of file"),
        ({"data_source": "s3://bucket/a.csv"}, "found one of s3"),
        ({"data_source": "./a.txt"}, "the suffix is none of .csv, .json, .jsonl, .ndjson; give format"),
        ({"data_source": "missing.csv"}, "missing.csv: no such file"),
        ({"data_source": "bytes.csv"}, "not text in utf-8-sig"),
        ({"data_source": "bytes.csv", "encoding": "klingon"}, "unknown encoding: klingon"),
    ],
)
async def test_sources_that_cannot_be_read(run, tmp_path, parameters, message):
    """A source that cannot be read is a clear failure."""
    (tmp_path / "bytes.csv").write_bytes(b"a\n\xff\n")
    with pytest.raises(DataInvalid) as caught:
        await run("fetch_data", **parameters)
    assert message in str(caught.value)


async def test_not_allowed(run, tmp_path):
    """A file elsewhere, and any host, need the caller's word."""
    with pytest.raises(NotAllowed, match="--allow-dir"):
        await run("fetch_data", data_source=str(AIRPORTS))
    with pytest.raises(NotAllowed, match=r"--allow-host example\.org"):
        await run("fetch_data", data_source="https://example.org/a.csv")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"limit": -1}, "/limit: Expected `int` >= 0"),
        ({"delimiter": ";;"}, "/delimiter: Expected `str` of length <= 1"),
        ({"data_source": 3, "failure_rate": 2}, "/failure_rate: Expected `float` <= 1.0"),
        ({"data_source": 3, "failure_rate": 2}, "/data_source: Expected `str | null`, got `int`"),
    ],
)
async def test_wrong_parameters(run, parameters, message):
    """Parameters of a wrong type are refused, all at once, each with its pointer."""
    with pytest.raises(ValueError, match="/") as caught:
        await run("fetch_data", **parameters)
    assert message in str(caught.value)


async def test_thousands_of_records(run, make_context):
    """The 28,000 airports of the quick start are read, with numbers as numbers, in less than a few seconds."""
    context = make_context(permissions=Permissions(folders=(AIRPORTS.parent,)))
    started = time.perf_counter()
    result = await run("fetch_data", context=context, data_source=str(AIRPORTS))
    assert time.perf_counter() - started < 5
    assert result.data["count"] > 20_000
    first = result.data["records"][0]
    assert first["iata"] is None
    assert isinstance(first["elevation"], int)
    assert isinstance(first["lat"], float)


async def test_a_misspelt_file_is_not_the_sample(run):
    """A source with a suffix is a file: another suffix is a failure, not the built-in sample in its place."""
    with pytest.raises(DataInvalid, match=r"orders\.cvs: the suffix is none of"):
        await run("fetch_data", data_source="orders.cvs")
