"""Every implementation of the event log keeps to one contract."""

from __future__ import annotations

import pytest

from flowsm.log.memory import MemoryEventLog
from flowsm.log.sqlite import SqliteEventLog
from flowsm.storage import writer
from flowsm.testing.log_contract import EventLogContract
from flowsm.testing.worker_contract import WorkerStoreContract


class TestMemory(EventLogContract, WorkerStoreContract):
    @pytest.fixture
    async def log(self):
        log = MemoryEventLog()
        yield log
        await log.close()


class TestSqliteFull(EventLogContract, WorkerStoreContract):
    @pytest.fixture
    async def log(self, tmp_path):
        log = SqliteEventLog(tmp_path / "flow.db")
        yield log
        await log.close()


class TestSqliteNormal(EventLogContract, WorkerStoreContract):
    @pytest.fixture
    async def log(self, tmp_path):
        log = SqliteEventLog(tmp_path / "flow.db", durability="normal")
        yield log
        await log.close()


class TestSqlitePrivate(EventLogContract, WorkerStoreContract):
    @pytest.fixture
    async def log(self):
        log = SqliteEventLog(":memory:", durability="normal")
        yield log
        await log.close()


class TestSqliteOnItsThread(EventLogContract, WorkerStoreContract):
    """Where commits are slow every transaction runs on the connection's thread."""

    @pytest.fixture
    async def log(self, tmp_path, monkeypatch):
        monkeypatch.setattr(writer, "INLINE_MAX_REQUESTS", 0)
        log = SqliteEventLog(tmp_path / "flow.db", durability="normal")
        yield log
        await log.close()
