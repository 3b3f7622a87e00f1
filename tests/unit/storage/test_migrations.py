"""Migrations are applied once, in order, all or none."""

from __future__ import annotations

import contextlib
import sqlite3

import pytest

from flowsm.errors import LogTooNew, LogUnavailable
from flowsm.storage.migrations import Migration, is_current, migrate, split_script
from flowsm.storage.open import APPLICATION_ID

ONE = Migration("one", "-- a comment\nCREATE TABLE a_{g} (x TEXT);\n\nINSERT INTO a_{g} VALUES (';');")
TWO = Migration("two", "CREATE TABLE b (x TEXT)")


@pytest.fixture
def connection():
    connection = sqlite3.connect(":memory:", isolation_level=None)
    yield connection
    connection.close()


def apply(connection, *migrations):
    migrate(connection, "flow.db", migrations, now="2026", created_by="flowsm 1")


def meta(connection):
    return dict(connection.execute("SELECT key, value FROM meta"))


def test_a_new_file(connection):
    """A new file gets all steps, and remembers them, its format and who made it."""
    assert not is_current(connection, [ONE])
    apply(connection, ONE, TWO)
    assert is_current(connection, [ONE, TWO])
    assert meta(connection) == {
        "migration/one": "2026",
        "migration/two": "2026",
        "format": "2",
        "writer_format": "2",
        "created_by": "flowsm 1",
        "projection_generation": "1",
    }
    assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
    assert connection.execute("SELECT x FROM a_1").fetchall() == [(";",)]


def test_only_what_is_missing(connection):
    """A step is applied once; a later one is added, to the tables of the present generation."""
    apply(connection, ONE)
    connection.execute("UPDATE meta SET value = '5' WHERE key = 'projection_generation'")
    migrate(
        connection, "", [ONE, Migration("two", "CREATE TABLE c_{g} (x)", compatible=True)], now="2027", created_by="x"
    )
    kept = meta(connection)
    assert (kept["created_by"], kept["migration/one"], kept["migration/two"]) == ("flowsm 1", "2026", "2027")
    assert (kept["format"], kept["writer_format"]) == ("2", "1")
    assert connection.execute("SELECT * FROM c_5").fetchall() == []


def test_a_step_that_fails_leaves_nothing(connection):
    """If one step fails none is applied, and the reason is told."""
    with pytest.raises(LogUnavailable, match="syntax error"):
        apply(connection, ONE, Migration("bad", "CREATE NONSENSE"))
    assert connection.execute("SELECT count(*) FROM sqlite_schema").fetchone() == (0,)


def test_too_new(connection):
    """A file with more steps than this process knows is refused, and not touched."""
    apply(connection, ONE, TWO)
    with pytest.raises(LogTooNew):
        apply(connection, ONE)
    with pytest.raises(LogTooNew):
        apply(connection, Migration("other", "CREATE TABLE other (x)"))
    assert connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'other'").fetchone() is None


@pytest.fixture
def file(tmp_path):
    connection = sqlite3.connect(tmp_path / "flow.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL").fetchone()
    yield connection
    connection.close()


def copies(tmp_path):
    return sorted(path.name for path in tmp_path.iterdir() if "before" in path.name)


def test_a_copy_is_kept_before_a_step(file, tmp_path, caplog):
    """A file that had tables is copied before it changes, and that is said; a new one has nothing to lose."""
    apply(file, ONE)
    assert copies(tmp_path) == []
    apply(file, ONE, TWO)
    assert copies(tmp_path) == ["flow.db.before-2.bak"]
    assert "flow.db.before-2.bak" in caplog.text
    apply(file, ONE, TWO)
    assert copies(tmp_path) == ["flow.db.before-2.bak"]
    with contextlib.closing(sqlite3.connect(tmp_path / "flow.db.before-2.bak")) as copy:
        assert (meta(copy)["format"], is_current(copy, [ONE]), is_current(copy, [ONE, TWO])) == ("1", True, False)


def test_an_earlier_copy_is_not_overwritten(file, tmp_path):
    """A second copy before the same format gets a number."""
    apply(file, ONE)
    (tmp_path / "flow.db.before-2.bak").write_text("earlier")
    apply(file, ONE, TWO)
    assert copies(tmp_path) == ["flow.db.before-2.1.bak", "flow.db.before-2.bak"]
    assert (tmp_path / "flow.db.before-2.bak").read_text() == "earlier"


def test_a_step_that_fails_leaves_no_copy(file, tmp_path):
    """Where nothing was changed, nothing need be kept."""
    apply(file, ONE)
    with pytest.raises(LogUnavailable, match="syntax error"):
        apply(file, ONE, Migration("bad", "CREATE NONSENSE"))
    assert copies(tmp_path) == []
    assert meta(file)["format"] == "1"


def test_what_is_too_new_is_not_copied(file, tmp_path):
    """A file that is refused is not changed, so no copy of it is made."""
    apply(file, ONE, TWO)
    with pytest.raises(LogTooNew):
        apply(file, Migration("other", "CREATE TABLE other (x)"))
    assert copies(tmp_path) == []


def test_split_script():
    """A script is cut where statements end, not at every semicolon."""
    trigger = "CREATE TRIGGER t BEFORE DELETE ON a_1\nBEGIN\n  SELECT 1;\n  SELECT 2;\nEND;\n"
    assert split_script(f"-- legend;\n\n{trigger}\nSELECT ';' -- why;\n, 2;\nSELECT 3") == [
        trigger,
        "SELECT ';' -- why;\n, 2;\n",
        "SELECT 3",
    ]
