"""Places under limits, as appends ask for them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from flowsm.errors import AppendUnknown, Conflict, LimitReached
from flowsm.log.limiting import LimitingEventLog
from flowsm.log.port import Append
from flowsm.log.port_limits import LimitedAppend, Place
from flowsm.storage.errors import CommitFailed
from flowsm.storage.writer import Writer
from flowsm.testing.clock import ManualClock
from flowsm.testing.log_contract import created, started, to_append, worker_row


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def log(tmp_path: Path, clock: ManualClock) -> AsyncIterator[LimitingEventLog]:
    log = LimitingEventLog(tmp_path / "flow.db", clock=clock)
    await alive(log, clock, "w")
    yield log
    await log.close()


async def alive(log: LimitingEventLog, clock: ManualClock, worker: str, *, recovers: bool = False) -> None:
    row = worker_row(worker, boot_id=clock.boot_id(), seen_ms=clock.boot_ms(), lease_ms=1_000_000)
    await log.beat(msgspec.structs.replace(row, recovers=recovers))


def asks(
    stream: str, seq: int = 0, *, most: int = 1, worker: str = "w", kind: Any = "task", flow: str = "f"
) -> LimitedAppend:
    """A claim of a stream that takes a place."""
    first = created() if seq == 0 else started()
    batch = to_append(stream, seq, first, claim=True, worker=worker)
    return limited(batch, Place(kind=kind, name="x", most=most, seq=max(1, seq)), flow=flow)


def limited(batch: Append, *places: Place, flow: str = "f") -> LimitedAppend:
    fields = {name: getattr(batch, name) for name in Append.__struct_fields__}
    return LimitedAppend(**fields, places=places, flow=flow)


async def left_behind(log: LimitingEventLog, clock: ManualClock, *streams: str) -> None:
    """Those are held back, and then their worker, and the owner of the only place, ends."""
    await alive(log, clock, "v")
    await log.append(asks("first", worker="v"))
    for stream in streams:
        with pytest.raises(LimitReached):
            await log.append(asks(stream, worker="v", flow=stream[0]))
    await log.stop_worker("v")


async def test_a_place_is_kept_for_nobody_who_is_dead(log: LimitingEventLog, clock: ManualClock) -> None:
    """Where nobody recovers, those whom a dead worker left in the queue are passed by, and stay in it."""
    await left_behind(log, clock, "b1", "b2", "b3")
    await log.append(asks("new"))
    assert await rows(log, "held") == ["b1", "b2", "b3"]
    assert await log.query("SELECT sum(offered_ms) FROM held") == [(0,)]


async def test_those_who_recover_are_waited_for_once(log: LimitingEventLog, clock: ManualClock) -> None:
    """Of a flow that nobody takes up for a moment all are passed by; those of another flow have a moment of their own."""
    await left_behind(log, clock, "b1", "b2", "b3", "c1")
    await alive(log, clock, "u", recovers=True)
    for _ in range(2):
        with pytest.raises(LimitReached, match="0 of 1"):
            await log.append(asks("new"))
        clock.advance(1.1)
    await log.append(asks("new"))
    assert await rows(log, "held") == ["b1", "b2", "b3", "c1"]


async def test_one_who_asks_again_has_his_turn(log: LimitingEventLog, clock: ManualClock) -> None:
    """Passed by for a while, he is taken up at last: he goes before those who came later, and so do his like."""
    await left_behind(log, clock, "b1", "b2")
    await alive(log, clock, "u", recovers=True)
    with pytest.raises(LimitReached):
        await log.append(asks("new"))
    clock.advance(1.1)
    await log.append(asks("b1", worker="u"))
    await log.stop_worker("u")
    await alive(log, clock, "t", recovers=True)
    with pytest.raises(LimitReached, match="0 of 1"):
        await log.append(asks("new"))
    await log.append(asks("b2", worker="t"))


async def rows(log: LimitingEventLog, table: str) -> list[str]:
    return [name for (name,) in await log.query(f"SELECT stream FROM {table} ORDER BY stream")]


async def test_a_full_limit_refuses_one_batch(log: LimitingEventLog) -> None:
    """Nothing of the refused batch is recorded, its execution is in the queue; its neighbours are recorded."""
    await log.append(asks("a"))
    with pytest.raises(LimitReached, match="execution 'b' is held by the limit of task type 'x': 1 of 1") as refused:
        await log.append(asks("b"))
    assert (refused.value.kind, refused.value.name, refused.value.seq) == ("task", "x", 1)
    assert await log.head("b") is None
    await log.append(to_append("c", 0, created()))
    assert await rows(log, "slots") == ["a"]
    assert await rows(log, "held") == ["b"]


async def test_a_place_is_given_back_by_an_append_without_it(log: LimitingEventLog) -> None:
    """After the append the stream has the places that it names, and none besides."""
    taken = await log.append(asks("a"))
    await log.append(limited(to_append("a", 1, started(), epoch=taken.epoch)))
    assert await rows(log, "slots") == []
    await log.append(asks("b"))


async def test_a_stale_batch_takes_no_place(log: LimitingEventLog) -> None:
    """Another refusal comes first, and leaves no trace in the queue."""
    await log.append(to_append("a", 0, created()))
    with pytest.raises(Conflict):
        await log.append(asks("a", 5))
    assert (await rows(log, "slots"), await rows(log, "held")) == ([], [])


async def test_a_place_counts_for_its_owner_only(log: LimitingEventLog, clock: ManualClock) -> None:
    """Taken over by somebody who limits nothing, its first owner's place is free; the row is cleared away."""
    await log.append(asks("a"))
    await log.stop_worker("w")
    await alive(log, clock, "v")
    await log.append(to_append("a", 1, started(), claim=True, worker="v"))
    await log.append(asks("b", worker="v"))
    assert await rows(log, "slots") == ["b"]


