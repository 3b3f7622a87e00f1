"""Waits, signals, sub-flows and operators' verbs, from end to end."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from flowsm import FlowManager, FlowStatus
from flowsm.errors import IllegalCommand, SignalConflict, SignalRefused, UsageError
from flowsm.tasks.base import BaseTask
from flowsm.tasks.factory import TaskFactory
from flowsm.testing.clock import ManualClock


def flow(*tasks, to=(), **fields):
    conditions = [
        {"name": f"c{number}", "source_task": source, "outcome": outcome, "target_task_success": target}
        for number, (source, outcome, target) in enumerate(to)
    ]
    return {"id": "f", "name": "F", "start_task": tasks[0]["name"], "tasks": list(tasks), "conditions": conditions} | (
        fields
    )


def task(name, task_type=None, parameters=None, **fields):
    return {"name": name, "task_type": task_type or name, "parameters": parameters or {}} | fields


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def calls():
    return []


@pytest.fixture
def registry(calls):
    tasks = TaskFactory()

    @tasks.task("say")
    async def say(context):
        calls.append(context.task_name)
        return len(calls)

    @tasks.task("hang")
    async def hang(context):
        calls.append(context.task_name)
        await asyncio.get_running_loop().create_future()

    @tasks.task("flaky")
    async def flaky(context):
        calls.append(context.idempotency_key)
        if calls.count(context.idempotency_key) == 1:
            raise OSError("not now")
        return "done"

    return tasks


@pytest.fixture
async def manager(tmp_path, registry, clock):
    async with FlowManager(tmp_path / "flowsm.db", tasks=registry, clock=clock, durability="normal") as made:
        yield made
        assert (await made.verify()).problems == ()


async def until(manager, execution_id, status):
    """The execution, once it has this status."""
    while (found := await manager.get_flow_status(execution_id)).status != status:  # noqa: ASYNC110 (on a real condition)
        await asyncio.sleep(0)
    return found


async def types(manager, execution_id):
    return [event.type for event in await manager.events(execution_id)]


async def test_a_wait_ends_when_its_time_has_come(manager, clock, calls):
    """A wait costs nothing until it is due, and says how late it was."""
    handle = await manager.start(flow(task("w", "wait", {"seconds": 60}), task("say"), to=[("w", "success", "say")]))
    await until(manager, handle.execution_id, "waiting")
    (row,) = (await manager.executions(status="waiting")).items
    assert (row.waiting_for, calls) == ("timer", [])
    await clock.sleepers()
    clock.advance(61)
    result = await handle
    assert (result.status, calls) == (FlowStatus.COMPLETED, ["say"])
    assert result.task_results["w"].data["late_seconds"] == 1.0


async def test_a_signal_brings_the_result_and_the_outcome(manager):
    """Approval: the payload is the result, the word that comes with it the outcome."""
    approval = flow(task("ok", "wait_for_signal"), task("say"), to=[("ok", "approved", "say")])
    handle = await manager.start(approval)
    await until(manager, handle.execution_id, "waiting")
    await manager.signal(handle.execution_id, "ok", {"by": "me"}, outcome="approved", actor="me")
    result = await handle
    assert (result.path, result.task_results["ok"].data) == (["ok", "say"], {"by": "me"})


async def test_early_signals_are_kept_in_order_and_doubles_are_known(manager):
    """Signals that come before their waits are taken first in, first out, one for each."""
    twice = flow(
        task("w", "wait", {"seconds": 9}),
        task("one", "wait_for_signal", {"name": "go"}),
        task("two", "wait_for_signal", {"name": "go"}),
        to=[("w", "success", "one"), ("one", "success", "two")],
    )
    handle = await manager.start(twice, paused=True)
    for number in (1, 2):
        for _ in range(2):
            await manager.signal(handle.execution_id, "go", number, idempotency_key=f"k{number}")
    with pytest.raises(SignalConflict, match="said something else"):
        await manager.signal(handle.execution_id, "go", 3, idempotency_key="k1")
    assert (await types(manager, handle.execution_id)).count("signal.received") == 2
    await manager.resume(handle.execution_id)
    await until(manager, handle.execution_id, "waiting")
    await manager._clock.sleepers()
    manager._clock.advance(9)
    result = await handle
    assert [result.task_results[name].data for name in ("one", "two")] == [1, 2]


async def test_a_payload_that_does_not_fit_is_refused_while_the_wait_is_open(manager):
    """Who signals is told at once; one that came early is the outcome `invalid`."""
    asks = flow(
        task("ok", "wait_for_signal", {"schema": {"type": "object"}}), task("say"), to=[("ok", "invalid", "say")]
    )
    handle = await manager.start(asks)
    await until(manager, handle.execution_id, "waiting")
    with pytest.raises(SignalRefused, match="3 is not of type 'object'"):
        await manager.signal(handle.execution_id, "ok", 3)
    await manager.signal(handle.execution_id, "ok", {})
    assert (await handle).status == FlowStatus.COMPLETED
    early = await manager.start(asks, paused=True)
    await manager.signal(early.execution_id, "ok", 3)
    await manager.resume(early.execution_id)
    assert (await early).path == ["ok", "say"]


async def test_a_signal_that_does_not_come_in_time_is_an_outcome(manager, clock):
    """The timeout of a wait for a signal is the outcome `timeout`."""
    handle = await manager.start(
        flow(task("ok", "wait_for_signal", {"timeout": 5}), task("say"), to=[("ok", "timeout", "say")])
    )
    await until(manager, handle.execution_id, "waiting")
    await clock.sleepers()
    clock.advance(5)
    assert (await handle).path == ["ok", "say"]


async def test_a_start_at_is_kept(manager, clock, calls):
    """An execution begins at its moment, and not before; a moment without an offset is refused."""
    with pytest.raises(UsageError, match=r"offset from UTC, such as \d{4}-\d\d-\d\dT[0-9:.]+\+00:00"):
        await manager.start(flow(task("say")), start_at=clock.now().replace(tzinfo=None))
    handle = await manager.start(flow(task("say")), start_at=clock.now() + timedelta(hours=1))
    await clock.sleepers()
    assert (calls, (await handle.status()).status) == ([], FlowStatus.CREATED)
    clock.advance(3600)
    assert (await handle).status == FlowStatus.COMPLETED


async def test_cancel_stops_what_runs_and_cleans_up(manager, calls):
    """The running task is cancelled, then the flow's `on_cancel` runs, and the reason is kept."""
    handle = await manager.start(flow(task("hang"), task("clean", "say"), on_cancel="clean"))
    await until(manager, handle.execution_id, "running")
    await manager.cancel(handle.execution_id, reason="enough", actor="me")
    result = await handle
    assert (result.status, result.path, result.error) == (FlowStatus.CANCELLED, ["hang", "clean"], "enough")
    assert calls == ["hang", "clean"]
    with pytest.raises(IllegalCommand, match="it is cancelled; possible now: remove"):
        await manager.cancel(handle.execution_id)


