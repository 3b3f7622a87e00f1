"""Forks: a new execution that begins as another one did, and goes on by itself."""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from random_flows import HurriedClock, Script, random_flow
from small_flows import flow_of, task_of, tasks_that_say, until

from flowsm import FlowManager, FlowStatus, TaskContext, TaskFactory
from flowsm.definition.model import FlowConfig
from flowsm.errors import (
    ExecutionExists,
    ExecutionNotFound,
    ForkRefused,
    ForkStays,
    OverrideRefused,
    UpgradeRefused,
    UsageError,
)
from flowsm.events.facts import ExecutionForked
from flowsm.events.system import LogPurged, StreamHead
from flowsm.log.purge import Purge
from flowsm.projections.project import execution_row
from flowsm.sync import FlowManager as SyncManager
from flowsm.testing.clock import ManualClock

SEEDS = int(os.environ.get("FLOWSM_FORKED", "40"))
TWO = flow_of(task_of("a", parameters={"data": 1}), task_of("b", parameters={"data": 2}), to=(("a", "success", "b"),))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def manager(clock: ManualClock) -> AsyncIterator[FlowManager]:
    async with FlowManager(":memory:", tasks=tasks_that_say(), clock=clock, durability="normal") as made:
        yield made
        assert (await made.verify()).problems == ()


async def fact_of(manager: FlowManager, fork: str) -> ExecutionForked:
    (fact,) = [event.fact for event in await manager.events(fork) if isinstance(event.fact, ExecutionForked)]
    return fact


async def test_it_shares_the_events_before_and_goes_on(manager: FlowManager) -> None:
    """Its first events are the other's very ones, its own begin with who forked it, off what, and why."""
    await manager.run(TWO, execution_id="x")
    before = await manager.events("x")
    made = await manager.fork("x", 5, fork_id="y", reason="what if", actor="ada")
    assert (made.execution_id, made.status, made.forked_from, made.forked_at) == ("y", "running", "x", 5)
    ended = await manager.execute_flow("y")
    events = await manager.events("y")
    assert events[:5] == before[:5]
    assert [(event.stream, event.seq) for event in events[5:]] == [("y", seq) for seq in range(6, len(events) + 1)]
    fact = await fact_of(manager, "y")
    assert (fact.origin, fact.origin_seq, fact.reason, fact.actor) == ("x", 5, "what if", "ada")
    assert (ended.status, ended.path, ended.task_results["b"].data) == ("completed", ["a", "b"], 2)
    assert await manager.events("x") == before


async def test_it_runs_with_keys_of_its_own(clock: ManualClock) -> None:
    """What is run again has another idempotency key; what is shared is not run."""
    keys: list[str] = []
    tasks = TaskFactory()

    @tasks.task("say")
    async def say(context: TaskContext, data: int) -> int:
        keys.append(context.idempotency_key)
        return data

    async with FlowManager(":memory:", tasks=tasks, clock=clock) as manager:
        await manager.run(TWO, execution_id="x")
        for at in range(1, 9):
            await manager.execute_flow((await manager.fork("x", at, fork_id=f"y{at}")).execution_id)
    assert keys == [
        "x:a:1", "x:b:1",
        *(f"y{at}:{task}:1" for at in (1, 2, 3, 4) for task in "ab"),
        *(f"y{at}:b:1" for at in (5, 6, 7)),
    ]  # fmt: skip


async def test_what_was_under_way_is_begun_again(manager: FlowManager) -> None:
    """A running attempt is the other's: here it is begun once more, under its own number, and the row says so."""
    handle = await manager.start(flow_of(task_of("h", "hang")), execution_id="x")
    await until(manager, "x", "running")
    seq = (await manager.get_flow_status("x")).seq
    plan = await manager.plan_fork("x", seq)
    assert (plan.task, plan.visit, plan.attempt, plan.way, plan.done) == ("h", 1, 1, "again", [])
    await manager.fork("x", seq, fork_id="y", paused=True)
    fact = await fact_of(manager, "y")
    assert (fact.task, fact.visit, fact.attempt) == ("h", 1, 1)
    (row,) = await manager.history("y")
    assert (row.status, row.message) == ("interrupted", "went on in execution x")
    assert (await manager.get_flow_status("y")).status is FlowStatus.PAUSED
    await manager.cancel("y")
    await manager.cancel("x")
    assert (await handle).status == "cancelled"


