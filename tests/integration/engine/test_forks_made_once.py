"""Forks that are asked for more than once, or by somebody who has not seen the latest."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from small_flows import flow_of, task_of, tasks_that_say

from flowsm import FlowManager
from flowsm.errors import Conflict, StartConflict, UsageError
from flowsm.events.facts import ExecutionForked
from flowsm.ids import fork_id

TWO = flow_of(task_of("a", parameters={"data": 1}), task_of("b", parameters={"data": 2}), to=(("a", "success", "b"),))


@pytest.fixture
async def manager() -> AsyncIterator[FlowManager]:
    async with FlowManager(":memory:", tasks=tasks_that_say(), durability="normal") as made:
        yield made
        assert (await made.verify()).problems == ()


async def test_the_same_key_gives_the_same_fork(manager: FlowManager) -> None:
    """Asked for again, also at once, it is the first one; asked for in other words it is a conflict that says which."""
    await manager.run(TWO, execution_id="x")
    await manager.run(TWO, execution_id="w")
    asked: dict[str, Any] = {"idempotency_key": "k", "overrides": {"results.a.data": 3}}
    first, second = await asyncio.gather(manager.fork("x", 5, **asked), manager.fork("x", 5, reason="again", **asked))
    third = await manager.fork("x", 5, **asked)
    assert first.execution_id == second.execution_id == third.execution_id
    assert len(await manager.forks("x")) == 2
    (fact,) = [e.fact for e in await manager.events(first.execution_id) if isinstance(e.fact, ExecutionForked)]
    assert (fact.idempotency_key, len(fact.content)) == ("k", 16)
    other = flow_of(task_of("a", parameters={"data": 1}), task_of("b"), to=(("a", "success", "b"),))
    for origin, at, more, why in (
        ("w", 5, {}, "fork of x after seq 5"),
        ("x", 4, {}, "fork of x after seq 5"),
        ("x", 5, {"overrides": {}}, "other values"),
        ("x", 5, {"paused": True}, "that was not paused: fork with another key"),
        ("x", 5, {"flow": other}, "that goes on with another version of the flow: fork"),
    ):
        with pytest.raises(StartConflict, match=why):
            await manager.fork(origin, at, **asked | more)
    with pytest.raises(UsageError, match="not both"):
        await manager.fork("x", 5, fork_id="y", **asked)
    for key in ("", "\n", 3):
        with pytest.raises(UsageError, match="idempotency_key"):
            await manager.fork("x", 5, idempotency_key=key)  # type: ignore[arg-type]
    await manager.run(TWO, execution_id=fork_id("taken"))
    with pytest.raises(StartConflict, match="no fork"):
        await manager.fork("x", 5, idempotency_key="taken")


async def test_a_fork_of_what_went_on_is_refused(manager: FlowManager) -> None:
    """With the seq that the other one is expected at, which it has left."""
    seq = (await manager.run(TWO, execution_id="x")).seq
    with pytest.raises(Conflict):
        await manager.fork("x", 5, expected_seq=seq - 1)
    made = await manager.fork("x", 5, expected_seq=seq, paused=True, idempotency_key="k")
    assert made.status == "paused"
    again = await manager.fork("x", 5, expected_seq=seq - 1, paused=True, idempotency_key="k")
    assert again.execution_id == made.execution_id, "who had no answer asks again"
