"""Secrets in running executions: tasks get them, and nothing that is kept or told holds them."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import logging
import threading
import urllib.parse
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from children import until

from flowsm import FlowManager, TaskFactory
from flowsm.errors import NotAllowed
from flowsm.status import FlowStatus, TaskStatus
from flowsm.tasks.base import BaseTask
from flowsm.tasks.result import TaskResult
from flowsm.testing import FlowTester
from flowsm.testing.crashing import crash_everywhere

VALUE = 'sk_live_4eC39Hq+Ly/jW"Dä%rjt'
KEY = {"$secret": "STRIPE_KEY"}
TRACES = (
    VALUE.encode(),
    json.dumps(VALUE)[1:-1].encode(),
    urllib.parse.quote(VALUE, safe="").encode(),
    base64.b64encode(VALUE.encode())[:-4],
    b"sk_live_",
    b"4eC39Hq",
)
"""What would show that the value, or a piece of it, got somewhere."""


class Leaky(BaseTask):
    """Gives back whatever it was given, everywhere."""

    seen: list[Any] = []

    async def execute(self, context: Any) -> Any:
        key = self.parameters["key"]
        Leaky.seen.append(key)
        context.logger.warning("the key is %s", key)
        threading.Thread(target=context.logger.error, args=("in a thread of its own: %r", {"key": key})).start()
        if self.parameters.get("raises"):
            raise type(f"Refused{key}", (ValueError,), {})(f"401 for {key!r}, or {key[:15]}…") from KeyError(key)
        return TaskResult(
            status=TaskStatus.FAILURE if self.parameters.get("fails") else TaskStatus.SUCCESS,
            message=f"paid with {key}",
            error=f"not paid with {key}",
            data={
                "headers": {"Authorization": f"Bearer {key}"},
                f"of {key}": [1, {"url": f"https://x.example/?key={urllib.parse.quote(key)}"}],
                "basic": base64.b64encode(f"user:{key}".encode()).decode(),
                "json": json.dumps({"key": key}),
                "parameters": self.parameters,
            },
            outcome=f"outcome {key}",
            warnings=[f"old: {key}", repr(self.config)],
        )

    async def probe(self, context: Any) -> Any:
        key = self.parameters["key"]
        context.logger.warning("asked about %s", key)
        if self.parameters.get("raises"):
            raise LookupError(f"who is {key}?")
        return {"found": key}


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWSM_SECRET_STRIPE_KEY", VALUE)
    Leaky.seen.clear()


@pytest.fixture
def tasks() -> TaskFactory:
    registry = TaskFactory()
    registry.register_task("leaky", Leaky)

    def book(key: str, context: Any) -> Any:
        def function(connection: Any) -> Any:
            connection.execute("CREATE TABLE IF NOT EXISTS booked (n)")
            if context.attempt == 1:
                raise ValueError(f"no booking with {key}")
            return {"booked": key}

        return context.transaction(function)

    def typed(key: int) -> int:
        return key

    def length(key: Any) -> int:
        return len(key)

    registry.register_task("book", book)
    registry.register_task("typed", typed)
    registry.register_task("echo", lambda value=None: value)
    registry.register_task("length", length)
    return registry


@pytest.fixture
async def manager(tmp_path: Path, tasks: TaskFactory) -> AsyncIterator[FlowManager]:
    async with FlowManager(tmp_path / "flowsm.db", tasks=tasks, durability="normal") as made:
        yield made


def one(task_type: str, parameters: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "id": "f",
        "name": "F",
        "start_task": "t",
        "tasks": [{"name": "t", "task_type": task_type, "parameters": parameters, **more}],
    }


def assert_no_trace(*found: bytes) -> None:
    """Fail where any of these bytes holds the value."""
    for data in found:
        for trace in TRACES:
            assert trace not in data, data[max(0, data.index(trace) - 80) : data.index(trace) + 80]


def files(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in folder.rglob("*") if path.is_file()]


def chain(*parameters: dict[str, Any]) -> dict[str, Any]:
    names = [f"t{number}" for number in range(len(parameters))]
    after = zip(names, [*names[1:], "end"], strict=True)
    return {
        "id": "chain",
        "name": "Chain",
        "start_task": "t0",
        "tasks": [
            {
                "name": name,
                "task_type": given.get("type", "leaky"),
                "parameters": given["parameters"],
                **given.get("more", {}),
            }
            for name, given in zip(names, parameters, strict=True)
        ],
        "conditions": [
            {"source_task": name, "target_task_success": target, "target_task_failure": target}
            for name, target in after
        ],
    }


LEAKS = chain(
    {"parameters": {"key": KEY, "list": [{"deep": KEY}], "data": {"$from": "/input"}}},
    {"parameters": {"key": KEY, "fails": True}},
    {"parameters": {"key": KEY, "raises": True}},
    {"type": "book", "parameters": {"key": KEY}, "more": {"retry": {"max_attempts": 2, "initial_interval": 0}}},
    {"type": "typed", "parameters": {"key": KEY}},
    {"type": "echo", "parameters": {"value": {"$from": "/results/t0/data"}}},
    {
        "parameters": {"key": KEY},
        "more": {"result_schema": {"required": ["x"], "properties": {"json": {"type": "integer"}}}},
    },
)


async def test_nothing_that_is_kept_or_told_holds_a_value(
    manager: FlowManager, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Every byte of the file, of its backup, exports and archives, every answer, and every log record is without it."""
    caplog.set_level(logging.DEBUG)
    execution = await manager.run(LEAKS, KEY)
    name = execution.execution_id
    assert Leaky.seen == [VALUE] * 4
    assert [execution.task_results[f"t{number}"].status for number in range(7)] == [
        "success", "failure", "failure", "success", "failure", "success", "failure",
    ]  # fmt: skip
    assert execution.task_results["t0"].data["headers"] == {"Authorization": "Bearer ***STRIPE_KEY***"}
    assert execution.task_results["t0"].data["parameters"]["data"] == KEY
    assert execution.task_results["t3"].data == {"booked": "***STRIPE_KEY***"}
    assert (execution.task_results["t4"].error or "").endswith('found "***STRIPE_KEY***"')
    started = [event for event in await manager.events(name) if event.type == "task.started"]
    assert [
        event.as_dict()["data"]["parameters"]["key"] for event in started if event.as_dict()["data"]["task"] != "t5"
    ] == [KEY] * 7
    told = [
        execution,
        await manager.get_flow_status(name),
        await manager.history(name),
        [event.as_dict() for event in await manager.events(name)],
        await manager.timeline(name),
        await manager.explain(name),
        await manager.verify(name),
        await manager.state_at(name, len(started)),
        (await manager.executions()).items,
        await manager.summary(),
    ]
    assert_no_trace(repr(told).encode(), caplog.text.encode(), repr([vars(one) for one in caplog.records]).encode())
    assert "the key is ***STRIPE_KEY***" in caplog.text
    await manager.backup(tmp_path / "copy.db")
    await manager.export(name, tmp_path / "one.flowrun")
    assert_no_trace(*files(tmp_path))
    await manager.archive(tmp_path / "old.flowarchive", older_than=timedelta(0))

    assert_no_trace(*files(tmp_path), gzip.decompress((tmp_path / "old.flowarchive").read_bytes()))