async def test_a_wait_stays_and_a_child_is_begun_again(manager: FlowManager, clock: ManualClock) -> None:
    """A timer has the due time that it had, a signal is waited for still; who waits for a child starts another one."""
    sleeps = flow_of(task_of("s", "wait", parameters={"seconds": 60}))
    await manager.start(sleeps, execution_id="s")
    due = (await until(manager, "s", "waiting")).seq
    clock.advance(59)
    await manager.fork("s", due, fork_id="s2")
    ended = asyncio.ensure_future(manager.finish("s2"))
    clock.advance(1)
    assert (await ended).status == "completed"

    asks = flow_of(task_of("w", "wait_for_signal"))
    await manager.start(asks, execution_id="w")
    await manager.fork("w", (await until(manager, "w", "waiting")).seq, fork_id="w2")
    await manager.signal("w2", "w", {"ok": True})
    assert (await manager.finish("w2")).task_results["w"].data == {"ok": True}
    assert (await manager.get_flow_status("w")).status == "waiting"

    await manager.run(TWO)
    parent = flow_of(task_of("c", "subflow", parameters={"flow": "f"}), id="p")
    ran = await manager.run(parent, execution_id="p")
    waited = next(event.seq for event in await manager.events("p") if event.type == "wait.started")
    await manager.fork("p", waited, fork_id="p2")
    again = await manager.finish("p2")
    assert again.task_results["c"].data["execution_id"] != ran.task_results["c"].data["execution_id"]
    await manager.cancel("w")


async def test_after_a_failure_it_takes_another_way(manager: FlowManager) -> None:
    """A fork before the failed attempt runs that anew: with other code it succeeds, and the failed one stays failed."""
    flow = flow_of(task_of("a"), task_of("f", "fail"), to=(("a", "success", "f"),))
    failed = await manager.run(flow, execution_id="x")
    start = next(event.seq for event in await manager.events("x") if event.type == "task.started" and event.seq > 5)

    async def mended() -> str:
        return "well"

    manager.tasks.register_task("fail", mended, replace=True)
    forked = await manager.execute_flow((await manager.fork("x", start)).execution_id)
    assert (failed.status, forked.status) == ("failed", "completed")
    assert (await manager.get_flow_status("x")).status == "failed"


@pytest.mark.parametrize(
    ("at", "why"), [(9, "it had ended there; the last event before it where that can be is seq 8")]
)
async def test_an_end_is_not_forked(manager: FlowManager, at: int, why: str) -> None:
    """After the end there is nothing to go on with: the error says where there is."""
    await manager.run(TWO, execution_id="x")
    with pytest.raises(ForkRefused, match=why):
        await manager.fork("x", at)


async def test_what_is_being_cancelled_is_not_forked(manager: FlowManager) -> None:
    """Cleaning up is the other one's; before that a fork can be made."""
    flow = flow_of(task_of("h", "hang"), task_of("c", "hang"), on_cancel="c")
    handle = await manager.start(flow, execution_id="x")
    await until(manager, "x", "running")
    await manager.cancel("x")
    seq = (await manager.get_flow_status("x")).seq
    with pytest.raises(ForkRefused, match=r"it was being cancelled there; .* seq 4"):
        await manager.fork("x", seq)
    while (await manager.get_flow_status("x")).current_task != "c":
        await manager.events("x")
    await manager.cancel("x")
    await handle


async def test_what_cannot_be_is_refused(manager: FlowManager) -> None:
    """An execution, an event or an id that is not there, or is taken: each is said, and nothing is recorded."""
    await manager.run(TWO, execution_id="x")
    with pytest.raises(ExecutionNotFound):
        await manager.fork("nobody", 1)
    with pytest.raises(ExecutionNotFound):
        await manager.forks("nobody")
    for at in (0, -1, 11, True, "3", 2.0):
        with pytest.raises(UsageError, match=r"seq|expected"):
            await manager.fork("x", at)  # type: ignore[arg-type]
    with pytest.raises(ExecutionExists):
        await manager.fork("x", 3, fork_id="x")
    with pytest.raises(UsageError, match="not usable"):
        await manager.fork("x", 3, fork_id="a b")
    with pytest.raises(UsageError, match="paused"):
        await manager.fork("x", 3, paused=1)  # type: ignore[arg-type]
    assert [row.execution_id for row in (await manager.executions()).items] == ["x"]
    assert len(await manager.forks("x")) == 1


