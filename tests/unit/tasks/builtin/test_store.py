from __future__ import annotations

import csv
import json
import os
import sqlite3
import stat
from contextlib import closing

import msgspec
import pytest

from flowsm.errors import DataInvalid, NotAllowed
from flowsm.tasks.builtin import store, table, writers

ROWS = [{"a": 1, "b": "ü", "c": [1, {"x": None}]}, {"a": 2.5, "d": True, "b": None}]


def rows_of(path, query="SELECT * FROM records"):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


async def test_kept_in_the_log(run, tmp_path):
    """Without a path the records stay in the log, and no file is written."""
    result = await run("store_data", ROWS)
    assert result.data == {"stored": 2, "records": ROWS}
    assert result.message == "kept 2 records in the log"
    assert list(tmp_path.iterdir()) == []


async def test_bare_word(run, tmp_path):
    """A bare word as path keeps the records in the log, which is noted, as is what store_data does not know."""
    result = await run("store_data", ROWS, storage_path="database", destination="somewhere")
    assert result.data == {"stored": 2, "records": ROWS}
    assert result.warnings[0].startswith("parameter 'destination' was not used")
    assert result.warnings[1].startswith("storage_path 'database' is no file name")
    assert list(tmp_path.iterdir()) == []


async def test_json(run, tmp_path):
    """A JSON file holds an array, one record a line."""
    result = await run("store_data", ROWS, storage_path="a.json")
    assert result.data == {"stored": 2, "path": "a.json", "format": "json"}
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert json.loads(text) == ROWS
    assert len(text.splitlines()) == 4
    await run("store_data", [], storage_path="a.json")
    assert (tmp_path / "a.json").read_text() == "[]\n"


