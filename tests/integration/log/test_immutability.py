"""From a foreign connection history cannot be changed."""

from __future__ import annotations

import sqlite3

import pytest

from flowsm.log.sqlite import SqliteEventLog
from flowsm.testing.log_contract import AT, created, started, to_append

REPLACE = "INSERT OR REPLACE INTO events (position, stream, seq, type, version, at, data, digest) VALUES "
INSERT = "INSERT INTO events (position, stream, seq, type, version, at, data, digest) VALUES "


@pytest.fixture
def path(tmp_path):
    log = SqliteEventLog(tmp_path / "flow.db")
    log.append_sync(to_append("a", 0, created(), started(), definition=("d1", b'{"id":"f","name":"Flow"}')))
    log.release()
    return tmp_path / "flow.db"


@pytest.fixture
def foreign(path):
    connection = sqlite3.connect(path)
    yield connection
    connection.close()


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE events SET data = '{}' WHERE seq = 1",
        "UPDATE events SET position = position + 10",
        "UPDATE OR REPLACE events SET seq = 1 WHERE seq = 2",
        "DELETE FROM events",
        "DELETE FROM events WHERE position = 2",
        REPLACE + f"(1, 'a', 1, 'x', 1, '{AT}', '{{}}', '')",
        REPLACE + f"(1, 'other', 1, 'x', 1, '{AT}', '{{}}', '')",
        REPLACE + f"(77, 'a', 2, 'x', 1, '{AT}', '{{}}', '')",
        INSERT + f"(77, 'a', 2, 'x', 1, '{AT}', '{{}}', '')",
        INSERT + f"(NULL, 'a', 2, 'x', 1, '{AT}', '{{}}', '')",
        INSERT + f"(1, 'a', 3, 'x', 1, '{AT}', '{{}}', '')",
        "INSERT OR IGNORE INTO events SELECT 9, stream, seq, type, version, at, '{}', digest FROM events",
        INSERT + f"(9, 'a', 1, 'x', 1, '{AT}', '{{}}', '') ON CONFLICT DO UPDATE SET data = '{{}}'",
    ],
)
def test_history_cannot_be_rewritten(foreign, sql):
    """UPDATE, DELETE, INSERT OR REPLACE and a second insert of a seq are refused, with a sentence that says so."""
    before = foreign.execute("SELECT * FROM events").fetchall()
    with pytest.raises(sqlite3.IntegrityError, match="the log is immutable"):
        foreign.execute(sql)
    assert foreign.execute("SELECT * FROM events").fetchall() == before


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO definitions VALUES ('d1', '', '', '', '')",
        "DELETE FROM definitions",
        "INSERT OR REPLACE INTO definitions VALUES ('d1', '', '', '', '')",
        "UPDATE definitions SET document = ''",
    ],
)
def test_a_stored_flow_cannot_be_changed(foreign, sql):
    """A flow that executions are pinned to is as immutable as their events."""
    with pytest.raises(sqlite3.IntegrityError, match="a stored flow"):
        foreign.execute(sql)
    assert foreign.execute("SELECT flow_id, name FROM definitions").fetchall() == [("f", "Flow")]


def test_a_purge_deletes_only_what_it_was_granted(foreign, path):
    """With a grant in the same transaction a stream's events can be deleted, and no other's."""
    log = SqliteEventLog(path)
    log.append_sync(to_append("b", 0, created()))
    log.release()
    with foreign:
        foreign.execute("INSERT INTO purging VALUES ('a')")
        foreign.execute("DELETE FROM events WHERE stream = 'a'")
        with pytest.raises(sqlite3.IntegrityError):
            foreign.execute("DELETE FROM events WHERE stream = 'b'")
        foreign.execute("DELETE FROM purging")
    assert foreign.execute("SELECT stream FROM events").fetchall() == [("b",)]


def test_a_purged_position_is_not_given_out_again(foreign, path):
    """Positions come from the head of the log: the highest one, once purged, stays unused."""
    with foreign:
        foreign.execute("INSERT INTO purging VALUES ('a')")
        foreign.execute("DELETE FROM events WHERE stream = 'a'")
        foreign.execute("DELETE FROM purging")
    log = SqliteEventLog(path)
    assert log.append_sync(to_append("b", 0, created())).position == 3
    log.release()


def test_the_log_is_readable_with_plain_sql(foreign):
    """Events are JSON text that any SQLite tool can look into."""
    rows = foreign.execute(
        "SELECT seq, type, json_extract(data, '$.flow_name') FROM events ORDER BY position"
    ).fetchall()
    assert rows == [(1, "execution.created", "Flow"), (2, "execution.started", None)]