@pytest.mark.parametrize("raises", [False, True])
async def test_probes_have_secrets_too(tmp_path: Path, tasks: TaskFactory, raises: bool) -> None:
    """A probe is given the value, and neither what it finds nor why it cannot tell holds it."""
    flow = one("leaky", {"key": KEY, "raises": raises}, on_interrupt="probe")
    path = tmp_path / "probe.db"
    async with FlowManager(path, tasks=_hanging(tasks), durability="normal") as first:
        handle = await first.start(flow)
        await until(lambda: _has_started(first, handle.execution_id))
    async with FlowManager(path, tasks=tasks, durability="normal", recover=True) as second:
        wanted = FlowStatus.WAITING if raises else FlowStatus.COMPLETED
        await until(lambda: _is(second, handle.execution_id, wanted))
        if not raises:
            state = await second.get_flow_status(handle.execution_id)
            assert state.task_results["t"].data == {"found": "***STRIPE_KEY***"}
        events = json.dumps([event.as_dict() for event in await second.events(handle.execution_id)])
        assert "who is ***STRIPE_KEY***?" in events or not raises
    assert_no_trace(*files(tmp_path))


async def _has_started(manager: FlowManager, execution_id: str) -> bool:
    return any(event.type == "task.started" for event in await manager.events(execution_id))


