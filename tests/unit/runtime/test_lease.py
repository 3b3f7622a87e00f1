from __future__ import annotations

import os
import subprocess
import sys

import msgspec
import pytest

from flowsm.errors import LeaseHeld, LogUnavailable
from flowsm.log.memory import MemoryEventLog
from flowsm.runtime import lease as module
from flowsm.runtime.lease import Lease, is_gone
from flowsm.testing.clock import ManualClock
from flowsm.testing.log_contract import created, to_append, worker_row


@pytest.fixture
def store(clock: ManualClock) -> MemoryEventLog:
    return MemoryEventLog(clock)


@pytest.fixture
def lease(store: MemoryEventLog, clock: ManualClock) -> Lease:
    return Lease(store, clock, "w-1", 9)


def ended_pid() -> int:
    """The number of a process that is no more."""
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        return child.pid


async def claim(store: MemoryEventLog, worker: str) -> int:
    return (await store.append(to_append("x", 1, claim=True, worker=worker))).epoch


async def test_a_lease_is_held_from_the_first_claim_on(store, lease, clock) -> None:
    """Holding writes a heartbeat, and again only when a third of the lease is over; it runs out without."""
    await store.append(to_append("x", 0, created(), claim=True, worker="w-1"))
    await lease.hold()
    first = (await store.workers())[0]
    assert (first.worker, first.lease_ms, first.pid) == ("w-1", 9_000, os.getpid())
    clock.advance(2.9)
    await lease.hold()
    assert (await store.workers())[0] == first
    clock.advance(0.1)
    await lease.renew()
    assert (await store.workers())[0].seen_ms == first.seen_ms + 3_000
    clock.advance(8.9)
    with pytest.raises(LeaseHeld):
        await claim(store, "w-2")
    clock.advance(0.1)
    assert await claim(store, "w-2") == 2


@pytest.mark.parametrize("seconds", [86_400, -86_400])
async def test_a_wall_clock_that_jumps_expires_no_lease(store, lease, clock, seconds) -> None:
    """Set a day back or ahead, the wall clock neither ends a lease nor makes it longer."""
    await store.append(to_append("x", 0, created(), claim=True, worker="w-1"))
    await lease.hold()
    clock.jump(seconds)
    with pytest.raises(LeaseHeld):
        await claim(store, "w-2")
    clock.advance(9)
    assert await claim(store, "w-2") == 2


async def test_another_start_of_the_machine_ends_every_lease(store, lease, clock) -> None:
    """After a restart of the machine nobody of before is alive; holding again is a new heartbeat."""
    await store.append(to_append("x", 0, created(), claim=True, worker="w-1"))
    await lease.hold()
    clock.reboot()
    assert await claim(store, "w-2") == 2
    await lease.hold()
    assert (await store.workers())[0].boot_id == "boot-2"


async def test_a_lease_is_given_back_once(store, lease) -> None:
    """What was held is given back, others may claim at once; what never was needs nothing."""
    await lease.give_back()
    assert await store.workers() == []
    await store.append(to_append("x", 0, created(), claim=True, worker="w-1"))
    await lease.hold()
    await lease.give_back()
    assert await claim(store, "w-2") == 2


async def test_what_hinders_a_heartbeat_is_logged(store, lease, clock, caplog) -> None:
    """A renewal or a return that cannot be written is a line in the log; what must be held is an error."""
    await lease.hold()
    clock.advance(5)
    await store.close()
    for _ in range(3):
        await lease.renew()
    assert caplog.text.count("the lease of w-1 could not be renewed") == 1, "the same trouble is told once"
    with pytest.raises(LogUnavailable):
        await lease.hold()
    await lease.give_back()
    assert "could not be given back, it runs out" in caplog.text


async def test_who_is_certainly_gone_is_dead_at_once(store, lease, clock) -> None:
    """A heartbeat ends the leases of processes of this machine that are no more: nobody waits for them to run out."""
    await lease.hold()
    mine = (await store.workers())[0]
    for name, pid in (("gone", ended_pid()), ("here", os.getpid())):
        await store.beat(msgspec.structs.replace(mine, worker=name, pid=pid))
    clock.advance(3)
    await lease.hold()
    assert [row.worker for row in await store.workers() if row.stopped] == ["gone"]


def test_only_what_can_be_seen_is_gone(monkeypatch) -> None:
    """A process elsewhere, or one that is not ours to ask, is not taken for gone."""
    mine = worker_row("mine", pid_space="pid:[1]")
    gone = msgspec.structs.replace(mine, pid=ended_pid())
    assert is_gone(gone, mine)
    assert not is_gone(msgspec.structs.replace(gone, host="elsewhere"), mine)
    assert not is_gone(msgspec.structs.replace(gone, pid_space="pid:[2]"), mine)
    assert not is_gone(worker_row("a", pid=gone.pid), worker_row("b"))

    def refuse(pid: int, number: int) -> None:
        raise PermissionError

    monkeypatch.setattr(module.os, "kill", refuse)
    assert not is_gone(gone, mine)
    monkeypatch.setattr(module, "_PIDS", module.Path("missing"))
    assert module._pid_space() == ""
