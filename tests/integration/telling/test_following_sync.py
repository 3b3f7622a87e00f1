"""Following without `await`, and operators' verbs in bulk likewise."""

from __future__ import annotations

import pytest
from telling import FLOW, TASKS

from flowsm.errors import SubscriptionNotFound, UsageError
from flowsm.sync import FlowManager


def test_a_plain_loop_is_told(path) -> None:
    """`for` does as `async for`: an event is done when the next one is asked for; leaving the loop leaves the name."""
    with FlowManager(path, tasks=TASKS, durability="normal") as manager:
        manager.run(FLOW, execution_id="x")
        told = []
        for event in manager.follow("a", after=0):
            told.append(event.position)
            if len(told) == 3:
                break
        assert [one.position for one in manager.subscriptions()] == [2]
        ends = manager.follow("ends", types=["execution.completed"], after=0)
        assert next(ends).stream == "x"
        ends.close()
        for event in manager.follow("a"):
            assert event.position == 3
            break
        with pytest.raises(UsageError):
            manager.follow("a b")
        manager.remove_subscription("a")
        with pytest.raises(SubscriptionNotFound):
            manager.remove_subscription("a")
    assert told == [1, 2, 3]


def test_a_loop_ends_with_its_manager(path) -> None:
    """Closing the manager, inside the body, ends the loop."""
    with FlowManager(path, tasks=TASKS, durability="normal") as manager:
        manager.run(FLOW)
        told = []
        for event in manager.follow("a", after=0):
            told.append(event.position)
            manager.close()
    assert told == [1]


def test_a_subscription_is_a_context_manager(path) -> None:
    """As with `async with`: it begins where `with` does, `done` counts the event at hand, and the end lets go of it."""
    with FlowManager(path, tasks=TASKS, durability="normal") as manager:
        with manager.follow("a") as following:
            manager.run(FLOW, execution_id="x")
            for event in following:
                assert event.position == 1
                following.done()
                break
            assert [one.position for one in manager.subscriptions()] == [1]
            assert next(following).position == 2
        with manager.follow("a") as following:
            assert (following.name, next(following).position) == ("a", 2)
            following.close()
            with pytest.raises(StopIteration):
                next(following)
        following.close()
        manager.remove_subscription("a")


def test_bulk(path) -> None:
    """The same verb, the same report."""
    with FlowManager(path, tasks=TASKS, durability="normal") as manager:
        for number in range(3):
            manager.create_flow_execution(FLOW, execution_id=f"x{number}")
        assert manager.in_bulk("cancel", status="created", reason="why").done == 3
