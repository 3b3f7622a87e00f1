"""Listing executions: any order, any filter, any window, and the counts beside it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from flowsm import FlowManager
from flowsm.errors import UsageError
from flowsm.projections.listing import ORDERS, Wanted
from flowsm.status import FlowStatus

COUNT = 7


def flow(task: str) -> dict[str, Any]:
    return {"id": task, "name": f"Flow {task}", "start_task": task, "tasks": [{"name": task, "task_type": task}]}


@pytest.fixture
async def manager(path: Any, registry: Any) -> Any:
    async with FlowManager(path, tasks=registry) as made:
        for number in range(COUNT):
            for task in ("good", "bad"):
                await made.run(flow(task), execution_id=f"{task}{number}")
        made.create_flow_execution(flow("good"), execution_id="new")
        await made.run(flow("good"), execution_id="gone")
        await made.remove_flow("gone")
        yield made


KEYS = {
    "created": lambda item: item.created_at,
    "status": lambda item: item.status,
    "flow": lambda item: item.flow_name,
    "task": lambda item: item.current_task or "",
    "updated": lambda item: item.updated_at,
    "attempts": lambda item: item.attempts,
    "failures": lambda item: item.failures,
}


@pytest.mark.parametrize("order", ORDERS)
async def test_orders(manager: FlowManager, order: str) -> None:
    """All that were not removed, sorted both ways; one order is the other turned round."""
    down = await manager.listing(Wanted(order=order))
    up = await manager.listing(Wanted(order=order, descending=False))
    assert (down.total, len(down.items)) == (15, 15)
    assert [item.execution_id for item in down.items] == [item.execution_id for item in reversed(up.items)]
    if order in KEYS:
        keys = [KEYS[order](item) for item in up.items]
        assert all(one <= two for one, two in pairwise(keys))
    assert up.counts == {"completed": COUNT, "failed": COUNT, "created": 1}


async def test_windows(manager: FlowManager) -> None:
    """Windows are parts of one list; one that reaches beyond the end is that of the last rows."""
    whole = await manager.listing(Wanted())
    parts = [await manager.listing(Wanted(), offset=offset, limit=4) for offset in (0, 4, 8, 12, 99)]
    assert [part.offset for part in parts] == [0, 4, 8, 11, 11]
    for part in parts:
        assert part.items == whole.items[part.offset : part.offset + 4]


async def test_filters(manager: FlowManager) -> None:
    """By status, by a text anywhere in id, flow, task or error, and by both; wildcards are letters."""

    async def found(**wanted: Any) -> int:
        listed = await manager.listing(Wanted(**wanted))
        assert listed.total == len(listed.items)
        return listed.total

    assert await found(status=FlowStatus.FAILED) == COUNT
    assert await found(status=FlowStatus.WAITING) == 0
    assert await found(text="FLOW GOOD") == COUNT + 1
    assert await found(text="it is BAD") == COUNT
    assert await found(text="bad3") == 1
    assert await found(text="good", status=FlowStatus.CREATED) == 1
    assert await found(text="%") == 0
    assert (await manager.listing(Wanted(text="nothing"))).counts["failed"] == COUNT


@pytest.mark.parametrize(("wanted", "offset", "limit"), [("colour", 0, 1), ("created", -1, 1), ("created", 0, 0)])
async def test_what_cannot_be_asked(manager: FlowManager, wanted: str, offset: int, limit: int) -> None:
    """An unknown order and a window that is none are refused."""
    with pytest.raises(UsageError, match="expected"):
        await manager.listing(Wanted(order=wanted), offset=offset, limit=limit)


async def test_a_change_is_seen(manager: FlowManager) -> None:
    """The version is another one after anything was written, and the same while nothing is."""
    before = manager.version()
    assert manager.version() == before
    manager.create_flow_execution(flow("good"))
    assert manager.version() != before
