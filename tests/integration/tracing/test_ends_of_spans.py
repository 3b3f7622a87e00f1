"""Spans end where a drive ends: held back, with nothing to do, probed, or unable to record."""

from __future__ import annotations

import asyncio

import pytest
from children import until
from opentelemetry.trace import StatusCode
from small_flows import orders_of as flow

from flowsm import BaseTask, Limits, TaskResult, TaskStatus
from flowsm.errors import LogUnavailable


async def test_what_a_limit_holds_back_ends_its_drive(traced, tasks, spans):
    """An execution whose next task has no room is left: that is a drive that ended, no error, and another one follows."""
    open_ = asyncio.Event()

    @tasks.task("first")
    async def first():
        return 1

    @tasks.task("narrow")
    async def narrow():
        await open_.wait()

    async with traced(limits=Limits(task_types={"narrow": 1})) as manager:
        handles = [await manager.start(flow("first", "narrow"), execution_id=f"e{n}") for n in range(2)]

        async def one_is_held():
            return len(spans.named("run Orders")) == 1 and len(spans.named("first")) == 2

        await until(one_is_held)
        (held,) = spans.named("run Orders")
        assert held.attributes["flowsm.outcome"] == "running"
        open_.set()
        assert [(await handle.result()).status for handle in handles] == ["completed", "completed"]

    assert len(spans.named("narrow")) == 2
    assert len(spans.named("run Orders")) == 3
    assert {span.status.status_code for span in spans.all()} == {StatusCode.UNSET}


async def test_a_drive_that_finds_nothing_to_do_has_no_span(traced, tasks, spans):
    """Whoever waits for an execution that waits itself makes no span."""
    document = flow("go", go={"task_type": "wait_for_signal", "parameters": {"name": "go"}})
    async with traced() as manager:
        manager.create_flow_execution(document, execution_id="w")
        ends = asyncio.ensure_future(manager.finish("w"))

        async def driven(count):
            return len(spans.named("run Orders")) == count and "w" in manager._bound()._joined

        await until(lambda: driven(1))
        manager._bound().kick("w")
        await until(lambda: driven(1))
        await manager.signal("w", "go")
        assert (await ends).status == "completed"
    assert len(spans.named("run Orders")) == 1


async def test_a_probe_has_a_span(traced, tasks, spans):
    """Asking a task what became of an interrupted attempt is a span of its own."""
    answers = iter([None, {"found": True}])
    begun = asyncio.Event()

    class Probed(BaseTask):
        async def execute(self, context):
            begun.set()
            await asyncio.get_running_loop().create_future()

        async def probe(self, context):
            found = next(answers)
            return None if found is None else TaskResult(status=TaskStatus.SUCCESS, data=found)

    tasks.register_task("probed", Probed)
    document = flow("probed", probed={"on_interrupt": "probe"})
    for _ in range(2):
        async with traced() as manager:
            begun.clear()
            if not (await manager.executions()).items:
                await manager.start(document, execution_id="p")
            else:
                asyncio.ensure_future(manager.finish("p")).add_done_callback(lambda ended: ended.cancelled())
            await begun.wait()
    async with traced() as manager:
        assert (await manager.finish("p")).status == "completed"
    assert [span.attributes["flowsm.outcome"] for span in spans.named("probe probed")] == ["not done", "success"]
    assert [span.attributes["flowsm.outcome"] for span in spans.named("probed")] == ["interrupted", "interrupted"]


async def test_a_transaction_that_cannot_be_recorded(traced, tasks, spans, monkeypatch):
    """The spans end with the drive that could not record; who records it later has a drive of its own."""

    @tasks.task("books")
    async def books(context):
        return await context.transaction(lambda connection: 1)

    async def refuse(gate, guarded):
        raise LogUnavailable("a file", "the disk is full")

    async with traced() as manager:
        with monkeypatch.context() as broken:
            broken.setattr(manager._log, "append_after", refuse)
            with pytest.raises(LogUnavailable):
                await manager.run(flow("books"), execution_id="e")
        assert spans.one("books").attributes["flowsm.outcome"] == "not recorded"
        assert spans.one("run Orders").status.description == "LogUnavailable"
        assert (await manager.finish("e")).status == "completed"
    assert len(spans.named("books")) == 1
