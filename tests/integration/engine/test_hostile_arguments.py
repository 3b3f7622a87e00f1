"""Operators' verbs with arguments of the wrong kind: refused before anything is decided, and nothing is recorded."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from small_flows import flow_of, task_of

from flowsm import FlowManager
from flowsm.errors import UsageError
from flowsm.events.commands import Cancel, Create
from flowsm.events.facts import ExecutionCancelling, SignalReceived
from flowsm.limits import NAME_MAX_CHARS, SAID_MAX_CHARS
from flowsm.runtime.arguments import stored_alike

WAITS = flow_of(task_of("ok", "wait_for_signal"))


class Unshowable:
    """A value whose own code fails."""

    def __repr__(self) -> str:
        raise ValueError("no")


@pytest.fixture
async def manager(path, tasks):
    async with FlowManager(path, tasks=tasks, durability="normal") as made:
        yield made


@pytest.mark.parametrize(
    ("verb", "arguments", "options", "words"),
    [
        ("cancel", (), {"actor": 42}, "actor is 42, expected a text of at most 10,000 characters"),
        ("cancel", (), {"reason": 42}, "reason is 42, expected a text"),
        ("cancel", (), {"reason": b"x"}, "reason is b'x', expected a text"),
        ("cancel", (), {"reason": "x" * (SAID_MAX_CHARS + 1)}, "reason is 'xxx"),
        ("cancel", (), {"reason": "\ud800"}, "expected Unicode text"),
        ("cancel", (), {"reason": Unshowable()}, "reason is a value of type 'Unshowable'"),
        ("pause", (), {"actor": None}, "actor is None, expected a text"),
        ("pause", (), {"now": "no"}, "now is 'no', expected True or False"),
        ("resume", (), {"actor": 1}, "actor is 1, expected a text"),
        ("retry", (), {"task": 5}, "task is 5, expected a text of 1 to 200 characters"),
        ("remove_flow", (), {"actor": 42}, "actor is 42, expected a text"),
        ("signal", (5,), {}, "name is 5, expected a text of 1 to 200 characters"),
        ("signal", ("",), {}, "name is '', expected a text of 1 to 200 characters"),
        ("signal", ("x" * (NAME_MAX_CHARS + 1),), {}, "expected a text of 1 to 200 characters"),
        ("signal", ("a",), {"outcome": 5}, "outcome is 5, expected a text of 1 to 200 characters"),
        ("signal", ("a",), {"idempotency_key": 5}, "idempotency_key is 5, expected 1 to 400 printable characters"),
        ("signal", ("a",), {"actor": 5}, "actor is 5, expected a text"),
        ("resolve", ("success",), {"outcome": 5}, "outcome is 5, expected a text of 1 to 200 characters"),
        ("resolve", ("success",), {"message": 5}, "message is 5, expected a text"),
        ("resolve", ("bogus",), {}, "resolution is 'bogus', expected one of success, failure, retry"),
        ("resolve", ("success",), {"outcome": "failure"}, "outcome 'failure' contradicts the resolution 'success'"),
        ("resolve", ("failure",), {"outcome": "success"}, "or resolve the attempt as 'success'"),
        ("resolve", ("retry",), {"outcome": "approved"}, "has an outcome of its own: leave it out"),
        ("resolve", ("retry",), {"message": "again"}, "has a message of its own: leave it out"),
        ("resolve", ("retry",), {"data": {"paid": 3}}, "data is {'paid': 3}, but an attempt that is made again"),
        ("retry", (), {"overrides": {"input": 1, "/input": 2}}, "'input' is set twice: give one value for it"),
        ("retry", (), {"overrides": {"input.a": 1, 'input."a"': 1}}, "'input.a' is set twice: give one value for it"),
        ("resolve", (None,), {}, "resolution is None, expected one of success, failure, retry"),
    ],
)
async def test_an_argument_that_cannot_be_recorded_is_refused(manager, path, tasks, verb, arguments, options, words):
    """The sentence names the argument, the value and what is expected; another process reads the execution as before."""
    execution_id = manager.create_flow_execution(WAITS)
    with pytest.raises(UsageError) as refused:
        await getattr(manager, verb)(execution_id, *arguments, **options)
    assert words in str(refused.value)
    other = FlowManager(path, tasks=tasks)
    assert [event.type for event in await other.events(execution_id)] == ["execution.created"]
    assert (await other.get_flow_status(execution_id)).status == "created"
    await other.close()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"everything": True, "actor": 7}, "actor is 7"),
        ({"everything": True, "reason": 7}, "reason is 7"),
        ({"everything": "no"}, "everything is 'no', expected True or False"),
        ({"everything": True, "now": 1}, "now is 1, expected True or False"),
        ({"everything": True, "dry_run": "no"}, "dry_run is 'no', expected True or False"),
        ({"status": 5}, "status is 5, expected a text"),
        ({"flow": 5}, "flow is 5, expected a text"),
        ({"since": "2020"}, "since is '2020', expected a datetime"),
    ],
)
async def test_many_are_not_asked_with_such_an_argument(manager, options, words):
    """Not one of them is asked."""
    execution_id = manager.create_flow_execution(WAITS)
    with pytest.raises(UsageError, match=words):
        await manager.in_bulk("pause", **options)
    with pytest.raises(UsageError, match="verb is 5, expected one of cancel"):
        await manager.in_bulk(5, everything=True)
    assert len(await manager.events(execution_id)) == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"paused": "no"}, "paused is 'no', expected True or False"),
        ({"start_at": "2020-01-01T00:00:00Z"}, "start_at is '2020-01-01T00:00:00Z', expected a datetime"),
        ({"start_at": datetime(2020, 1, 1)}, "expected a datetime with its offset"),  # noqa: DTZ001 - that is the point
        ({"start_at": datetime.min.replace(tzinfo=timezone(timedelta(hours=2)))}, "outside the years 1 to 9999 in UTC"),
        ({"idempotency_key": 5}, "idempotency key 5 is not usable"),
        ({"execution_id": 5}, "execution id 5 is not usable"),
    ],
)
async def test_an_execution_is_not_started_with_such_an_argument(manager, options, words):
    """Nothing is created."""
    with pytest.raises(UsageError, match=words):
        await manager.start(WAITS, **options)
    assert (await manager.executions()).items == []


@pytest.mark.parametrize("execution_id", [5, None, b"x"])
async def test_an_id_that_is_no_text_is_named(manager, execution_id):
    """It is not looked for."""
    with pytest.raises(UsageError, match=r"execution_id is .*, expected a text"):
        await manager.cancel(execution_id)


async def test_a_text_of_another_class_is_recorded_as_text(manager):
    """What is in memory is what a later process reads."""

    class Word(str):
        __slots__ = ()

    execution_id = manager.create_flow_execution(WAITS)
    await manager.cancel(execution_id, reason=Word("why"))
    asked = next(event.fact for event in await manager.events(execution_id) if event.type == "execution.cancelling")
    assert type(asked.reason) is str


@pytest.mark.parametrize(
    "fact",
    [
        ExecutionCancelling(reason=42),  # type: ignore[arg-type]
        ExecutionCancelling(reason="\ud800"),
        SignalReceived(name="a", payload=float("nan")),
        SignalReceived(name="a", payload=(1,)),
        SignalReceived(name="a", payload=object()),
    ],
)
def test_a_fact_that_does_not_read_back_is_never_appended(fact):
    """Whatever the checks before it let pass."""
    stored_alike([ExecutionCancelling(reason="why", actor="me"), SignalReceived(name="a", payload=[{"b": 1.5}])])
    with pytest.raises(UsageError, match=f"{fact.TYPE} cannot be recorded"):
        stored_alike([fact])


async def test_the_last_line_of_defence_stands_before_every_verb_and_creation(manager, monkeypatch):
    """With the checks of arguments gone, what cannot be read again is still not recorded."""
    monkeypatch.setattr("flowsm.runtime.operating.checked_command", lambda command: command)
    execution_id = manager.create_flow_execution(WAITS)
    for ask in (manager._operating.ask, manager._operating.would):
        with pytest.raises(UsageError, match=r"execution\.cancelling cannot be recorded"):
            await ask(execution_id, Cancel(actor=42))  # type: ignore[arg-type]
    assert len(await manager.events(execution_id)) == 1

    def bad(command: Create, *_: Any, **__: Any) -> Create:
        return Create(digest=command.digest, idempotency_key=5)  # type: ignore[arg-type]

    monkeypatch.setattr("flowsm.starting.begun", bad)
    with pytest.raises(UsageError, match=r"execution\.created cannot be recorded"):
        await manager.start(WAITS)
    monkeypatch.setattr("flowsm.starting.checked_key", lambda _: 5)
    with pytest.raises(UsageError, match=r"execution\.created cannot be recorded"):
        manager.create_flow_execution(WAITS)
    assert len((await manager.executions()).items) == 1


def deep(levels: int) -> Any:
    """A list in a list in a list."""
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


class Loop(list):  # type: ignore[type-arg]
    """A list that contains itself."""

    def __init__(self) -> None:
        super().__init__()
        self.append(self)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"a": [float("nan")]}, "at /a/0: nan is not JSON"),
        (object(), "a value of type 'object' is not JSON"),
        ("\ud800", "half a character"),
        ({"\ud800": 1}, "half a character"),
        (Loop(), "more than 200 levels deep, or it contains itself"),
        (deep(201), "more than 200 levels deep"),
        pytest.param(1 << 20_000, "too many digits", id="huge"),
    ],
)
async def test_a_value_that_is_no_json_is_refused(manager, value, words):
    """Of a signal as of a resolution; the sentence says where and why."""
    execution_id = manager.create_flow_execution(WAITS)
    with pytest.raises(UsageError, match="payload at ") as refused:
        await manager.signal(execution_id, "ok", value)
    assert words in str(refused.value)
    with pytest.raises(UsageError, match="data at ") as refused:
        await manager.resolve(execution_id, "success", data=value)
    assert words in str(refused.value)
    assert len(await manager.events(execution_id)) == 1


async def test_the_stated_limit_of_a_payload_is_the_one_that_holds(manager, monkeypatch):
    """As for results: 64 MiB of JSON; here a smaller one."""
    monkeypatch.setattr("flowsm.tasks.jsonvalue.RESULT_MAX_BYTES", 1_000_000)
    execution_id = manager.create_flow_execution(WAITS)
    with pytest.raises(UsageError, match=r"payload at /: 1\.0 MiB of JSON, at most"):
        await manager.signal(execution_id, "ok", "x" * 1_000_000)
    await manager.signal(execution_id, "ok", "x" * 999_000)


async def test_a_payload_is_the_same_live_and_read_again(path, tasks):
    """Tuples are lists and keys are texts at once, so that conditions ask of them what a replay asks."""
    clause = {"path": "/results/ok/data/sizes", "op": "eq", "value": [1, 2]}
    flow = flow_of(
        task_of("ok", "wait_for_signal"),
        task_of("other", "wait_for_signal"),
        to=(("ok", "success", "other", clause),),
    )
    given = {"sizes": (1, 2), 1: {3}}
    async with FlowManager(path, tasks=tasks) as manager:
        handle = await manager.start(flow)
        await manager.signal(handle.execution_id, "ok", given)
        given["later"] = True
        while (live := await handle.status()).status != "waiting" or live.current_task != "other":  # noqa: ASYNC110 (on a real condition)
            await asyncio.sleep(0)
        assert live.task_results["ok"].data == {"sizes": [1, 2], "1": [3]}
        assert (await FlowManager(path, tasks=tasks).get_flow_status(handle.execution_id)) == live
        assert (await manager.verify()).ok
