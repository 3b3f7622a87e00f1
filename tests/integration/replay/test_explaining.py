"""Explanations: the cause of an end, the reasons of a route, and what an execution waits for."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from small_flows import tasks_that_say

from flowsm import FlowManager, TaskContext, TaskFactory
from flowsm.errors import UsageError
from flowsm.replay.waiting import Surroundings, waits_for
from flowsm.testing.clock import ManualClock

AND_CLAUSES = (
    "'fetch' ended with outcome 'success'; condition 'to charge' wants 'success', and its clauses hold: "
    "/results/fetch/data/total gt 10, it was 12"
)
WAITS_OF_A_TIMER = {"name": "nap", "task_type": "wait", "parameters": {"seconds": 60}}


class CardDeclined(Exception):
    """What the bank says."""


def flow_of(*tasks: dict[str, Any], conditions: list[dict[str, Any]] | None = None, **more: Any) -> dict[str, Any]:
    document = {"id": "pay", "name": "Payments", "start_task": tasks[0]["name"], "tasks": list(tasks)}
    return document | {"conditions": conditions or []} | more


def to(source: str, target: str, **more: Any) -> dict[str, Any]:
    return {"name": f"to {target}", "source_task": source, "target_task_success": target, **more}


@pytest.fixture
async def manager() -> AsyncIterator[FlowManager]:
    tasks = TaskFactory()

    @tasks.task("fetch")
    def fetch() -> dict[str, int]:
        return {"total": 12}

    @tasks.task("charge")
    def charge(context: TaskContext) -> None:
        raise CardDeclined(f"card declined, attempt {context.attempt}")

    async with FlowManager(":memory:", tasks=tasks, clock=ManualClock(), durability="normal") as made:
        yield made


async def test_a_failure_names_its_cause_and_every_attempt(manager) -> None:
    """The headline has the task and its last error, the attempts have theirs, and each way its reason."""
    charge = {"name": "charge", "retry": {"max_attempts": 2, "initial_interval": 0}}
    clause = {"path": "/results/fetch/data/total", "op": "gt", "value": 10}
    flow = flow_of({"name": "fetch"}, charge, conditions=[to("fetch", "charge", when=[clause])])
    failed = await manager.run(flow)
    told = await manager.explain(failed.execution_id)
    assert (told.status, told.seq, told.last_seq) == ("failed", failed.seq, failed.seq)
    assert told.headline.startswith("it failed after ")
    assert told.headline.endswith(
        "task 'charge' failed in all of its 2 attempts, CardDeclined: card declined, attempt 2"
    )
    assert [(entry.attempt, entry.error.message) for entry in told.attempts] == [
        (1, "card declined, attempt 1"),
        (2, "card declined, attempt 2"),
    ]
    assert [(decision.source, decision.target, decision.reason) for decision in told.decisions] == [
        ("created", "fetch", "the flow's start_task is 'fetch'"),
        (
            "fetch",
            "charge",
            AND_CLAUSES,
        ),
        ("charge", "failed", "'charge' ended with outcome 'failure'; no condition leaves it, so the flow ends"),
    ]
    assert told.waits_for == ()
    earlier = await manager.explain(failed.execution_id, 3)
    assert (earlier.seq, earlier.headline) == (3, "it is running at task 'fetch'")
    assert earlier.waits_for[0].startswith("it stands at 'fetch' since ")
    with pytest.raises(UsageError, match=r"seq 99: expected 0 to \d+, the last event"):
        await manager.explain(failed.execution_id, 99)


async def test_a_condition_that_was_not_met_says_what_it_saw(manager) -> None:
    """Of each condition that was asked there is what it wanted; of clauses that do not hold, what they saw."""
    clause = {"path": "/results/fetch/data/total", "op": "gt", "value": 1000}
    missing = {"path": "/results/fetch/data/tax", "op": "eq", "value": 1}
    conditions = [
        to("fetch", "charge", when=[clause, missing]),
        to("fetch", "fetch", name="again", outcome="again", target_task_failure="end_failure"),
    ]
    failed = await manager.run(flow_of({"name": "fetch"}, {"name": "charge"}, conditions=conditions))
    told = await manager.explain(failed.execution_id)
    assert told.decisions[-1].reason == (
        "'fetch' ended with outcome 'success'; no condition was met ('to charge' wants /results/fetch/data/total gt 1000, "
        "it was 12 and /results/fetch/data/tax eq 1, it was not there; 'again' wants 'again'): "
        "the last one's target_task_failure is taken"
    )
    assert [(asked.condition, asked.met) for asked in told.decisions[-1].asked] == [
        ("to charge", False),
        ("again", False),
    ]
    assert told.headline.endswith(
        "FlowFailed: task 'fetch' ended with outcome 'success', which sends the flow to its failure"
    )


async def test_the_engines_own_ways_have_reasons(manager) -> None:
    """A bound that is used up, a time that is over and a cancellation say so."""
    looping = await manager.run(flow_of({"name": "fetch"}, conditions=[to("fetch", "fetch")], max_transitions=2))
    told = await manager.explain(looping.execution_id)
    assert told.decisions[-1].reason == "the flow's max_transitions of 2 were used up"
    assert "MaxTransitionsExceeded" in told.headline

    handle = await manager.start(flow_of(WAITS_OF_A_TIMER))
    await manager.cancel(handle.execution_id, reason="no longer needed", actor="ada")
    await manager.execute_flow(handle.execution_id)
    told = await manager.explain(handle.execution_id)
    assert told.decisions[-1].reason == "the execution was cancelled by ada: no longer needed"
    assert told.headline.startswith("it was cancelled by ada after ")
    assert told.headline.endswith("no longer needed")


async def test_what_it_waits_for(manager) -> None:
    """A timer, a signal, a person, a start, a pause: each is named with its time."""
    napping = await manager.start(flow_of(WAITS_OF_A_TIMER))
    signal = {"name": "ask", "task_type": "wait_for_signal", "parameters": {"name": "ok", "timeout": 90}}
    asking = await manager.start(flow_of(signal))
    idle = manager.create_flow_execution(manager.load_flow_config(flow_of({"name": "fetch"})))

    async def told(execution_id: str) -> list[str]:
        return list((await manager.explain(execution_id, task_types=["fetch"])).waits_for)

    found = await told(napping.execution_id)
    assert found == ["task 'nap' waits until 2026-01-31T12:01:00.000000Z, in 60 s"]
    found = await told(asking.execution_id)
    assert found[0].startswith("task 'ask' waits for signal 'ok' since ")
    assert ", until " in found[0]
    found = await told(idle)
    assert found[0].endswith(f"and nobody has begun it: `flowsm run {idle}` does")
    found = list((await manager.explain(idle, task_types=[])).waits_for)
    assert found[1] == "there is no code here for task type 'fetch': give the module that registers it"
    await manager.pause(napping.execution_id, reason="lunch", actor="ada")
    found = await told(napping.execution_id)
    assert found[0].startswith("it was paused by ada at ")
    assert ": lunch; `flowsm resume` lets it go on" in found[0]


async def test_a_signal_that_came_while_it_was_paused(manager) -> None:
    """Who asks why a paused execution does not take its signal is told that it has come, and when it will be taken."""
    handle = await manager.start(flow_of({"name": "ask", "task_type": "wait_for_signal", "parameters": {"name": "ok"}}))
    await manager.pause(handle.execution_id)
    await manager.signal(handle.execution_id, "ok")
    _, said = (await manager.explain(handle.execution_id)).waits_for
    seq = (await manager.get_flow_status(handle.execution_id)).seq
    assert said == f"signal 'ok' has come with event {seq}: task 'ask' takes it as soon as the execution goes on"
    await manager.resume(handle.execution_id)
    assert (await handle).status == "completed"


async def test_code_that_is_missing_for_a_later_task(manager) -> None:
    """A flow is driven by who has code for all of it: what is missing is said before its turn comes, too."""
    flow = flow_of(
        {"name": "nap", "task_type": "wait", "parameters": {"seconds": 60}},
        *({"name": name, "task_type": "fetch"} for name in "ab"),
        conditions=[{"source_task": "nap", "target_task_success": "a"}],
    )
    handle = await manager.start(flow)
    said = (await manager.explain(handle.execution_id, task_types=[])).waits_for
    assert said[-1] == "there is no code here for task type 'fetch': give the module that registers it"


async def test_what_is_said_of_a_stop_without_a_reason(manager) -> None:
    """Who gave no reason is not quoted with one; what a pause stopped is not said to be there for anybody to take up."""
    handle = await manager.start(flow_of({"name": "ask", "task_type": "wait_for_signal"}))
    await manager.cancel(handle.execution_id)
    headline = (await manager.explain(handle.execution_id)).headline
    assert re.fullmatch(r"it was cancelled after \S+ s", headline)
    named = await manager.start(flow_of({"name": "ask", "task_type": "wait_for_signal"}))
    await manager.cancel(named.execution_id, reason="a recall", actor="ada")
    headline = (await manager.explain(named.execution_id)).headline
    assert re.fullmatch(r"it was cancelled by ada after \S+ s: a recall", headline)
    on = [{"source_task": "a", "target_task_success": "b"}]
    ran = await manager.run(flow_of(*({"name": name, "task_type": "fetch"} for name in "ab"), conditions=on))
    await manager.fork(ran.execution_id, 6, paused=True, fork_id="there")
    paused, stands = (await manager.explain("there")).waits_for
    assert "`flowsm resume` lets it go on" in paused
    assert re.fullmatch(r"it stands at 'b' since \S+", stands)


async def test_whose_it_is_when_it_should_move(manager) -> None:
    """An execution that runs names its worker, whether that still lives, and who could take it up."""
    failed = await manager.run(flow_of({"name": "fetch"}))
    history = await manager.replay(failed.execution_id)
    running = history.state_at(4)
    now = "2026-01-01T00:00:00.000000Z"
    alive = Surroundings(now=now, owner="w-1", owner_alive=True)
    assert waits_for(history.machine, running, alive)[0].endswith("; worker w-1 has it, and holds its lease")
    dead = Surroundings(now=now, owner="w-1", owner_seen=now, held_by=("the limit of task type 'fetch': 3 of 3",))
    found = waits_for(history.machine, running, dead)
    assert "; worker w-1 holds no lease, and was seen last at 2026-01-01" in found[0]
    assert found[1] == "it is held back by the limit of task type 'fetch': 3 of 3"
    assert "; nobody has it: " in waits_for(history.machine, running, Surroundings(now=now))[0]
    assert waits_for(history.machine, history.state_at(0)) == []


async def test_a_sub_flow_that_failed_is_named(manager) -> None:
    """The explanation of a parent leads to the child that its failure came from."""
    inner = flow_of({"name": "charge"}) | {"id": "inner", "name": "Inner"}
    parent = await manager.run(flow_of({"name": "sub", "task_type": "subflow", "parameters": {"flow": inner}}))
    told = await manager.explain(parent.execution_id)
    assert told.child == f"{parent.execution_id}:sub:1"
    naps = flow_of(WAITS_OF_A_TIMER) | {"id": "naps"}
    cancelled = await manager.start(flow_of({"name": "sub", "task_type": "subflow", "parameters": {"flow": naps}}))
    await manager.cancel(cancelled.execution_id)
    assert (await manager.explain(cancelled.execution_id)).child is None, "the child was cancelled with it"
    child = await manager.explain(told.child)
    assert child.parent == parent.execution_id
    assert "CardDeclined" in child.headline


async def test_who_is_asked_is_told_why(tmp_path) -> None:
    """The recorded reason stands in the sentence, at every event from which a person is asked."""
    flow = flow_of({"name": "h", "task_type": "hang", "on_interrupt": "ask"})
    async with FlowManager(tmp_path / "f.db", tasks=tasks_that_say(), durability="normal") as first:
        handle = await first.start(flow)
    async with FlowManager(tmp_path / "f.db", tasks=tasks_that_say(), durability="normal", recover=True) as manager:
        while (await manager.get_flow_status(handle.execution_id)).status != "waiting":  # noqa: ASYNC110 (on a real condition)
            await asyncio.sleep(0)
        found = await manager.explain(handle.execution_id)
        (sentence,) = found.waits_for
        assert "what became of attempt 1 of task 'h' (attempt 1 of 'h' was interrupted): `flowsm resolve" in sentence
        await manager.resolve(handle.execution_id, "failure")
        assert (await manager.explain(handle.execution_id, found.seq)).waits_for == found.waits_for
        assert (await manager.explain(handle.execution_id)).waits_for == ()
