"""The contract of a log that several processes share: subclass `WorkerStoreContract`, as `EventLogContract`."""

from __future__ import annotations

from typing import Any, Protocol

import pytest

from flowsm.errors import Fenced, LeaseHeld
from flowsm.log.port import EventLog, WorkerStore
from flowsm.testing.log_contract import AT, created, started, to_append, worker_row

__all__ = ["WorkerStoreContract"]


class SharedLog(EventLog, WorkerStore, Protocol):
    """What `WorkerStoreContract` tests."""


class WorkerStoreContract:
    """What every implementation of `EventLog` and `WorkerStore` keeps to: who may claim, and what from whom."""

    @pytest.fixture
    async def log(self) -> SharedLog:
        """The log under test, empty, on the machine's clock; to be overridden like that of `EventLogContract`."""
        raise NotImplementedError("give a fixture `log` that yields an empty event log, and closes it")

    async def test_what_belongs_to_a_living_worker_cannot_be_claimed(self, log: SharedLog) -> None:
        """A claim of another living worker's stream is refused, and says whose it is; the stream is left alone."""
        await log.beat(worker_row("w-1"))
        await log.append(to_append("a", 0, created(), claim=True, worker="w-1"))
        for facts in ((), (started("w-2"),)):
            with pytest.raises(LeaseHeld) as caught:
                await log.append(to_append("a", 1, *facts, claim=True, worker="w-2"))
            assert (caught.value.stream, caught.value.worker, caught.value.pid) == ("a", "w-1", 7)
        head = await log.head("a")
        assert head is not None
        assert (head.seq, head.epoch, head.worker) == (1, 1, "w-1")

    async def test_ones_own_can_be_claimed_again(self, log: SharedLog) -> None:
        """A living worker may claim what is its own already, and what is nobody's."""
        await log.beat(worker_row("w-1"))
        await log.append(to_append("a", 0, created()))
        for epoch in (1, 2):
            assert (await log.append(to_append("a", 1, claim=True, worker="w-1"))).epoch == epoch

    @pytest.mark.parametrize(
        "fields",
        [{"lease_ms": 0}, {"seen_ms": 2**60}, {"boot_id": "another start of the machine"}, {"seen_ms": -(2**40)}],
    )
    async def test_what_belongs_to_a_dead_worker_can_be_claimed(self, log: SharedLog, fields: dict[str, Any]) -> None:
        """A worker whose lease is over, or that was seen in another start of the machine, holds nothing."""
        await log.beat(worker_row("w-1"))
        await log.append(to_append("a", 0, created(), claim=True, worker="w-1"))
        await log.beat(worker_row("w-1", **fields))
        assert (await log.append(to_append("a", 1, started("w-2"), claim=True, worker="w-2"))).epoch == 2

    async def test_a_lease_that_was_given_back_holds_nothing(self, log: SharedLog) -> None:
        """A worker that stopped cleanly is dead at once; its next heartbeat makes it live again."""
        await log.beat(worker_row("w-1"))
        await log.append(to_append("a", 0, created(), claim=True, worker="w-1"))
        await log.stop_worker("w-1")
        await log.stop_worker("nobody")
        assert [row.stopped for row in await log.workers()] == [True]
        assert (await log.append(to_append("a", 1, claim=True, worker="w-2"))).epoch == 2
        await log.append(to_append("b", 0, created(), claim=True, worker="w-1"))
        await log.beat(worker_row("w-1"))
        with pytest.raises(LeaseHeld):
            await log.append(to_append("b", 1, claim=True, worker="w-2"))

    async def test_what_is_released_belongs_to_nobody(self, log: SharedLog) -> None:
        """A release gives the stream up in the same commit, keeps its epoch, and goes with facts, a claim, or alone."""
        await log.beat(worker_row("w-1"))
        await log.append(to_append("a", 0, created(), claim=True, worker="w-1"))
        released = await log.append(to_append("a", 1, started(), epoch=1, release=True))
        head = await log.head("a")
        assert head is not None
        assert (released.epoch, head.epoch, head.worker) == (1, 1, "")
        assert (await log.append(to_append("a", 2, claim=True, worker="w-2"))).epoch == 2
        await log.append(to_append("b", 0, created(), claim=True, release=True, worker="w-1"))
        head = await log.head("b")
        assert head is not None
        assert (head.epoch, head.worker) == (1, "")

    async def test_a_replaced_owner_releases_nothing(self, log: SharedLog) -> None:
        """The release of one whose epoch is over is fenced like everything else of it."""
        await log.append(to_append("a", 0, created(), claim=True, worker="w-1"))
        await log.append(to_append("a", 1, claim=True, worker="w-2"))
        with pytest.raises(Fenced):
            await log.append(to_append("a", 1, started(), epoch=1, release=True))
        head = await log.head("a")
        assert head is not None
        assert head.worker == "w-2"

    async def test_heartbeats_renew_one_row(self, log: SharedLog) -> None:
        """A worker has one row: the first heartbeat makes it, each later one moves it on and keeps when it began."""
        await log.beat(worker_row("w-2", seen_ms=1))
        await log.beat(worker_row("w-1"))
        await log.beat(worker_row("w-2", seen_ms=2, started_at="2027"))
        rows = await log.workers()
        assert [(row.worker, row.started_at) for row in rows] == [("w-1", AT), ("w-2", AT)]
        assert rows[1].seen_ms == 2

    async def test_the_dead_are_swept(self, log: SharedLog) -> None:
        """Dead rows that are old enough go; the living stay however old, the dead as long as they are young."""
        await log.beat(worker_row("living"))
        await log.beat(worker_row("old", lease_ms=0))
        await log.beat(worker_row("young", lease_ms=0, seen_at="2026-02-01T00:00:00.000000Z"))
        await log.beat(worker_row("stopped"))
        await log.stop_worker("stopped")
        await log.sweep_workers("2026-01-31T20:00:00.000000Z")
        assert [row.worker for row in await log.workers()] == ["living", "young"]

    async def test_the_version_stands_still_between_commits(self, log: SharedLog) -> None:
        """Asked twice with nothing in between, it is the same."""
        await log.append(to_append("a", 0, created()))
        assert log.version() == log.version()