async def test_ndjson(run, tmp_path):
    """An NDJSON file holds one record a line."""
    result = await run("store_data", ROWS, storage_path="sub/a.jsonl")
    assert result.data["format"] == "ndjson"
    lines = (tmp_path / "sub" / "a.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == ROWS


async def test_csv(run, tmp_path):
    """A CSV file has every field of any record; null is empty, arrays and objects are JSON text."""
    await run("store_data", ROWS, storage_path="a.csv")
    with (tmp_path / "a.csv").open(newline="", encoding="utf-8") as file:
        assert list(csv.reader(file)) == [
            ["a", "b", "c", "d"],
            ["1", "ü", '[1,{"x":null}]', ""],
            ["2.5", "", "", "true"],
        ]
    await run("store_data", [], storage_path="a.csv")
    assert (tmp_path / "a.csv").read_bytes() == b""


@pytest.mark.parametrize("name", ["a.csv", "a.json", "a.ndjson"])
async def test_what_is_stored_is_fetched(run, name):
    """What store_data writes, fetch_data reads."""
    rows = [{"a": 1, "b": 'x,\n"y"', "c": -0.5}, {"a": None, "b": "007", "c": 1e22}]
    await run("store_data", rows, storage_path=name)
    fetched = (await run("fetch_data", data_source=name)).data["records"]
    assert [row["a"] for row in fetched] == [1, None]
    assert [row["b"] for row in fetched] == ['x,\n"y"', "007"]
    assert fetched[0]["c"] == -0.5


async def test_format(run, tmp_path):
    """The format can be given, and then any name will do; one that is not known is noted."""
    await run("store_data", ROWS, storage_path="database", format="json")
    assert json.loads((tmp_path / "database").read_text()) == ROWS
    await run("store_data", ROWS, storage_path="x", format="SQLite3")
    assert len(rows_of(tmp_path / "x")) == 2
    result = await run("store_data", ROWS, storage_path="a.csv", format="jsn")
    assert result.data["format"] == "csv"
    assert "did you mean 'json'?" in result.warnings[0]
    result = await run("store_data", ROWS, format="parquet")
    assert "known are csv, json, ndjson, sqlite" in result.warnings[0]


async def test_sqlite(run, tmp_path):
    """A SQLite table has every field of any record, typed where all values are of one type."""
    rows = [
        {"i": 1, "r": 0.5, "t": "x", "m": 1, "n": None, "j": {"k": [1]}, "ok": True, "big": 2**70},
        {"i": None, "r": 2, "t": None, "m": "y", 'od"d; DROP': 3},
    ]
    result = await run("store_data", rows, storage_path="a.db", table='my "table"')
    assert result.data == {"stored": 2, "path": "a.db", "format": "sqlite"}
    assert rows_of(tmp_path / "a.db", 'SELECT * FROM "my ""table"""') == [
        (1, 0.5, "x", 1, None, '{"k":[1]}', 1, str(2**70), None),
        (None, 2.0, None, "y", None, None, None, None, 3),
    ]
    types = {name: type_ for _, name, type_, *_ in rows_of(tmp_path / "a.db", "PRAGMA table_info('my \"table\"')")}
    assert types == {
        "i": "INTEGER",
        "r": "REAL",
        "t": "TEXT",
        "m": "",
        "n": "",
        "j": "TEXT",
        "ok": "INTEGER",
        "big": "TEXT",
        'od"d; DROP': "INTEGER",
    }


async def test_sqlite_replace_and_append(run, tmp_path):
    """A table is replaced, other tables stay; `append` adds rows, and columns that are missing."""
    with closing(sqlite3.connect(tmp_path / "a.db")) as connection:
        connection.execute("CREATE TABLE other (x)")
    for _ in range(2):
        await run("store_data", [{"a": 1}], storage_path="a.db")
    assert rows_of(tmp_path / "a.db") == [(1,)]
    await run("store_data", [{"A": 2, "b": "x"}], storage_path="a.db", mode="append")
    assert rows_of(tmp_path / "a.db") == [(1, None), (2, "x")]
    await run("store_data", [{"n": 1}], storage_path="a.db", table="new", mode="append")
    assert rows_of(tmp_path / "a.db", "SELECT * FROM new") == [(1,)]
    assert rows_of(tmp_path / "a.db", "SELECT * FROM other") == []


async def test_sqlite_without_records(run, tmp_path):
    """No records empty a table that is there, and append nothing."""
    await run("store_data", [], storage_path="a.db")
    await run("store_data", [{"a": 1}], storage_path="a.db")
    await run("store_data", [], storage_path="a.db", mode="append")
    assert rows_of(tmp_path / "a.db") == [(1,)]
    await run("store_data", [], storage_path="a.db")
    assert rows_of(tmp_path / "a.db") == []


async def test_sqlite_is_all_or_nothing(run, tmp_path):
    """A failing write leaves the old table whole."""
    await run("store_data", [{"a": 1}], storage_path="a.db")
    with closing(sqlite3.connect(tmp_path / "a.db")) as connection:
        connection.execute("CREATE UNIQUE INDEX one ON records (a)")
    with pytest.raises(DataInvalid, match="table 'records': not written: UNIQUE constraint failed"):
        await run("store_data", [{"a": 5, "b": 1}, {"a": 1}], storage_path="a.db", mode="append")
    assert rows_of(tmp_path / "a.db") == [(1,)]


@pytest.mark.parametrize(
    ("rows", "parameters", "message"),
    [
        ([{"a": 1, "A": 2}], {}, "to SQLite the fields 'a' and 'A' are the same"),
        ([{"": 1}], {}, "'' cannot be the name of a table or column"),
        ([{"a": 1}], {"table": "x\0y"}, "cannot be the name"),
        ([{"a": 1}], {"table": "sqlite_x"}, "not written: object name reserved"),
        ([{"a": 1}], {"table": "a_view"}, "not written: "),
    ],
)
async def test_sqlite_refusals(run, tmp_path, rows, parameters, message):
    """What SQLite cannot hold is a clear failure."""
    with closing(sqlite3.connect(tmp_path / "a.db")) as connection:
        connection.execute("CREATE VIEW a_view AS SELECT 1")
    with pytest.raises(DataInvalid) as caught:
        await run("store_data", rows, storage_path="a.db", **parameters)
    assert message in str(caught.value)


async def test_no_database(run, tmp_path):
    """A file that is no database is left as it is."""
    (tmp_path / "a.db").write_text("notes " * 200)
    with pytest.raises(DataInvalid, match="file is not a database"):
        await run("store_data", ROWS, storage_path="a.db")
    assert (tmp_path / "a.db").read_text() == "notes " * 200


async def test_the_log_itself(run, tmp_path):
    """A log of flowsm is written into by no task, and replaced by none."""
    with closing(sqlite3.connect(tmp_path / "flowsm.db")) as connection:
        for table in ("events", "log_head", "streams"):
            connection.execute(f"CREATE TABLE {table} (x)")
    before = (tmp_path / "flowsm.db").read_bytes()
    with pytest.raises(DataInvalid, match="this is a log of flowsm"):
        await run("store_data", ROWS, storage_path="flowsm.db", table="events")
    with pytest.raises(DataInvalid, match="there is a SQLite database, which json would replace"):
        await run("store_data", ROWS, storage_path="flowsm.db", format="json")
    assert (tmp_path / "flowsm.db").read_bytes() == before


async def test_what_belongs_to_a_database(run, tmp_path):
    """The files that SQLite keeps beside a database are not replaced."""
    (tmp_path / "x.db").touch()
    for kind in ("wal", "shm", "journal"):
        with pytest.raises(DataInvalid, match=r"this belongs to the SQLite database 'x\.db'"):
            await run("store_data", ROWS, storage_path=f"x.db-{kind}", format="json")
    await run("store_data", ROWS, storage_path="y.db-wal", format="json")


async def test_transaction_that_sqlite_ended(run, tmp_path, monkeypatch):
    """When SQLite rolled back by itself the failure tells its reason."""

    def fail(connection, *args, **kwargs):
        connection.execute("ROLLBACK")
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(table, "_write", fail)
    with pytest.raises(DataInvalid, match="not written: database or disk is full"):
        await run("store_data", ROWS, storage_path="a.db")


@pytest.mark.parametrize("failing", ["fsync", "replace"])
async def test_a_failing_write_leaves_the_old_file(run, tmp_path, monkeypatch, failing):
    """When the disk fails the old file is there, whole, and nothing else."""
    (tmp_path / "a.json").write_text("old")

    def full(*args):
        raise OSError(28, "No space left on device")

    if failing == "fsync":
        monkeypatch.setattr(writers.os, "fsync", full)
    else:
        monkeypatch.setattr(writers.Path, "replace", full)
    with pytest.raises(
        DataInvalid, match=r"a\.json: not written: No space left on device; what was there is as it was"
    ):
        await run("store_data", ROWS, storage_path="a.json")
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    assert (tmp_path / "a.json").read_text() == "old"


async def test_mode_of_the_file(run, tmp_path):
    """A file that is replaced keeps its mode, and a new one has what the umask leaves."""
    before = os.umask(0o027)
    try:
        await run("store_data", ROWS, storage_path="a.json")
        assert stat.S_IMODE((tmp_path / "a.json").stat().st_mode) == 0o640
        (tmp_path / "a.json").chmod(0o604)
        await run("store_data", ROWS, storage_path="a.json")
        assert stat.S_IMODE((tmp_path / "a.json").stat().st_mode) == 0o604
    finally:
        os.umask(before)


async def test_on_systems_without_folder_sync(run, tmp_path, monkeypatch):
    """Where folders cannot be synced, files are written all the same."""
    monkeypatch.setattr(writers, "_SYNCS_FOLDERS", False)
    await run("store_data", ROWS, storage_path="a.json")
    assert json.loads((tmp_path / "a.json").read_text()) == ROWS


async def test_links(run, tmp_path):
    """A link inside is written through, a link out of the allowed folders is refused."""
    folder = tmp_path / "inside"
    folder.mkdir()
    (tmp_path / "link.json").symlink_to(folder / "real.json")
    await run("store_data", ROWS, storage_path="link.json")
    assert (tmp_path / "link.json").is_symlink()
    assert json.loads((folder / "real.json").read_text()) == ROWS
    (tmp_path / "out.json").symlink_to(tmp_path.parent / "outside.json")
    for path in ("out.json", "../outside.json"):
        with pytest.raises(NotAllowed, match="--allow-dir"):
            await run("store_data", ROWS, storage_path=path)
    assert not (tmp_path.parent / "outside.json").exists()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"storage_path": "./a.txt"}, "./a.txt: the suffix is none of .csv,"),
        ({"storage_path": "a.csv", "mode": "append"}, "/mode: append is for SQLite tables, not for csv"),
    ],
)
async def test_refusals(run, parameters, message):
    """What cannot be stored is a clear failure."""
    with pytest.raises(DataInvalid) as caught:
        await run("store_data", ROWS, **parameters)
    assert message in str(caught.value)


