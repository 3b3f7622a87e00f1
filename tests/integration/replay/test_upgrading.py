"""Executions in flight go on with another version of their flow."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from small_flows import flow_of, task_of, tasks_that_say, until

from flowsm import FlowManager, Limits, TaskContext, TaskFactory
from flowsm.errors import Conflict, ExecutionNotFound, FlowMismatch, UpgradeRefused, UsageError
from flowsm.events.facts import ExecutionUpgraded
from flowsm.log.port import Append, Appended
from flowsm.replay.upgrade import Upgrade
from flowsm.sync import FlowManager as SyncManager
from flowsm.testing.clock import ManualClock

WAITS = flow_of(
    task_of("a"),
    task_of("w", "wait_for_signal"),
    task_of("b"),
    to=(("a", "success", "w"), ("w", "success", "b")),
    version="1",
)
LONGER = flow_of(
    task_of("a"),
    task_of("w", "wait_for_signal"),
    task_of("new", parameters={"data": {"$from": "/results/w/data"}}),
    task_of("b"),
    to=(("a", "success", "w"), ("w", "success", "new"), ("new", "success", "b")),
    version="2",
)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def manager(clock: ManualClock) -> AsyncIterator[FlowManager]:
    async with FlowManager(":memory:", tasks=tasks_that_say(), clock=clock, durability="normal") as made:
        yield made


async def waiting(manager: FlowManager, flow: Any = WAITS, name: str = "x") -> str:
    handle = await manager.start(flow, execution_id=name)
    await until(manager, handle.execution_id, "waiting")
    return handle.execution_id


async def upgrades_of(manager: FlowManager, execution_id: str) -> list[ExecutionUpgraded]:
    return [event.fact for event in await manager.events(execution_id) if isinstance(event.fact, ExecutionUpgraded)]


async def test_it_goes_on_with_the_new_version(manager: FlowManager) -> None:
    """The present wait stays; what comes after it is decided by the new version; the event says who, why and what."""
    name = await waiting(manager)
    after = await manager.upgrade(name, LONGER, reason="b needs new", actor="ann")
    assert (after.status, after.path) == ("waiting", ["a", "w"])
    await manager.signal(name, "w", {"n": 1})
    ended = await manager.finish(name)
    assert ended.path == ["a", "w", "new", "b"]
    assert ended.task_results["new"].data == {"n": 1}
    (fact,) = await upgrades_of(manager, name)
    assert (fact.version_before, fact.version, fact.reason, fact.actor) == ("1", "2", "b needs new", "ann")
    assert (fact.before, fact.digest) == (
        manager._loader.prepare(manager.load_flow_config(WAITS)).digest,
        manager._loader.prepare(manager.load_flow_config(LONGER)).digest,
    )
    assert ended.flow_digest == fact.digest
    assert (await manager.verify()).ok


async def test_a_manager_that_comes_later_has_the_new_version_too(tmp_path, clock: ManualClock) -> None:
    """The definition is in the file with the event: another manager folds the stream, and goes on with it."""
    async with FlowManager(tmp_path / "a.db", tasks=tasks_that_say(), clock=clock) as first:
        name = await waiting(first)
        await first.upgrade(name, LONGER)
    async with FlowManager(tmp_path / "a.db", tasks=tasks_that_say(), clock=clock) as second:
        await second.signal(name, "w")
        assert (await second.execute_flow(name, LONGER)).path == ["a", "w", "new", "b"]
        with pytest.raises(FlowMismatch, match="upgrade this one to it"):
            await second.execute_flow(name, WAITS)


async def test_a_running_attempt_stays_valid(manager: FlowManager) -> None:
    """What runs while it is upgraded is run once, its result is recorded, and the new version picks the way on."""
    runs: list[int] = []
    begun, go_on = asyncio.Event(), asyncio.Event()

    @manager.tasks.task("held")
    async def held(context: TaskContext) -> int:
        runs.append(context.attempt)
        begun.set()
        await go_on.wait()
        return 7

    flow = flow_of(task_of("h", "held"), task_of("b"), to=(("h", "success", "b"),))
    handle = await manager.start(flow)
    await begun.wait()
    other = flow_of(
        task_of("h", "held"),
        task_of("c", parameters={"data": {"$from": "/results/h/data"}}),
        to=(("h", "success", "c"),),
    )
    upgraded = await manager.upgrade(handle.execution_id, other)
    assert upgraded.status == "running"
    row = (await manager.executions()).items[0]
    assert row.flow_digest == upgraded.flow_digest, "the list shows the version that it has now"
    go_on.set()
    ended = await handle
    assert (ended.path, runs, ended.task_results["c"].data) == (["h", "c"], [1], 7)
    assert [row.status for row in await manager.history(handle.execution_id)] == ["success", "success"]
    assert (await manager.verify()).ok


async def test_retries_of_the_new_version_hold_from_then_on(manager: FlowManager, clock: ManualClock) -> None:
    """An attempt that fails after the upgrade is retried as the new version says."""
    begun, go_on = asyncio.Event(), asyncio.Event()

    @manager.tasks.task("flaky")
    async def flaky(context: TaskContext) -> int:
        begun.set()
        await go_on.wait()
        if context.attempt == 1:
            raise OSError("not now")
        return context.attempt

    handle = await manager.start(flow_of(task_of("x", "flaky")))
    await begun.wait()
    retry = {"max_attempts": 2, "initial_interval": 0, "jitter": 0}
    await manager.upgrade(handle.execution_id, flow_of(task_of("x", "flaky", retry=retry)))
    go_on.set()
    ended = await handle
    assert (ended.status, ended.task_results["x"].data) == ("completed", 2)


@pytest.mark.parametrize(
    ("before", "after", "later"), [(60, 100, 40), (None, 30, 30), (60, None, None), (60, 60, 0), (100, 60, -40)]
)
async def test_the_flows_own_time_is_that_of_the_new_version(
    manager: FlowManager, clock: ManualClock, before: float | None, after: float | None, later: float | None
) -> None:
    """Counted from where the former one was; from the upgrade where there was none; and none where it has none."""
    old = {} if before is None else {"timeout": before}
    new = {} if after is None else {"timeout": after}
    name = await waiting(manager, WAITS | old)
    began = clock.now()
    clock.advance(10)
    await manager.upgrade(name, LONGER | new)
    state, _ = await manager._loader.load(name)
    if later is None:
        assert state.deadline is None
    else:
        expected = began + timedelta(seconds=10 + later if before is None else before + later)
        assert state.deadline is not None
        assert state.deadline.startswith(expected.isoformat()[:19])
        clock.advance((expected - clock.now()).total_seconds())
        assert (await manager.finish(name)).error == f"the execution took longer than its timeout of {after:g} s"


async def test_a_time_that_would_be_over_is_refused(manager: FlowManager, clock: ManualClock) -> None:
    """Nobody upgrades an execution to its end by mistake; the rehearsal says so too."""
    name = await waiting(manager, WAITS | {"timeout": 100})
    clock.advance(50)
    with pytest.raises(
        UpgradeRefused, match="its time would be over at once: the version's timeout of 20 s has passed"
    ):
        await manager.upgrade(name, LONGER | {"timeout": 20})
    (found,) = await manager.rehearse_upgrade([name], LONGER | {"timeout": 20})
    assert not found.safe
    assert not await upgrades_of(manager, name)


async def test_what_is_not_safe_is_refused_with_its_reasons(manager: FlowManager) -> None:
    """Nothing is recorded; the error has the reasons, and what to do."""
    name = await waiting(manager)
    other = flow_of(task_of("b"), version="3")
    with pytest.raises(UpgradeRefused, match=r"its path parts at 'created'.*let it end as it is") as refused:
        await manager.upgrade(name, other)
    assert len(refused.value.reasons) == 1
    assert not await upgrades_of(manager, name)
    with pytest.raises(ExecutionNotFound):
        await manager.upgrade("nobody", WAITS)
    with pytest.raises(UsageError, match="reason"):
        await manager.upgrade(name, WAITS, reason="x" * 20_000)


async def test_the_version_that_it_has_already_changes_nothing(manager: FlowManager) -> None:
    """Whoever asks twice is not refused, and nothing is recorded twice."""
    name = await waiting(manager)
    for _ in range(2):
        await manager.upgrade(name, LONGER)
    assert len(await upgrades_of(manager, name)) == 1


async def test_there_and_back(manager: FlowManager) -> None:
    """An upgraded execution can be upgraded again, also to where it came from."""
    name = await waiting(manager)
    for flow in (LONGER, WAITS, LONGER, WAITS):
        await manager.upgrade(name, flow)
    await manager.signal(name, "w")
    assert (await manager.finish(name)).path == ["a", "w", "b"]
    assert [fact.version for fact in await upgrades_of(manager, name)] == ["2", "1", "2", "1"]


async def test_it_is_judged_again_where_it_went_on_meanwhile(
    manager: FlowManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The verdict holds for the very event that the upgrade is appended to: what came between is looked at again."""
    name = await waiting(manager)
    other = flow_of(
        task_of("a"), task_of("w", "wait_for_signal"), task_of("z"), to=(("a", "success", "w"), ("w", "success", "z"))
    )
    append = manager._log.append

    async def interfering(batch: Append) -> Appended:
        if any(isinstance(fact, ExecutionUpgraded) for fact in batch.facts):
            monkeypatch.setattr(manager._log, "append", append)
            await manager.signal(name, "w")
            await manager.finish(name)
        return await append(batch)

    monkeypatch.setattr(manager._log, "append", interfering)
    with pytest.raises(UpgradeRefused, match="it has ended"):
        await manager.upgrade(name, other)


