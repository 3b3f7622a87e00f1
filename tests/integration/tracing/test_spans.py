"""Spans: one trace from who asked to the last attempt, through sub-flows, threads, transactions and restarts."""

from __future__ import annotations

import asyncio
import threading

import pytest
from children import until
from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode
from small_flows import orders_of as flow

from flowsm import TaskResult, TaskStatus
from flowsm.errors import ExecutionExists
from flowsm.ids import trace_id_of

ASKED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def trace_id(span):
    return f"{span.context.trace_id:032x}"


def traceparent(span):
    return f"00-{span.context.trace_id:032x}-{span.context.span_id:016x}-{span.context.trace_flags:02x}"


def is_child(span, parent):
    return span.parent is not None and span.parent.span_id == parent.context.span_id


async def test_one_trace_from_who_asks_to_each_attempt(traced, tasks, spans):
    """Creation, drive and attempts are one trace, that of the given traceparent, each below the one before."""

    @tasks.task("first")
    async def first():
        return 1

    @tasks.task("second")
    def second():
        return 2

    async with traced() as manager:
        ran = await manager.run(flow("first", "second"), execution_id="e1", traceparent=ASKED)

    create, drive = spans.one("create Orders"), spans.one("run Orders")
    assert {trace_id(span) for span in spans.all()} == {trace_id_of(ASKED)}
    assert f"{create.parent.span_id:016x}" == ASKED.split("-")[2]
    assert is_child(drive, create)
    assert all(is_child(spans.one(name), drive) for name in ("first", "second"))
    assert [create.kind, drive.kind, spans.one("first").kind] == [
        SpanKind.PRODUCER,
        SpanKind.CONSUMER,
        SpanKind.INTERNAL,
    ]
    assert ran.traceparent == traceparent(create)
    assert drive.attributes == {
        "flowsm.execution.id": "e1",
        "flowsm.flow.id": "f",
        "flowsm.flow.digest": ran.flow_digest,
        "flowsm.outcome": "completed",
        "flowsm.seq": ran.seq,
    }
    assert spans.one("second").attributes == {
        "flowsm.execution.id": "e1",
        "flowsm.flow.id": "f",
        "flowsm.flow.digest": ran.flow_digest,
        "flowsm.task": "second",
        "flowsm.visit": 1,
        "flowsm.attempt": 1,
        "flowsm.outcome": "success",
        "flowsm.seq": 7,
    }
    assert {span.status.status_code for span in spans.all()} == {StatusCode.UNSET}


async def test_spans_of_a_task_nest_in_its_attempt(traced, tasks, spans):
    """What a task's code traces lies within its attempt: on the loop, in a thread, and under a deadline."""
    tracer = spans.provider.get_tracer("user")
    seen = {}

    @tasks.task("asynchronous")
    async def asynchronous(context):
        seen["asynchronous"] = context.traceparent
        with tracer.start_as_current_span("in asynchronous"):
            await asyncio.sleep(0)

    @tasks.task("plain")
    def plain(context):
        seen["plain"] = context.traceparent
        assert threading.current_thread() is not threading.main_thread()
        with tracer.start_as_current_span("in plain"):
            pass

    @tasks.task("timed")
    async def timed(context):
        seen["timed"] = context["traceparent"]
        with tracer.start_as_current_span("in timed"):
            await asyncio.sleep(0)

    async with traced() as manager:
        await manager.run(flow("asynchronous", "plain", "timed", timed={"timeout": 60}))

    for name in ("asynchronous", "plain", "timed"):
        attempt = spans.one(name)
        assert is_child(spans.one(f"in {name}"), attempt)
        assert seen[name] == traceparent(attempt)
    assert not trace.get_current_span().get_span_context().is_valid