async def test_the_tree_of_forks(manager: FlowManager) -> None:
    """Forks of forks are told from any of them, each with what it was forked off."""
    await manager.run(TWO, execution_id="x")
    await manager.execute_flow((await manager.fork("x", 5, fork_id="y")).execution_id)
    await manager.fork("y", 7, fork_id="z")
    await manager.fork("y", 3, fork_id="v")
    for name in ("x", "y", "z", "v"):
        tree = [(one.stream, one.parent, one.seq) for one in await manager.forks(name)]
        assert tree == [("v", "x", 3), ("x", None, 0), ("y", "x", 5), ("z", "y", 7)]
    assert (await manager.execute_flow("z")).status == "completed"
    assert [event.stream for event in await manager.events("z")][:8] == ["x"] * 5 + ["y"] * 2 + ["z"]


async def test_a_stream_is_purged_only_with_its_forks(manager: FlowManager) -> None:
    """The log refuses to let go of events that a fork shares; of both at once, it does."""
    await manager.run(TWO, execution_id="x")
    await manager.execute_flow((await manager.fork("x", 5, fork_id="y")).execution_id)

    async def purge(*names: str) -> None:
        heads = [await manager._log.head(name) for name in names]
        fact = LogPurged(
            streams=tuple(StreamHead(head.stream, head.seq, head.digest) for head in heads if head is not None),
            statistics=(),
            archive="nowhere",
            archive_digest="",
        )
        await manager._log.purge(Purge(at="2026-01-01T00:00:00.000000Z", fact=fact, rows=[]))

    with pytest.raises(ForkStays, match="y was forked off x"):
        await purge("x")
    assert len(await manager.events("y")) == len(await manager.events("x")) + 1
    backup = await manager._log.query("SELECT count(*) FROM forks")
    assert backup == [(1,)]
    await purge("x", "y")
    assert await manager._log.query("SELECT count(*) FROM forks") == [(0,)]
    await manager.rebuild()


async def test_coverage_counts_what_is_shared_once(manager: FlowManager) -> None:
    """A transition that a fork shares was taken once; rehearsed, the fork is a history like any other."""
    await manager.run(TWO, execution_id="x")
    await manager.execute_flow((await manager.fork("x", 7)).execution_id)
    (count,) = await manager.coverage("f")
    taken = {(one.source, one.target): one.count for one in count.report().transitions if one.count}
    assert taken == {("created", "a"): 1, ("a", "b"): 1, ("b", "completed"): 2}
    assert count.report().executions == 2
    report = await manager.whatif(TWO)
    assert (report.histories, report.same) == (2, 2)


def test_without_a_loop(tmp_path) -> None:
    """The synchronous manager forks likewise."""
    with SyncManager(tmp_path / "flowsm.db", tasks=tasks_that_say()) as manager:
        manager.run(TWO, execution_id="x")
        assert manager.execute_flow(manager.fork("x", 5).execution_id).status == "completed"
        assert len(manager.forks("x")) == 2
        assert manager.plan_fork("x", 5).done == ["a"]


@pytest.mark.many
@pytest.mark.parametrize("seed", range(SEEDS))
async def test_any_event_of_any_execution(seed: int) -> None:
    """A fork at every event where one can be goes on from the very state that was there, and ends.

    Rows that were written live are those that a rebuild writes; forks are forked again.
    """
    clock = HurriedClock()
    rng = random.Random(seed)
    scripts: dict[str, Script] = {}
    tasks = TaskFactory()

    async def play(context: TaskContext, x: Any = None) -> Any:
        return await scripts[context.execution_id]._play(context, x)

    tasks.register_task("scripted", play)
    flow = msgspec.convert(random_flow(seed), FlowConfig)
    async with FlowManager(":memory:", tasks=tasks, clock=clock, durability="normal") as manager:
        made = ["x"]
        scripts["x"] = Script(seed, random_flow(seed), clock)
        await manager.run(flow, {"x": 1}, execution_id="x")
        refused: Counter[str] = Counter()
        for number in range(12):
            source = rng.choice(made)
            history = await manager.replay(source)
            at = rng.randint(1, history.last)
            name = f"y{number}"
            scripts[name] = Script(seed + number, random_flow(seed), clock)
            try:
                await manager.fork(source, at, fork_id=name)
            except ForkRefused as error:
                refused[error.reason] += 1
                continue
            made.append(name)
            forked = await manager.replay(name)
            before, after = history.state_at(at), forked.state_at(at)
            assert msgspec.structs.replace(after, stream=source) == before
            assert forked.state_at(at + 1).results == before.results
            ended = await manager.execute_flow(name)
            assert ended.ended_at is not None
            states = [(await manager.replay(name)).state_at(seq) for seq in range(ended.seq + 1)]
            assert execution_row(states[-1]).params[0] == name
        assert set(refused) <= {"it had ended there", "it was being cancelled there"}
        live = await rows_of(manager)
        assert (await manager.verify()).problems == ()
        await manager.rebuild()
        assert await rows_of(manager) == live
        assert len(await manager.forks("x")) == len(made)