async def _is(manager: FlowManager, execution_id: str, status: FlowStatus) -> bool:
    return (await manager.get_flow_status(execution_id)).status is status


def _hanging(tasks: TaskFactory) -> TaskFactory:
    class Hangs(Leaky):
        async def execute(self, context: Any) -> Any:
            await asyncio.Event().wait()

    registry = TaskFactory()
    registry.register_task("leaky", Hangs)
    return registry


@pytest.mark.parametrize("data", [KEY, {"key": KEY}, [KEY]])
async def test_data_is_never_a_secret(manager: FlowManager, data: Any) -> None:
    """What comes by data and looks like a secret stays what it is: from an input, a result, an override."""
    flow = chain(
        {"type": "echo", "parameters": {"value": {"$from": "/input"}}},
        {"type": "echo", "parameters": {"value": {"$from": "/results/t0/data"}}},
    )
    execution = await manager.run(flow, data)
    assert [execution.task_results[f"t{number}"].data for number in range(2)] == [data, data]
    failing = chain(
        {"type": "echo", "parameters": {"value": 1}},
        {"type": "length", "parameters": {"key": {"$from": "/results/t0/data"}}},
    )
    failed = await manager.run(failing)
    assert failed.status is FlowStatus.FAILED
    await manager.retry(failed.execution_id, overrides={"results.t0.data": data})
    retried = await manager.finish(failed.execution_id)
    assert retried.task_results["t1"].data == len(data)


async def test_a_flow_that_comes_by_data_has_none(manager: FlowManager) -> None:
    """A sub-flow out of an input fails when it asks for a secret, at any depth; one that is written has its own."""
    inner = one("length", {"key": KEY})
    by_data = one("subflow", {"flow": {"$from": "/input"}})
    for hostile in (inner, {"flow": inner}, one("subflow", {"flow": inner})):
        failed = await manager.run(by_data, hostile)
        assert failed.status is FlowStatus.FAILED
        assert (failed.error or "").endswith("write it into the task, or run it once and name it")
        assert NotAllowed.__name__ in str([event.as_dict() for event in await manager.events(failed.execution_id)])
    allowed = await manager.run(by_data, one("echo", {"value": 1}))
    written = await manager.run(one("subflow", {"flow": inner}))
    await manager.run(inner | {"id": "paid"})
    named = await manager.run(by_data, "paid")
    assert allowed.status is FlowStatus.COMPLETED
    for found in (written, named):
        assert found.task_results["t"].data["results"] == {"t": len(VALUE)}