async def test_a_pause_takes_effect_between_tasks_or_at_once(manager, calls):
    """With `now` the attempt is stopped and run again; nothing runs in between."""
    handle = await manager.start(flow(task("hang")))
    await until(manager, handle.execution_id, "running")
    await manager.pause(handle.execution_id)
    assert (await manager.get_flow_status(handle.execution_id)).status == FlowStatus.RUNNING
    await manager.pause(handle.execution_id, now=True)
    await until(manager, handle.execution_id, "paused")
    assert calls == ["hang"]
    await manager.resume(handle.execution_id)
    while len(calls) < 2:  # noqa: ASYNC110 (on a real condition)
        await asyncio.sleep(0)
    await manager.cancel(handle.execution_id)
    assert (await handle).status == FlowStatus.CANCELLED


async def test_a_failed_execution_goes_on_from_where_it_failed(manager, calls):
    """A retry keeps earlier results and the idempotency key of the visit."""
    result = await manager.run(flow(task("say"), task("flaky"), to=[("say", "success", "flaky")]))
    assert result.status == FlowStatus.FAILED
    await manager.retry(result.execution_id, reason="the network is back")
    result = await manager.execute_flow(result.execution_id)
    assert (result.status, calls[0], calls[1] == calls[2]) == (FlowStatus.COMPLETED, "say", True)
    with pytest.raises(IllegalCommand, match="possible now: remove"):
        await manager.retry(result.execution_id)


