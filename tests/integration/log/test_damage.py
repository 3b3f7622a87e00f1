"""Damage to the stored events is found when they are read, and says where."""

from __future__ import annotations

import sqlite3

import msgspec
import pytest

from flowsm.errors import LogBroken
from flowsm.events.facts import TaskCompleted, Unknown
from flowsm.log.sqlite import SqliteEventLog
from flowsm.testing.log_contract import started, to_append


@pytest.fixture
async def log(tmp_path):
    log = SqliteEventLog(tmp_path / "flow.db", durability="normal")
    fact = TaskCompleted(task="t", visit=1, attempt=1, status="success", outcome="success", data="x" * 100_000)
    await log.append(to_append("a", 0, *[started(str(n)) for n in range(1, 5)], fact))
    yield log
    await log.close()


def damage(log, *statements):
    """Do what a forger with the file in hand can do."""
    foreign = sqlite3.connect(log.path)
    with foreign:
        for name in ("updated", "deleted", "replaced"):
            foreign.execute(f"DROP TRIGGER IF EXISTS events_are_not_{name}")
        for statement in statements:
            foreign.execute(statement)
    foreign.close()


@pytest.mark.parametrize(
    ("sql", "seq", "reason"),
    [
        ('UPDATE events SET data = \'{"worker":"evil"}\' WHERE seq = 3', 3, "does not fit"),
        ("UPDATE events SET at = '1999' WHERE seq = 2", 2, "does not fit"),
        ("UPDATE events SET type = 'task.started' WHERE seq = 2", 2, "does not fit"),
        ("UPDATE events SET version = 2 WHERE seq = 2", 2, "does not fit"),
        ("UPDATE events SET digest = 'x' WHERE seq = 4", 4, "does not fit"),
        ("UPDATE events SET data = CAST(x'ff' AS TEXT) WHERE seq = 1", 1, "does not fit"),
        ("DELETE FROM events WHERE seq = 3", 3, "missing"),
        ("DELETE FROM events WHERE seq = 1", 1, "missing"),
        ("DELETE FROM events WHERE seq = 5", 5, "missing"),
        ("DELETE FROM events", 1, "missing"),
        ("UPDATE streams SET digest = 'x'", 5, "head"),
    ],
)
async def test_damage_is_found(log, sql, seq, reason):
    """A changed or missing event breaks its stream at its seq."""
    damage(log, sql)
    with pytest.raises(LogBroken, match=reason) as caught:
        await log.read("a")
    assert (caught.value.stream, caught.value.seq) == ("a", seq)


async def test_damage_before_the_part_that_is_read(log):
    """A part is verified from the event before it; that one must be there."""
    damage(log, "DELETE FROM events WHERE seq = 2")
    assert [event.seq for event in await log.read("a", after=3)] == [4, 5]
    with pytest.raises(LogBroken, match="missing"):
        await log.read("a", after=2)


@pytest.mark.parametrize(
    ("sql", "seq"), [("UPDATE events SET at = '1999' WHERE seq = 2", 2), ("DELETE FROM events WHERE seq = 2", 2)]
)
async def test_damage_is_found_in_the_whole_log(log, sql, seq):
    """Reading the whole log verifies each event against its predecessor."""
    damage(log, sql)
    with pytest.raises(LogBroken) as caught:
        [pair async for pair in log.read_all()]
    assert caught.value.seq == seq


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("DELETE FROM payloads", "missing"),
        ("UPDATE payloads SET data = x'00'", "damaged"),
        ("UPDATE payloads SET data = x'789c4b040000620062'", "not what was recorded"),
    ],
)
async def test_a_damaged_payload_is_found(log, sql, reason):
    """A large value is checked against its digest; who does not ask for it is not troubled."""
    damage(log, sql)
    assert len(await log.read("a")) == 5
    with pytest.raises(LogBroken, match=reason):
        await log.read("a", inflated=True)


async def test_an_event_that_cannot_be_decoded(log):
    """An event whose chain holds, but whose data no decoder takes, names its type and version."""
    await log.append(to_append("b", 0, Unknown(type="execution.started", version=1, data=msgspec.Raw(b'{"worker":1}'))))
    with pytest.raises(LogBroken, match=r"execution\.started version 1"):
        await log.read("b")
