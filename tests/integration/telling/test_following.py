"""Following: named subscriptions, in order, at least once, across restarts and managers."""

from __future__ import annotations

import asyncio
import gc
import logging
import sqlite3
from datetime import timedelta

import pytest
from children import until
from telling import FLOW, TASKS, everything, taken

from flowsm import FlowManager
from flowsm.errors import SubscriptionHeld, SubscriptionNotFound, UsageError
from flowsm.limits import FOLLOW_PAGE_EVENTS


async def test_it_is_told_in_order_from_the_beginning(opened) -> None:
    """From position 0 every event of the log is told, in its order, as `events` gives it."""
    manager = opened()
    await asyncio.gather(*(manager.run(FLOW, {"n": n}) for n in range(60)))
    told = await everything(manager)
    assert len(told) > 2 * FOLLOW_PAGE_EVENTS
    assert await taken(manager.follow("all", after=0), len(told)) == told


async def test_a_new_one_begins_now(opened) -> None:
    """By default only what is recorded after it began is told; as a context manager it begins at once."""
    manager = opened()
    await manager.run(FLOW, execution_id="before")
    async with manager.follow("a", types=["execution.completed"]) as following:
        await manager.run(FLOW, execution_id="after")
        (event,) = await taken(following, 1)
    assert (event.stream, event.type) == ("after", "execution.completed")


async def test_a_new_one_may_begin_anywhere(opened) -> None:
    """After a position comes the event of the next one; a position that was never given out is refused."""
    manager = opened()
    await manager.run(FLOW)
    (event,) = await taken(manager.follow("a", after=3), 1)
    assert event.position == 4
    with pytest.raises(UsageError, match="after is 99, expected a position that was given out: 0 to "):
        await taken(manager.follow("b", after=99), 1)


async def test_a_stored_place_wins(opened) -> None:
    """The next manager goes on after what was done, whatever `after` says; what was not done is told again."""
    manager = opened()
    await manager.run(FLOW)
    first = await taken(manager.follow("a", after=0), 2, done=False)
    await manager.close()
    manager = opened()
    second = await taken(manager.follow("a"), 2)
    assert second[0] == first[1]
    await manager.close()
    (third,) = await taken(opened().follow("a", after=0), 1)
    assert third.position == second[1].position + 1


async def test_what_others_commit_is_told(opened) -> None:
    """Events of another manager on the same file are told while the loop waits, and those of its own."""
    manager, other = opened(), opened()
    await manager.run(FLOW)
    loop = aiter(manager.follow("a", types=["execution.completed"], after=0))
    await anext(loop)
    for turn, runs in enumerate([other, manager, other, manager]):
        waiting = asyncio.ensure_future(anext(loop))
        await asyncio.sleep(0)
        await runs.run(FLOW, execution_id=f"x{turn}")
        assert (await waiting).stream == f"x{turn}"


async def test_one_name_has_one_consumer_in_a_manager(opened) -> None:
    """A second loop under the name is a conflict, as long as the first goes on; another name is not."""
    manager = opened()
    await manager.run(FLOW)
    async for _ in manager.follow("a", after=0):
        with pytest.raises(SubscriptionHeld, match=r"subscription 'a' is followed by w-.*the same manager"):
            await taken(manager.follow("a"), 1)
        assert len(await taken(manager.follow("b", after=0), 1)) == 1
        break
    assert len(await taken(manager.follow("a"), 2)) == 2


async def test_a_loop_that_was_left_is_no_hindrance(opened) -> None:
    """After `break`, an exception or a cancellation the next loop begins at once, with the event that was not done."""
    manager = opened()
    await manager.run(FLOW)
    following = manager.follow("a", after=0)

    async def fails() -> None:
        async for event in following:
            raise ValueError(event.position)

    async def waits() -> None:
        async for _ in following:
            await asyncio.get_running_loop().create_future()

    for _ in range(2):
        with pytest.raises(ValueError, match="1"):
            await fails()
    task = asyncio.ensure_future(waits())
    await asyncio.wait({task}, timeout=0.2)
    task.cancel()
    await asyncio.wait({task})
    del task
    gc.collect()
    assert [event.position for event in await taken(following, 2)] == [1, 2]
    assert [event.position for event in await taken(following, 1)] == [3]


async def test_another_manager_waits_for_its_turn(opened, caplog) -> None:
    """It is told nothing before the first one's loop ends, and then what that one has not done."""
    first, second = opened(), opened()
    await first.run(FLOW)
    following = first.follow("a", after=0)
    loop = aiter(following)
    assert (await anext(loop)).position == 1
    assert (await anext(loop)).position == 2
    waiting = asyncio.ensure_future(taken(second.follow("a"), 1))

    async def waits() -> bool:
        return "this one waits for its end" in caplog.text

    await until(waits)
    await second.run(FLOW)  # it is woken, and looks
    assert not waiting.done()
    await following.aclose()
    assert [event.position for event in await waiting] == [2]
    with pytest.raises(StopAsyncIteration):
        await anext(loop)


async def test_closing_the_manager_ends_its_loops(opened, caplog) -> None:
    """One that waits for an event ends, and one that waits for its turn; their places are kept."""
    manager, other = opened(), opened()
    await manager.run(FLOW)
    count = len(await everything(manager))
    first = asyncio.ensure_future(taken(manager.follow("a", after=0), 1000))

    async def has_told_all() -> bool:
        return [one.position for one in await other.subscriptions()] == [count]

    async def waits() -> bool:
        return "this one waits for its end" in caplog.text

    await until(has_told_all)
    second = asyncio.ensure_future(taken(other.follow("a", after=0), 1000))
    await until(waits)
    await other.close()
    assert await second == []
    await manager.close()
    assert len(await first) == count