async def test_the_place_of_a_dead_owner_is_free(log: LimitingEventLog, clock: ManualClock) -> None:
    """A lease that was given back, or ran out, frees the places of its worker."""
    await log.append(asks("a"))
    await alive(log, clock, "v")
    with pytest.raises(LimitReached):
        await log.append(asks("b", worker="v"))
    await log.stop_worker("w")
    await log.append(asks("b", worker="v"))
    assert await rows(log, "held") == []


async def test_a_flows_place_is_kept_from_step_to_step(log: LimitingEventLog) -> None:
    """The owner of a flow's place is not asked for it again, although others wait."""
    taken = await log.append(asks("a", kind="flow"))
    with pytest.raises(LimitReached, match="held by the limit of flow 'x': 1 of 1"):
        await log.append(asks("b", kind="flow"))
    place = Place(kind="flow", name="x", most=1, seq=1)
    await log.append(limited(to_append("a", 1, started(), epoch=taken.epoch), place))
    assert await rows(log, "slots") == ["a"]


async def test_who_went_on_otherwise_is_no_longer_ahead(log: LimitingEventLog) -> None:
    """An execution whose log went on since it was held back lets others by at once; one about to be recorded does not."""
    taken = await log.append(asks("a"))
    await log.append(to_append("b", 0, created()))
    with pytest.raises(LimitReached):
        await log.append(asks("b", 1))
    with pytest.raises(LimitReached):
        await log.append(asks("new"))
    await log.append(limited(to_append("a", 1, started(), epoch=taken.epoch)))
    await log.append(to_append("b", 1, started()))
    with pytest.raises(LimitReached, match="0 of 1"):
        await log.append(asks("c"))
    assert await rows(log, "held") == ["c", "new"]


async def test_a_commit_that_fails_leaves_its_fate_open(log: LimitingEventLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """As for every append, the caller is told that it is not known."""

    def fail(*_: Any) -> Any:
        raise CommitFailed("the disk is gone")

    monkeypatch.setattr(Writer, "submit", fail)
    with pytest.raises(AppendUnknown, match="the disk is gone"):
        await log.append(asks("a"))