async def rows_of(manager: FlowManager) -> list[list[tuple[Any, ...]]]:
    """All derived rows."""
    tables = (("executions", 1), ("attempts", 2), ("statistics", 3))
    return [
        await manager._log.query(f"SELECT * FROM {table}_{{g}} ORDER BY {', '.join(map(str, range(1, keys + 1)))}")
        for table, keys in tables
    ]


async def test_other_values_lead_another_way(manager: FlowManager) -> None:
    """What is overridden is what conditions and tasks see from the fork on; the other one's stays as it was."""
    when = {"path": "/results/a/data/total", "op": "gt", "value": 10}
    flow = flow_of(
        task_of("a", parameters={"data": {"total": 3}}),
        task_of("small"),
        task_of("large", parameters={"data": {"$from": "/results/a/data/total"}}),
        to=(("a", "success", "large", when), ("a", "success", "small")),
    )
    ran = await manager.run(flow, {"who": "ada"}, execution_id="x")
    made = await manager.fork("x", 5, overrides={"results.a.data.total": 11, "/input/who": "eve"})
    forked = await manager.execute_flow(made.execution_id)
    assert (ran.path, forked.path) == (["a", "small"], ["a", "large"])
    assert (forked.task_results["large"].data, forked.input) == (11, {"who": "eve"})
    assert (await fact_of(manager, made.execution_id)).overrides == {"/results/a/data/total": 11, "/input/who": "eve"}
    assert (await manager.get_flow_status("x")).task_results["a"].data == {"total": 3}
    (entry,) = [entry for entry in await manager.timeline(made.execution_id) if "forked" in entry.text]
    assert "with results.a.data.total=11 in place of 3, input.who=" in entry.text
    assert (await manager.whatif(flow)).histories == 2


async def test_a_value_that_cannot_stand_is_refused(manager: FlowManager) -> None:
    """A place that is not there, and a result of what is begun again: with the place, and what could be done."""
    await manager.run(TWO, {"n": 1}, execution_id="x")
    for at, place in ((5, "results.b.data"), (4, "results.a.data"), (5, "nowhere"), (5, "input.m")):
        with pytest.raises(OverrideRefused, match="cannot fork execution 'x' with"):
            await manager.fork("x", at, overrides={place: 1})
        with pytest.raises(OverrideRefused, match="cannot fork execution 'x' with"):
            await manager.plan_fork("x", at, overrides={place: 1})
    with pytest.raises(UsageError):
        await manager.fork("x", 5, overrides=[1])  # type: ignore[arg-type]
    assert len(await manager.forks("x")) == 1


async def test_it_goes_on_with_another_version(manager: FlowManager) -> None:
    """The version decides from the fork on; one that would not have come here is refused with why."""
    await manager.run(TWO, execution_id="x")
    longer = flow_of(
        task_of("a", parameters={"data": 1}),
        task_of("c", parameters={"data": 3}),
        to=(("a", "success", "c"),),
        version="2",
    )
    for at in range(1, 6):  # before, within and after the first task
        made = await manager.fork("x", at, flow=longer, fork_id=f"y{at}", reason="try")
        forked = await manager.execute_flow(made.execution_id)
        assert (forked.status, forked.path, forked.upgrades) == ("completed", ["a", "c"], 1)
        kinds = [event.type for event in await manager.events(f"y{at}")]
        assert kinds[at : at + 2] == ["execution.forked", "execution.upgraded"]
    with pytest.raises(UpgradeRefused, match="its path parts at 'a'"):
        await manager.fork("x", 7, flow=longer)
    assert {event.stream for event in await manager.events("y5")} == {"x", "y5"}


async def test_who_follows_is_told_what_is_the_forks_own(manager: FlowManager) -> None:
    """What is shared was told once; then come the fork's own events, the first with what it was forked off."""
    await manager.run(TWO, execution_id="x")
    await manager.execute_flow((await manager.fork("x", 7, fork_id="y")).execution_id)
    told = []
    async for event in manager.follow("n", after=0):
        told.append((event.stream, event.seq))
        if event.type == "execution.completed" and event.stream == "y":
            break
    assert told == [("x", seq) for seq in range(1, 11)] + [("y", seq) for seq in range(8, 13)]