async def test_what_an_import_brings_in_is_not_told(opened, tmp_path) -> None:
    """Of an import only `log.imported` is told, wherever a loop stood: its executions ended long ago."""
    manager = opened()
    for number in range(3):
        await manager.run(FLOW, execution_id=f"old-{number}")
    await manager.archive(tmp_path / "old.flowarchive", older_than=timedelta())
    async with manager.follow("all"), manager.follow("ends", types=["execution.completed"]):
        pass
    await manager.import_archive(tmp_path / "old.flowarchive")
    await manager.run(FLOW, execution_id="new")
    (imported,) = await taken(manager.follow("all"), 1)
    assert imported.type == "log.imported"
    following = manager.follow("all")
    assert {event.stream for event in await taken(following, 5)} == {"new"}
    (end,) = await taken(manager.follow("ends", types=["execution.completed"]), 1)
    assert end.stream == "new"
    (end,) = await taken(manager.follow("within", types=["execution.completed"], after=imported.position + 2), 1)
    assert end.stream == "new"
    assert [one.name for one in await manager.subscriptions()] == ["all", "ends", "within"]


async def test_the_search_for_rare_types_is_cut_into_stretches(opened, monkeypatch) -> None:
    """However far apart the events of a type are, they are found, and the place moves on without any."""
    monkeypatch.setattr("flowsm.log.subscriptions.FOLLOW_WINDOW_EVENTS", 7)
    manager = opened()
    for number in range(20):
        await manager.run(FLOW, execution_id=f"x{number}")
    following = manager.follow("a", types=["execution.completed", "execution.failed"], after=0)
    assert [event.stream for event in await taken(following, 20)] == [f"x{number}" for number in range(20)]


async def test_a_damaged_event_is_passed_over(opened, path, caplog) -> None:
    """What is not what was recorded is never told; it is named in the log, and the rest goes on."""
    manager = opened()
    await manager.run(FLOW, execution_id="broken")
    await manager.run(FLOW, execution_id="whole")
    told = await everything(manager)
    await manager.close()
    with sqlite3.connect(path) as file:
        file.execute("DROP TRIGGER events_are_not_updated")
        file.execute("DROP TRIGGER events_are_not_deleted")
        file.execute("UPDATE events SET data = json_set(data, '$.forged', 1) WHERE stream = 'broken' AND seq = 3")
        file.execute("DELETE FROM events WHERE stream = 'broken' AND seq = 1")
    file.close()
    manager = opened()
    with caplog.at_level(logging.ERROR):
        found = await taken(manager.follow("a", after=0), len(told) - 3)
    wrong = {("broken", 1), ("broken", 2), ("broken", 3)}
    assert [(e.stream, e.seq) for e in found] == [(e.stream, e.seq) for e in told if (e.stream, e.seq) not in wrong]
    assert "passes over an event" in caplog.text
    assert "'broken'" in caplog.text


async def test_subscriptions_can_be_forgotten(opened) -> None:
    """A name that is followed now is not; one that nobody follows is, and begins anew."""
    manager, other = opened(), opened()
    await manager.run(FLOW)
    async with manager.follow("a", after=0) as following:
        async for _ in following:
            with pytest.raises(SubscriptionHeld, match=r"followed by w-.* \(process \d+ on "):
                await other.remove_subscription("a")
            break
    await other.remove_subscription("a")
    assert await other.subscriptions() == []
    with pytest.raises(SubscriptionNotFound, match="subscription 'a' not found"):
        await other.remove_subscription("a")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"name": "a b"}, "subscription 'a b': expected 1 to 100 letters"),
        ({"name": 7}, "subscription 7"),
        ({"name": "a", "types": "execution.failed"}, r"expected several types of events: \['execution.failed'\]"),
        ({"name": "a", "types": []}, "types is empty"),
        ({"name": "a", "types": ["execution.fialed"]}, "did you mean 'execution.failed'"),
        ({"name": "a", "types": [3]}, "no event has the type 3"),
        ({"name": "a", "after": "then"}, "after is 'then', expected 'now'"),
        ({"name": "a", "after": True}, "after is True"),
        ({"name": "a", "after": -1}, "after is -1"),
        ({"name": "a", "after": 2**63}, "after is 9"),
    ],
)
async def test_what_cannot_be_followed_is_refused(opened, arguments, said) -> None:
    """An argument that cannot be used is an error where it is given."""
    with pytest.raises(UsageError, match=said):
        opened().follow(**arguments)


def test_a_loop_of_an_earlier_event_loop_is_no_hindrance(path) -> None:
    """A manager that is used by one `asyncio.run` after another follows on, where an earlier one was cut off."""
    manager = FlowManager(path, durability="normal", tasks=TASKS)

    async def begin() -> None:
        await manager.run(FLOW)
        begun.append(aiter(manager.follow("a", after=0)))
        assert (await anext(begun[0])).position == 1

    async def again() -> None:
        assert [event.position for event in await taken(manager.follow("a"), 2)] == [1, 2]
        await manager.close()

    begun = []
    asyncio.run(begin())
    asyncio.run(again())
