"""A database is copied while it is in use: complete or not at all."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from flowsm.errors import FileExists, LogNotFound, LogUnavailable, UsageError
from flowsm.storage.backup import copy_database
from flowsm.storage.open import open_writer


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "one.db")


@pytest.fixture
def writer(path):
    with closing(open_writer(path, "normal")) as connection:
        connection.execute("CREATE TABLE t (x)")
        connection.execute("INSERT INTO t VALUES (1)")
        yield connection


def rows(path):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT x FROM t").fetchall()


def test_it_is_a_database_of_one_moment(path, writer, tmp_path):
    """What was committed is in the copy, what is under way is not, and nothing else is left in the folder."""
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("INSERT INTO t VALUES (2)")
    target = tmp_path / "copy.db"
    assert copy_database(path, target) == target.stat().st_size
    writer.execute("COMMIT")
    assert rows(target) == [(1,)]
    assert sorted(tmp_path.glob("*copy*")) == [target]


def test_nothing_is_overwritten_unless_said(path, writer, tmp_path):
    """A file that is there stays as it is, but for `replace`; a folder is never replaced."""
    target = tmp_path / "copy.db"
    target.write_text("mine")
    with pytest.raises(FileExists, match="--force"):
        copy_database(path, target)
    assert target.read_text() == "mine"
    copy_database(path, target, replace=True)
    assert rows(target) == [(1,)]
    (tmp_path / "folder").mkdir()
    with pytest.raises(FileExists):
        copy_database(path, tmp_path / "folder", replace=True)


def test_neither_itself_nor_what_is_in_use(path, writer, tmp_path):
    """A copy over the log itself, or beside somebody's WAL, which would be played into it, is refused."""
    with pytest.raises(UsageError, match="the log itself"):
        copy_database(path, path, replace=True)
    (tmp_path / "copy.db-wal").write_text("frames")
    with pytest.raises(UsageError, match="in use"):
        copy_database(path, tmp_path / "copy.db")


def test_what_cannot_be(path, writer, tmp_path):
    """No such log, and no such folder, are told; nothing is left behind."""
    with pytest.raises(LogNotFound):
        copy_database(str(tmp_path / "no.db"), tmp_path / "copy.db")
    with pytest.raises(LogUnavailable, match="its folder exists"):
        copy_database(path, tmp_path / "no" / "copy.db")
    assert not list(tmp_path.glob("*copy*"))


def test_a_damaged_file_gives_no_copy(path, writer, tmp_path):
    """What does not pass the check never gets the name of a backup."""
    writer.executemany("INSERT INTO t VALUES (?)", [(f"{number}" * 500,) for number in range(100)])
    writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    with Path(path).open("r+b") as file:
        file.seek(2 * 4096)
        file.write(b"\xff" * 4096)
    with pytest.raises(LogUnavailable, match="damaged"):
        copy_database(path, tmp_path / "copy.db")
    assert not list(tmp_path.glob("*copy*"))