async def test_one_that_goes_on_for_ever_is_given_up(manager: FlowManager, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever always comes too late is told so."""
    name = await waiting(manager)

    async def never(batch: Append) -> Appended:
        raise Conflict(batch.stream, batch.expected_seq, batch.expected_seq + 1)

    monkeypatch.setattr(manager._log, "append", never)
    with pytest.raises(Conflict):
        await manager.upgrade(name, LONGER)


async def test_many_at_once(manager: FlowManager) -> None:
    """All that can be done is done; which cannot, and why, is in the report; a dry run changes nothing."""
    for number in range(3):
        await waiting(manager, name=f"w{number}")
    ended = await manager.run(flow_of(task_of("a")), execution_id="ended")
    other = await waiting(manager, flow_of(task_of("w", "wait_for_signal")), "other")
    tried = await manager.upgrade_in_bulk(LONGER, of_flow="f", dry_run=True)
    assert (tried.matched, tried.done, tried.refused) == (4, 3, 1)
    assert not await upgrades_of(manager, "w0")
    report = await manager.upgrade_in_bulk(LONGER, of_flow="f")
    by_id = {one.execution_id: one for one in report.executions}
    assert (report.matched, report.done, report.refused) == (4, 3, 1)
    assert all(by_id[f"w{number}"].seq for number in range(3))
    assert "its path parts" in by_id[other].reasons[0]
    assert ended.execution_id not in by_id, "what has ended is not meant"
    named: list[Upgrade] = []
    some = await manager.upgrade_in_bulk(LONGER, execution_ids=["w0", "ended", "nobody", "w0"], each=named.append)
    assert (some.matched, some.done, some.executions) == (3, 1, [])
    assert [(one.execution_id, one.safe, one.seq) for one in named] == [
        ("w0", True, None),
        ("ended", False, None),
        ("nobody", False, None),
    ]
    with pytest.raises(UsageError, match="expected a filter"):
        await manager.upgrade_in_bulk(LONGER)


async def test_a_version_that_there_is_no_code_for_is_left_to_others(manager: FlowManager) -> None:
    """The result of what ran is recorded; its next task is not failed for want of code, but left to whoever has it."""
    begun, go_on = asyncio.Event(), asyncio.Event()

    @manager.tasks.task("held")
    async def held() -> None:
        begun.set()
        await go_on.wait()

    handle = await manager.start(flow_of(task_of("h", "held")))
    await begun.wait()
    await manager.upgrade(
        handle.execution_id, flow_of(task_of("h", "held"), task_of("r", "rare"), to=(("h", "success", "r"),))
    )
    go_on.set()
    while (found := await manager.get_flow_status(handle.execution_id)).path != ["h", "r"]:
        assert found.ended_at is None
        await asyncio.sleep(0)
    manager.tasks.register_task("rare", lambda: 3)
    ended = await manager.execute_flow(handle.execution_id)
    assert (ended.status, ended.task_results["r"].data) == ("completed", 3)
    assert [row.status for row in await manager.history(handle.execution_id)] == ["success", "success"]


async def test_under_limits_too(clock: ManualClock) -> None:
    """A manager with limits goes on with the new version, whose task types may be limited."""
    tasks = tasks_that_say()
    begun, go_on = asyncio.Event(), asyncio.Event()

    @tasks.task("held")
    async def held() -> None:
        begun.set()
        await go_on.wait()

    tasks.register_task("scarce", lambda: 1)
    async with FlowManager(":memory:", tasks=tasks, clock=clock, limits=Limits(task_types={"scarce": 1})) as manager:
        handle = await manager.start(flow_of(task_of("h", "held")))
        await begun.wait()
        await manager.upgrade(
            handle.execution_id, flow_of(task_of("h", "held"), task_of("s", "scarce"), to=(("h", "success", "s"),))
        )
        go_on.set()
        assert (await handle).path == ["h", "s"]
        assert await manager._agenda.in_use("task", "scarce") == 0
        assert (await manager.verify()).ok


async def test_it_is_told_in_words(manager: FlowManager) -> None:
    """Timeline, explanation and both machines of the replay know the upgrade."""
    name = await waiting(manager)
    await manager.upgrade(name, LONGER, reason="because", actor="ann")
    await manager.signal(name, "w")
    await manager.finish(name)
    (entry,) = [entry for entry in await manager.timeline(name) if entry.text.startswith("upgraded")]
    assert entry.text.startswith("upgraded from version 1 (")
    assert entry.text.endswith(") by ann: because")
    told = await manager.explain(name)
    assert [one.text for one in told.upgrades] == [entry.text]
    assert (await manager.explain(name, entry.seqs[0] - 1)).upgrades == ()
    history = await manager.replay(name)
    assert history.machine_at(entry.seqs[0] - 1).flow.version == "1"
    assert history.machine_at(entry.seqs[0]).flow.version == history.machine.flow.version == "2"
    browsed = await manager.browse(name)
    assert browsed.machine_at(0).flow.version == "1"
    assert browsed.machine_at(browsed.last).flow.version == "2"
    changed = await manager.diff(name, entry.seqs[0] - 1, entry.seqs[0])
    assert {"/digest", "/upgrades"} <= {change.path for change in changed}


async def test_coverage_counts_for_the_version_that_it_had_then(manager: FlowManager) -> None:
    """Transitions before the upgrade count for the old version, those after it for the new one."""
    name = await waiting(manager)
    await manager.upgrade(name, LONGER)
    await manager.signal(name, "w")
    await manager.finish(name)
    new, old = [count.report() for count in await manager.coverage(every_version=True)]
    assert (new.executions, old.executions) == (1, 1)
    taken = [[(one.source, one.target) for one in version.transitions if one.count] for version in (old, new)]
    assert taken == [[("created", "a"), ("a", "w")], [("w", "new"), ("new", "b"), ("b", "completed")]]


def test_without_await(tmp_path) -> None:
    """The blocking face has both verbs."""
    with SyncManager(tmp_path / "a.db", tasks=tasks_that_say()) as manager:
        handle = manager.start(WAITS, execution_id="x", paused=True)
        assert manager.upgrade("x", LONGER, actor="ann").flow_digest
        assert manager.upgrade_in_bulk(LONGER, everything=True).done == 1
        manager.resume("x")
        manager.signal("x", "w")
        assert handle.result(30).path == ["a", "w", "new", "b"]


async def test_a_file_without_the_new_version_is_noticed(tmp_path) -> None:
    """Where the flow that an upgrade names is missing, verify and reading name the event that needs it."""
    async with FlowManager(tmp_path / "a.db", tasks=TaskFactory()) as manager:
        name = manager.create_flow_execution(
            WAITS | {"tasks": [task_of("w", "wait_for_signal")], "conditions": [], "start_task": "w"}
        )
        await manager.upgrade(
            name, {"id": "f", "name": "Other", "start_task": "w", "tasks": [task_of("w", "wait_for_signal")]}
        )
    with sqlite3.connect(tmp_path / "a.db") as connection:
        connection.execute("DROP TRIGGER definitions_are_not_deleted")
        connection.execute("DELETE FROM definitions WHERE name = 'Other'")
    connection.close()
    async with FlowManager(tmp_path / "a.db", tasks=TaskFactory()) as manager:
        (problem,) = (await manager.verify(name)).problems
        assert (problem.seq, problem.message[:26]) == (2, "its flow cannot be read: n")
        with pytest.raises(Exception, match="is missing, or not what was stored"):
            await manager.get_flow_status(name)


async def test_a_fork_has_the_version_of_where_it_begins(manager: FlowManager) -> None:
    """Forked off before the upgrade it goes the old way, after it the new one; and it can be upgraded itself."""
    name = await waiting(manager)
    await manager.upgrade(name, LONGER)
    seq = (await manager.get_flow_status(name)).seq
    paths = {}
    for at, fork in ((seq - 1, "old"), (seq, "new"), (seq - 1, "again")):
        forked = await manager.fork(name, at, fork_id=fork)
        if fork == "again":
            await manager.upgrade(forked.execution_id, LONGER)
        await manager.signal(forked.execution_id, "w")
        paths[fork] = (await manager.finish(forked.execution_id)).path[2:]
    assert paths == {"old": ["b"], "new": ["new", "b"], "again": ["new", "b"]}
    assert (await manager.verify()).ok
    assert (await manager.rebuild()).ok
    assert (await manager.verify()).ok