async def test_records_by_parameter(run, tmp_path):
    """Records may be given as a parameter."""
    await run("store_data", records=[{"z": 1}], storage_path="a.json")
    assert json.loads((tmp_path / "a.json").read_text()) == [{"z": 1}]


async def test_three_built_in_tasks(run, make_context, tmp_path):
    """Fetch, process and store work on each other's results."""
    results = {}
    for task_type, parameters in (
        ("fetch_data", {"data_source": "external_api"}),
        ("process_data", {"aggregate": {"by": ["country"], "values": {"n": {"op": "count"}}}}),
        ("store_data", {"storage_path": "out.json"}),
    ):
        context = make_context(previous_results=dict(results))
        results[task_type] = await run(task_type, context=context, **parameters)
    assert msgspec.json.decode((tmp_path / "out.json").read_bytes()) == [
        {"country": "GB", "n": 2},
        {"country": "FR", "n": 1},
        {"country": "DE", "n": 2},
        {"country": "US", "n": 2},
        {"country": "AT", "n": 1},
    ]


def test_every_field_of_the_parameters_is_documented():
    """The class says what each of its parameters is for."""
    for name in store.StoreParameters.__struct_fields__:
        assert name in store.StoreData.__doc__


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("report.xlsx", "the suffix is none of"),
        ("~/report.json", "'~' stands for no folder here"),
        ("file:///report.json", "found a URL"),
        ("x" * 300 + ".json", "File name too long"),
    ],
)
async def test_places_that_would_surprise(run, tmp_path, path, said):
    """What is meant as a file is written there or refused: no folder named ~ or file:, no records silently kept."""
    with pytest.raises(DataInvalid, match=said):
        await run("store_data", ROWS, storage_path=path)
    assert list(tmp_path.iterdir()) == []
