"""Connections come with the pragmas that the guarantees rest on."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from flowsm.errors import LogUnavailable
from flowsm.storage import open as module
from flowsm.storage.open import open_reader, open_writer, private_folder, set_busy_timeout


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "flow.db"
    connection = open_writer(str(path), "full")
    connection.execute(f"PRAGMA application_id = {module.APPLICATION_ID}")
    connection.execute("CREATE TABLE t (x)")
    connection.close()
    return str(path)


def pragma(connection, name):
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


@pytest.mark.parametrize(("durability", "synchronous"), [("full", 2), ("normal", 1)])
def test_a_writer(path, durability, synchronous):
    """A writer is in WAL mode, syncs as its durability says, and waits for locks."""
    connection = open_writer(path, durability)
    assert pragma(connection, "journal_mode") == "wal"
    assert pragma(connection, "synchronous") == synchronous
    assert pragma(connection, "busy_timeout") == 10_000
    assert pragma(connection, "foreign_keys") == 0
    assert connection.isolation_level is None
    set_busy_timeout(connection, 7)
    assert pragma(connection, "busy_timeout") == 7
    connection.close()


def test_a_reader_cannot_write(path):
    """A reader's connection refuses to write."""
    connection = open_reader(path, lambda _: True, lambda: None)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        connection.execute("INSERT INTO t VALUES (1)")
    connection.close()


def test_a_reader_prepares_what_is_not_ready(tmp_path, path):
    """A missing file is made, and one that is not ready prepared; a ready one is left alone."""
    calls = []
    fresh = str(tmp_path / "new.db")
    open_reader(fresh, lambda _: True, lambda: calls.append(1) or open_writer(fresh, "full").close()).close()
    open_reader(path, lambda _: False, lambda: calls.append(2)).close()
    open_reader(path, lambda _: True, lambda: calls.append(3)).close()
    assert calls == [1, 2]


def test_a_reader_tells_why_not(path):
    """What goes wrong while the file is looked at is told in flowsm's words."""
    with pytest.raises(LogUnavailable, match="no such table"):
        open_reader(path, lambda raw: raw.execute("SELECT * FROM missing"), lambda: None)
    with pytest.raises(ZeroDivisionError):
        open_reader(path, lambda _: 1 // 0, lambda: None)


def test_a_frozen_file_is_read(path, monkeypatch):
    """In a folder that cannot be written a file without a WAL is read as it is; with one it cannot be."""
    real = module._connect_reader

    def no_shared_memory(uri, *factory):
        if "immutable" not in uri:
            raise sqlite3.OperationalError("unable to open database file")
        return real(uri, *factory)

    monkeypatch.setattr(module, "_connect_reader", no_shared_memory)
    with pytest.raises(LogUnavailable, match="unable to open"):
        open_reader(path, lambda _: True, lambda: None)
    monkeypatch.setattr(module.os, "access", lambda _path, _mode: False)
    open_reader(path, lambda _: True, lambda: None).close()
    Path(f"{path}-wal").write_bytes(b"x")
    with pytest.raises(LogUnavailable, match="unable to open"):
        open_reader(path, lambda _: True, lambda: None)
    Path(f"{path}-wal").unlink()
    Path(path).write_bytes(b"SQLite format 3\x00" + b"x" * 100)
    with pytest.raises(LogUnavailable):
        open_reader(path, lambda _: True, lambda: None)


class Busy:
    """A connection that is locked for the first attempts."""

    def __init__(self, attempts, code="SQLITE_BUSY"):
        self.left, self.code = attempts, code

    def execute(self, sql):
        self.left -= 1
        if self.left >= 0:
            error = sqlite3.OperationalError("database is locked")
            error.sqlite_errorname = self.code
            raise error
        return self

    def fetchone(self):
        return ("wal",)


def test_the_switch_to_wal_is_tried_again(monkeypatch):
    """A process that finds the file locked while it enters WAL mode tries again, for a time."""
    waited = []
    monkeypatch.setattr(module.time, "sleep", waited.append)
    module._enter_wal(Busy(3))
    assert len(waited) == 3
    with pytest.raises(sqlite3.OperationalError):
        module._enter_wal(Busy(1, "SQLITE_IOERR"))
    monkeypatch.setattr(module, "BUSY_TIMEOUT_MS", -1000)
    with pytest.raises(sqlite3.OperationalError):
        module._enter_wal(Busy(1))


def test_a_folder_where_a_file_should_be(tmp_path):
    """A path that is a folder cannot be opened, and the sentence says so."""
    with pytest.raises(LogUnavailable, match="cannot be opened"):
        open_writer(str(tmp_path), "full")


def test_a_database_that_is_damaged(tmp_path):
    """A file that begins like a database and is none is told apart from a missing one."""
    (tmp_path / "bad.db").write_bytes(b"SQLite format 3\x00" + b"\xff" * 4096)
    with pytest.raises(LogUnavailable):
        open_writer(str(tmp_path / "bad.db"), "full")


def test_a_private_folder():
    """Each private log has a folder of its own, which nobody else may look into."""
    one, two = private_folder(), private_folder()
    assert one != two
    for folder in (one, two):
        assert folder.stat().st_mode & 0o777 == 0o700
        folder.rmdir()