async def test_a_failed_execution_goes_on_after_a_task_that_was_skipped(manager, calls):
    """Where the flow's transitions were used up at a skipped task, a retry goes on from there."""
    always = [{"path": "/input", "op": "exists", "value": True}]
    steps = flow(
        task("say"),
        task("other", "say", skip_when=always),
        to=[("say", "success", "other"), ("other", "skipped", "say")],
        max_transitions=1,
    )
    result = await manager.run(steps)
    assert (result.status, result.path, calls) == (FlowStatus.FAILED, ["say", "other"], ["say"])
    await manager.retry(result.execution_id)
    result = await manager.execute_flow(result.execution_id)
    assert (result.path, calls) == (["say", "other", "say"], ["say", "say"])


async def test_a_subflow_is_an_execution_of_its_own(manager):
    """The child is linked to its parent, which takes its outcome; a flow may be named by its id."""
    child = flow(task("say"), id="child")
    parent = flow(task("sub", "subflow", {"flow": child}), task("say"), to=[("sub", "success", "say")], id="parent")
    result = await manager.run(parent)
    assert (result.status, result.task_results["sub"].data["results"]) == (FlowStatus.COMPLETED, {"say": 1})
    assert (await manager.get_flow_status(f"{result.execution_id}:sub:1")).status == FlowStatus.COMPLETED
    by_name = await manager.run(flow(task("sub", "subflow", {"flow": "child"}), id="by name"))
    assert by_name.status == FlowStatus.COMPLETED
    unknown = await manager.run(flow(task("sub", "subflow", {"flow": "nobody"}), id="unknown"))
    assert "no flow with id 'nobody'" in unknown.error


async def test_cancelling_a_parent_cancels_the_child(manager):
    """The child ends first, then the parent."""
    child = flow(task("hang"), id="child")
    handle = await manager.start(flow(task("sub", "subflow", {"flow": child}), id="parent"))
    await until(manager, handle.execution_id, "waiting")
    while not (await manager.executions(flow="child", status="running")).items:  # noqa: ASYNC110 (likewise)
        await asyncio.sleep(0)
    await manager.cancel(handle.execution_id)
    assert (await handle).status == FlowStatus.CANCELLED
    assert (await manager.get_flow_status(f"{handle.execution_id}:sub:1")).status == FlowStatus.CANCELLED


async def orphans(manager):
    """Executions of the flow `child` that have not ended."""
    items = (await manager.executions(flow="child")).items
    return [row.execution_id for row in items if row.status not in {"completed", "failed", "cancelled"}]


@pytest.mark.parametrize("work", ["hang", "wait_for_signal"])
@pytest.mark.parametrize("whose", ["task", "flow"])
async def test_a_child_whose_parent_waits_no_longer_is_cancelled(manager, clock, work, whose):
    """Its parent's timeout, or that of the parent's task, cancels it, says why, and is what the parent records."""
    child = flow(task(work), id="child")
    sub, rest = task("sub", "subflow", {"flow": child}), {}
    if whose == "task":
        sub |= {"timeout": 60, "retry": {"max_attempts": 2, "initial_interval": 1}}
    else:
        rest = {"timeout": 60}
    handle = await manager.start(flow(sub, id="parent", **rest), execution_id="p")
    first = "running" if work == "hang" else "waiting"
    while not (await manager.executions(flow="child", status=first)).items:  # noqa: ASYNC110 (likewise)
        await asyncio.sleep(0)
    await until(manager, "p", "waiting")
    await clock.sleepers()
    clock.advance(61)
    await until(manager, "p:sub:1", "cancelled")
    ending = asyncio.ensure_future(asyncio.wait_for(handle.result(), 10))
    while not ending.done():
        await asyncio.sleep(0)
        if clock.next_due() is not None:
            clock.advance(61)
    result = ending.result()
    assert (result.status, "took longer than its timeout" in result.error) == (FlowStatus.FAILED, True)
    asked = [event.fact for event in await manager.events("p:sub:1") if event.type == "execution.cancelling"]
    named = "its parent p in task 'sub' took" if whose == "task" else "its parent p took"
    assert [(fact.actor, fact.reason.startswith(named)) for fact in asked] == [("p", True)]
    assert "task.timed_out" in await types(manager, "p")
    while await orphans(manager):  # noqa: ASYNC110 (likewise)
        await asyncio.sleep(0)