async def test_a_secret_that_is_not_set_fails_the_attempt(
    manager: FlowManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the variable and the way out; once it is set, a retry goes on; the name alone is recorded."""
    monkeypatch.delenv("FLOWSM_SECRET_STRIPE_KEY")
    policy = {"max_attempts": 3, "initial_interval": 0, "non_retryable_errors": ["SecretMissing"]}
    failed = await manager.run(one("length", {"key": KEY}, retry=policy))
    assert failed.status is FlowStatus.FAILED
    assert "set the environment variable FLOWSM_SECRET_STRIPE_KEY, and retry the execution" in (failed.error or "")
    assert len(await manager.history(failed.execution_id)) == 1
    monkeypatch.setenv("FLOWSM_SECRET_STRIPE_KEY", "abc")
    await manager.retry(failed.execution_id)
    assert "fewer than 4 characters" in ((await manager.finish(failed.execution_id)).error or "")
    monkeypatch.setenv("FLOWSM_SECRET_STRIPE_KEY", VALUE)
    await manager.retry(failed.execution_id)
    assert (await manager.finish(failed.execution_id)).task_results["t"].data == len(VALUE)


@pytest.mark.parametrize("source", [{"STRIPE_KEY": "from a vault"}, lambda name: f"from a {name}"])
async def test_secrets_may_be_from_elsewhere(tasks: TaskFactory, source: Callable[[str], str]) -> None:
    """A manager's own mapping, or function, is asked in place of the environment."""
    async with FlowManager(":memory:", tasks=tasks, secrets=source) as manager:
        execution = await manager.run(one("leaky", {"key": KEY}))
    assert Leaky.seen[0].startswith("from a ")
    assert Leaky.seen[0] not in repr(execution)


async def test_forks_and_upgrades_have_those_of_their_flow(manager: FlowManager) -> None:
    """A fork with another version is given what that version asks for, and nothing for what the first one asked."""
    before = chain({"type": "echo", "parameters": {"value": 1}}, {"type": "length", "parameters": {"key": KEY}})
    execution = await manager.run(before)
    other = chain(
        {"type": "echo", "parameters": {"value": 1}}, {"parameters": {"key": KEY, "value": {"$from": "/input"}}}
    )
    seqs = [event.seq for event in await manager.events(execution.execution_id) if event.type == "task.completed"]
    forked = await manager.fork(execution.execution_id, seqs[0], flow=other)
    ended = await manager.finish(forked.execution_id)
    assert Leaky.seen == [VALUE]
    assert VALUE not in repr(ended)


def test_a_rehearsal_needs_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scripted results need no values: the recorded parameters are those of a real run."""
    monkeypatch.delenv("FLOWSM_SECRET_STRIPE_KEY")
    rehearsed = FlowTester(one("leaky", {"key": KEY}), {"t": {"id": 1}}).run()
    assert rehearsed.status is FlowStatus.COMPLETED
    started = next(event for event in rehearsed.events if event.type == "task.started")
    assert started.as_dict()["data"]["parameters"] == {"key": KEY}


def _all_seen() -> bool:
    return len(Leaky.seen) >= 4 and set(Leaky.seen) == {VALUE}


def test_whoever_goes_on_after_a_crash_is_given_them_again(tasks: TaskFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever a process dies, the attempt that is made again has the value, though no event held it."""
    points = crash_everywhere(
        LEAKS, tasks=tasks, before=lambda: monkeypatch.setattr(Leaky, "seen", []), check=_all_seen
    )
    assert points > len(LEAKS["tasks"])


async def test_an_import_may_be_kept_from_secrets(manager: FlowManager, tasks: TaskFactory, tmp_path: Path) -> None:
    """A file whose flows, or the flows inside them, use others than those that are allowed does not come in at all."""
    execution = await manager.run(one("subflow", {"flow": one("length", {"key": KEY})}))
    await manager.export(execution.execution_id, tmp_path / "one.flowrun")
    async with FlowManager(tmp_path / "other.db", tasks=tasks, durability="normal") as other:
        with pytest.raises(NotAllowed, match=r"secret 'STRIPE_KEY' is not allowed.*--allow-secret STRIPE_KEY"):
            await other.import_archive(tmp_path / "one.flowrun", allow_secrets={"ANOTHER"})
        assert (await other.executions()).items == []
        assert (await other.import_archive(tmp_path / "one.flowrun", allow_secrets={"STRIPE_KEY"})).imported == 1
