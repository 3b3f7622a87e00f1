"""Uses of the public names, as users write them: type-checked by mypy, never run."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, assert_type

from flowsm import (
    BaseTask,
    ConditionConfig,
    ExecutionHandle,
    Finding,
    FlowConfig,
    FlowExecution,
    FlowManager,
    FlowsmError,
    FlowStatus,
    TaskConfig,
    TaskContext,
    TaskFactory,
    TaskResult,
    TaskStatus,
    TransactionConnection,
    check_flow,
    load_flow,
    task,
)
from flowsm.sync import ExecutionHandle as SyncHandle
from flowsm.sync import FlowManager as SyncManager

FLOW: Mapping[str, Any] = {"id": "a", "name": "A", "start_task": "greet", "tasks": [{"name": "greet"}]}


class CustomTask(BaseTask):
    """A task type as users write one."""

    version = "1"

    def validate_parameters(self) -> bool:
        return "path" in self.parameters

    async def check(self, context: TaskContext) -> TaskResult | None:
        if context.attempt > 1:
            return TaskResult(task_name=self.name, status=TaskStatus.SKIPPED)
        return None

    async def execute(self, context: TaskContext) -> TaskResult:
        assert_type(self.config, TaskConfig)
        results: Mapping[str, TaskResult] = context["previous_results"]
        assert_type(context.deadline, datetime | None)
        context.logger.info("%s %s", context.idempotency_key, context.input)
        assert_type(context.traceparent, str | None)
        return TaskResult(task_name=self.name, status=TaskStatus.SUCCESS, data=len(results), outcome="counted")


@task("greet")
async def greet(name: str = "you") -> dict[str, str]:
    return {"text": f"hello, {name}"}


@task
def plain(context: TaskContext) -> int:
    return context.attempt


@task("book")
async def book(context: TaskContext) -> int:
    def function(connection: TransactionConnection) -> int:
        rows = connection.execute("INSERT INTO ledger (amount) VALUES (?)", (context.input,))
        return rows.lastrowid or 0

    return await context.transaction(function, timeout=1)


TaskFactory.register_task("custom_task", CustomTask)
registry = TaskFactory(builtins=False)
registry.register_task("custom_task", CustomTask, version="2", replace=True)


@registry.task("shout")
def shout(text: str) -> str:
    return text.upper()


assert_type(shout("a"), str)  # decorated functions stay what they are


def documents() -> None:
    checked = check_flow(Path("flow.json"), known_task_types=registry.types())
    assert_type(checked.flow, FlowConfig | None)
    for finding in checked.findings:
        assert_type(finding, Finding)
    flow = load_flow(b"{}")
    assert_type(flow.conditions, tuple[ConditionConfig, ...])


async def running() -> None:
    manager = FlowManager()
    flow_config = manager.load_flow_config(FLOW)
    execution_id = manager.create_flow_execution(flow_config)
    assert_type(execution_id, str)
    result = await manager.execute_flow(execution_id, flow_config)
    assert_type(result, FlowExecution)
    assert_type(result.status, FlowStatus)
    assert_type(result.task_results["greet"].execution_time, float | None)
    assert_type(result.started_at, datetime | None)

    async with FlowManager(":memory:", tasks=registry, durability="normal", allow_dirs=["data"], tracing=True) as other:
        handle = await other.start("flow.json", {"customer": 1}, execution_id="order-1")
        assert_type(handle, ExecutionHandle)
        assert_type(await handle, FlowExecution)
        same = await other.start("flow.json", {"customer": 1}, idempotency_key="order-1", traceparent=None)
        assert_type(await other.run(flow_config, idempotency_key="order-1"), FlowExecution)
        assert_type(other.create_flow_execution(flow_config, idempotency_key=same.execution_id), str)
        try:
            page = await other.executions(status=FlowStatus.FAILED, flow="a", since=datetime.now(UTC), limit=10)
        except FlowsmError as error:
            print(error)
        else:
            print([row.execution_id for row in page.items], page.cursor)
        for event in await other.events("order-1", after=3, limit=10):
            print(event.seq, event.type, event.as_dict())
        print((await other.history("order-1"))[0].duration_us, (await other.summary()).status_counts)
        await other.remove_flow("order-1", reason="a test")
        assert_type((await other.backup("copy.db", force=True)).size_bytes, int)
        await other.anchor(Path("anchor"))
        for trouble in (await other.doctor(anchor="anchor")).troubles:
            print(trouble.place, trouble.value, trouble.message, trouble.way_out)
        archived = await other.archive("old", older_than=timedelta(days=30), status=FlowStatus.COMPLETED, actor="ada")
        assert_type(archived.kept, dict[str, str])
        assert_type((await other.import_archive("old", reason="asked for")).imported, int)
        report = await other.in_bulk("retry", status="failed", flow="a", since=datetime.now(UTC), reason="it is back")
        again = await other.retry("x", task="a", overrides={"results.a.data.n": 3, "/input": None})
        assert_type(again.overrides, dict[str, Any])
        upgraded = await other.upgrade("x", "newer.json", reason="it is better")
        assert_type(upgraded.flow_digest, str)
        assert_type((await other.upgrade_in_bulk("newer.json", of_flow="a", dry_run=True)).refused, int)
        assert_type([one.refused for one in report.executions], list[str | None])
        await other.in_bulk("pause", everything=True, now=True, actor="ada", dry_run=True, each=print)


async def being_told() -> None:
    async with FlowManager() as manager, manager.follow("alerts", types=["execution.failed"], after="now") as events:
        async for event in events:
            print(event.position, event.stream, event.as_dict())
            await events.done()
        assert_type([one.position for one in await manager.subscriptions()], list[int])
        await manager.remove_subscription("alerts")


def without_await() -> None:
    with SyncManager("flowsm.db") as manager:
        assert_type(manager.run(FLOW, 1), FlowExecution)
        handle = manager.start(FLOW)
        assert_type(handle, SyncHandle)
        assert_type(handle.result(), FlowExecution)
        assert_type(manager.verify().ok, bool)
        for event in manager.follow("alerts", after=0):
            assert_type(event.position, int)
        assert_type(manager.in_bulk("cancel", flow="a").done, int)
        assert_type(manager.rebuild().generation, int)