async def test_a_crash_between_a_childs_cancellation_and_the_timeout_is_made_good(manager, clock, monkeypatch):
    """The parent that finds its child cancelled after its time records the timeout, not the cancellation."""
    child = flow(task("ok", "wait_for_signal"), id="child")
    await manager.start(flow(task("sub", "subflow", {"flow": child}, timeout=60), id="parent"), execution_id="p")
    while not (await manager.executions(flow="child", status="waiting")).items:  # noqa: ASYNC110 (likewise)
        await asyncio.sleep(0)
    clock.jump(61)  # nobody is woken
    await manager.cancel("p:sub:1", reason="its parent p took longer than its timeout", actor="p")
    await until(manager, "p:sub:1", "cancelled")
    result = await asyncio.wait_for(manager.execute_flow("p"), 10)
    assert "task.timed_out" in await types(manager, "p")
    assert (result.status, "took longer than its timeout" in result.error) == (FlowStatus.FAILED, True)


async def test_a_signal_does_not_end_the_time_of_a_child(manager, clock):
    """Somebody who only tells a parent something leaves its timeout to who drives it: the child is cancelled first."""
    child = flow(task("ok", "wait_for_signal"), id="child")
    await manager.start(flow(task("sub", "subflow", {"flow": child}, timeout=60), id="parent"), execution_id="p")
    while not (await manager.executions(flow="child", status="waiting")).items:  # noqa: ASYNC110 (likewise)
        await asyncio.sleep(0)
    clock.jump(61)
    await manager.signal("p", "hello")
    result = await asyncio.wait_for(manager.execute_flow("p"), 10)
    assert result.status == FlowStatus.FAILED
    await until(manager, "p:sub:1", "cancelled")


@pytest.mark.parametrize("rest", [(), ("say",)])
async def test_a_child_that_others_signal_wakes_who_waits_for_its_parent(manager, registry, clock, calls, rest):
    """Another process signals the child of an execution that is waited for here: it goes on here, or its end is seen."""
    to = [("ok", "success", name) for name in rest]
    child = flow(task("ok", "wait_for_signal"), *(task(name) for name in rest), to=to, id="child")
    middle = flow(task("sub", "subflow", {"flow": child}), id="middle")
    handle = await manager.start(flow(task("sub", "subflow", {"flow": middle}), id="parent"), execution_id="p")
    waiting = asyncio.ensure_future(handle.result())
    while not (await manager.executions(flow="child", status="waiting")).items:  # noqa: ASYNC110 (likewise)
        await asyncio.sleep(0)
    async with FlowManager(manager._log.path, tasks=registry, clock=clock, durability="normal") as other:
        await other.signal("p:sub:1:sub:1", "ok")
    assert (await asyncio.wait_for(waiting, 10)).status == FlowStatus.COMPLETED
    assert calls == list(rest)
    assert not manager._bound()._joined


class Charge(BaseTask):
    """Dies with its first driver, and can find out whether it charged."""

    found = None

    async def probe(self, context):
        if Charge.found is None:
            raise ConnectionError("the bank does not answer")
        return Charge.found or None

    async def execute(self, context):
        return await asyncio.get_running_loop().create_future()


@pytest.mark.parametrize(
    ("policy", "found", "expected"),
    [
        ("fail", None, "failed"),
        ("probe", {"charged": True}, "completed"),
        ("probe", None, "waiting"),
        ("ask", None, "waiting"),
        ("retry", None, "running"),
    ],
)
async def test_an_interrupted_attempt_goes_as_its_task_says(tmp_path, policy, found, expected):
    """The unknown outcome has a name, and a policy; a person is asked where nobody can tell."""
    Charge.found = found
    tasks = TaskFactory()
    tasks.register_task("charge", Charge)
    path = tmp_path / "flowsm.db"
    first = FlowManager(path, tasks=tasks, durability="normal")
    handle = await first.start(flow(task("charge", on_interrupt=policy)))
    await until(first, handle.execution_id, "running")
    await first.close()
    async with FlowManager(path, tasks=tasks, durability="normal", recover=True) as second:
        waiting = asyncio.ensure_future(second.execute_flow(handle.execution_id))
        while "task.interrupted" not in await types(second, handle.execution_id):  # noqa: ASYNC110 (on a real condition)
            await asyncio.sleep(0)
        await until(second, handle.execution_id, expected)
        if expected == "waiting":
            await second.resolve(handle.execution_id, "success", data={"seen": "on the statement"}, actor="me")
            result = await waiting
            assert (result.status, result.task_results["charge"].data) == ("completed", {"seen": "on the statement"})
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert (await second.verify()).problems == ()