async def test_a_failed_attempt_is_an_error_with_its_exception(traced, tasks, spans):
    """An attempt that fails is an ERROR with its exception; its retry is another span, and so is the one that is left."""

    @tasks.task("flaky")
    async def flaky(context):
        if context.attempt == 1:
            raise ConnectionError("no answer")
        return TaskResult(status=TaskStatus.FAILURE, outcome="refused", message="not today")

    async with traced() as manager:
        ran = await manager.run(flow("flaky", flaky={"retry": {"max_attempts": 2, "initial_interval": 0}}))

    assert ran.status == "failed"
    first, second = spans.named("flaky")
    assert first.status.status_code is StatusCode.ERROR
    assert first.status.description == "ConnectionError"
    (event,) = first.events
    assert event.name == "exception"
    assert event.attributes["exception.type"] == "ConnectionError"
    assert event.attributes["exception.message"] == "no answer"
    assert "raise ConnectionError" in event.attributes["exception.stacktrace"]
    assert second.attributes["flowsm.attempt"] == 2
    assert second.attributes["flowsm.outcome"] == "refused"
    assert second.status.status_code is StatusCode.ERROR
    drive = spans.named("run Orders")[-1]
    assert drive.status.status_code is StatusCode.ERROR
    assert drive.attributes["flowsm.outcome"] == "failed"


async def test_nothing_that_a_flow_works_on_is_in_a_span(traced, tasks, spans):
    """Inputs, parameters and results are in no span."""

    @tasks.task("secretive")
    async def secretive(word):
        return {"made of": "xyzzy-result"}

    document = flow("secretive", secretive={"parameters": {"word": "xyzzy-parameter"}})
    async with traced() as manager:
        await manager.run(document, {"given": "xyzzy-input"})

    assert len(spans.all()) == 3
    assert all("xyzzy" not in span.to_json() for span in spans.all())


async def test_the_current_span_is_who_asks(traced, tasks, spans):
    """Without a traceparent, or with one of its own trace, the span that is current when it is started is the parent."""
    tracer = spans.provider.get_tracer("user")

    @tasks.task("first")
    async def first():
        return 1

    async with traced() as manager:
        with tracer.start_as_current_span("user") as user:
            await manager.run(flow("first"), execution_id="plain")
            far = f"00-{user.get_span_context().trace_id:032x}-00000000000000aa-01"
            await manager.run(flow("first"), execution_id="near", traceparent=far)
            await manager.run(flow("first"), execution_id="other", traceparent=ASKED)

    by_id = {span.attributes["flowsm.execution.id"]: span for span in spans.named("create Orders")}
    assert is_child(by_id["plain"], spans.one("user"))
    assert is_child(by_id["near"], spans.one("user"))
    assert trace_id(by_id["other"]) == trace_id_of(ASKED)
    drives = {span.attributes["flowsm.execution.id"]: span for span in spans.named("run Orders")}
    assert all(is_child(drives[name], by_id[name]) for name in by_id)


async def test_sub_flows_and_forks_are_part_of_the_trace(traced, tasks, spans):
    """The execution that a task starts, and one that is forked off, belong to the same trace."""

    @tasks.task("first")
    async def first():
        return 1

    child = {"id": "c", "name": "Child", "start_task": "first", "tasks": [{"name": "first"}]}
    parent = {
        "id": "p",
        "name": "Parent",
        "start_task": "sub",
        "tasks": [{"name": "sub", "task_type": "subflow", "parameters": {"flow": child}}],
    }
    async with traced() as manager:
        await manager.run(parent, execution_id="p1", traceparent=ASKED)
        told = await manager.get_flow_status("p1:sub:1")
        assert told.traceparent == traceparent(spans.one("create Child"))
        fork = await manager.fork("p1:sub:1", 1, fork_id="forked")
        assert fork.traceparent == told.traceparent
        await manager.finish("forked")
        other = await manager.fork(
            "p1:sub:1", 1, fork_id="elsewhere", traceparent="00-" + "a" * 32 + "-" + "b" * 16 + "-00"
        )
        assert trace_id_of(other.traceparent) == "a" * 32

    assert {trace_id(span) for span in spans.all()} == {trace_id_of(ASKED)}
    assert len(spans.named("run Child")) == 2


async def test_the_span_of_a_transaction_ends_with_what_is_recorded(traced, tasks, spans):
    """An attempt that ends with a transaction has its outcome from there."""

    @tasks.task("books")
    async def books(context):
        def function(connection):
            connection.execute("CREATE TABLE IF NOT EXISTS mine (n INTEGER)")
            if context.attempt == 1:
                raise ValueError("not yet")
            return 1

        return await context.transaction(function)

    async with traced() as manager:
        ran = await manager.run(flow("books", books={"retry": {"max_attempts": 2, "initial_interval": 0}}))

    assert ran.status == "completed"
    failed, fine = spans.named("books")
    assert (failed.attributes["flowsm.outcome"], failed.status.description) == ("failure", "ValueError")
    assert (fine.attributes["flowsm.outcome"], fine.status.status_code) == ("success", StatusCode.UNSET)


async def test_each_drive_has_a_span_below_the_same_parent(traced, tasks, spans):
    """An execution that waits, and goes on with another manager, is driven in two spans of one trace."""

    @tasks.task("after")
    async def after():
        return 1

    document = flow("go", "after", go={"task_type": "wait_for_signal", "parameters": {"name": "go"}})
    async with traced() as manager:
        handle = await manager.start(document, execution_id="w1")

        async def waits():
            return (await handle.status()).status == "waiting" and len(spans.named("run Orders")) == 1

        await until(waits)
    async with traced() as manager:
        await manager.signal("w1", "go")
        await manager.finish("w1")

    first, second = spans.named("run Orders")
    create = spans.one("create Orders")
    assert is_child(first, create)
    assert is_child(second, create)
    assert [span.attributes["flowsm.outcome"] for span in (first, second)] == ["waiting", "completed"]


async def test_what_is_stopped_ends_its_spans(traced, tasks, spans):
    """A manager that is closed ends the spans of what it ran: interrupted, and no error."""
    begun = asyncio.Event()

    @tasks.task("hangs")
    async def hangs():
        begun.set()
        await asyncio.get_running_loop().create_future()

    async with traced() as manager:
        await manager.start(flow("hangs"))
        await begun.wait()

    assert spans.one("hangs").attributes["flowsm.outcome"] == "interrupted"
    assert spans.one("run Orders").attributes["flowsm.outcome"] == "stopped"
    assert spans.one("hangs").status.status_code is StatusCode.UNSET


async def test_without_a_parent_unsampled_traces_stay_unsampled(traced, tasks, spans):
    """A traceparent that is not sampled is kept, and nothing of it is exported."""

    @tasks.task("first")
    async def first():
        return 1

    async with traced() as manager:
        ran = await manager.run(flow("first"), traceparent=ASKED.removesuffix("1") + "0")
    assert trace_id_of(ran.traceparent) == trace_id_of(ASKED)
    assert ran.traceparent.endswith("-00")
    assert spans.all() == ()


async def test_creations_that_do_not_come_to_be(traced, tasks, spans):
    """A taken id is an error of the span; a start that was made before names its execution, and is none."""

    @tasks.task("first")
    async def first():
        return 1

    async with traced() as manager:
        manager.create_flow_execution(flow("first"), execution_id="a", idempotency_key="k")
        assert await manager.create(flow("first"), idempotency_key="k") == "a"
        with pytest.raises(ExecutionExists):
            await manager.create(flow("first"), execution_id="a")

    _, again, refused = spans.named("create Orders")
    assert (again.attributes["flowsm.execution.id"], again.status.status_code) == ("a", StatusCode.UNSET)
    assert (refused.status.status_code, refused.status.description) == (StatusCode.ERROR, "Conflict")
