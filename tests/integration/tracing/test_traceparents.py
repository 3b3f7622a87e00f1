"""The traceparent that is kept with an execution, with or without spans."""

from __future__ import annotations

import sys

import pytest

from flowsm import FlowManager
from flowsm.errors import ExtraMissing, UsageError
from flowsm.sync import FlowManager as SyncManager
from flowsm.tracing import Tracing

ASKED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
OTHER = "00-0bf7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
CHILD = {"id": "c", "name": "Child", "start_task": "first", "tasks": [{"name": "first"}]}
PARENT = {
    "id": "p",
    "name": "Parent",
    "start_task": "first",
    "tasks": [{"name": "first"}, {"name": "sub", "task_type": "subflow", "parameters": {"flow": CHILD}}],
    "conditions": [{"source_task": "first", "target_task_success": "sub"}],
}


@pytest.fixture
def seen(tasks):
    seen = []

    @tasks.task("first")
    async def first(context):
        seen.append((context.execution_id, context.traceparent, context.logger.extra))

    return seen


async def test_every_verb_that_creates_keeps_it(tmp_path, tasks, seen):
    """start, run, create and create_flow_execution keep it; tasks, the view and the first event have it."""
    async with FlowManager(tmp_path / "flowsm.db", tasks=tasks) as manager:
        handle = await manager.start(CHILD, execution_id="a", traceparent=ASKED)
        ran = await manager.run(CHILD, execution_id="b", traceparent=ASKED)
        created = await manager.create(CHILD, execution_id="c", traceparent=ASKED)
        at_once = manager.create_flow_execution(CHILD, execution_id="d", traceparent=ASKED)
        paused = await manager.start(CHILD, execution_id="e", paused=True, traceparent=f"cc-{ASKED[3:]}-more")
        executions = [await handle, ran, await manager.finish(created), await manager.finish(at_once)]
        executions.append(await paused.status())
        assert [execution.traceparent for execution in executions] == [ASKED] * 5
        event = (await manager.events("a"))[0]
        assert event.as_dict()["data"]["traceparent"] == ASKED
        plain = await manager.run(CHILD, execution_id="f")
        assert plain.traceparent is None
    assert [traceparent for _, traceparent, _ in seen] == [ASKED] * 4 + [None]
    assert seen[0][2]["trace_id"] == ASKED.split("-")[1]
    assert seen[0][2] == {
        "execution_id": "a",
        "task": "first",
        "visit": 1,
        "attempt": 1,
        "seq": 4,
        "trace_id": ASKED.split("-")[1],
    }
    assert "trace_id" not in seen[-1][2]


async def test_it_is_no_part_of_what_a_key_compares(tmp_path, tasks, seen):
    """A second start with the same key, of another trace, gives the first one's execution, which keeps its own."""
    async with FlowManager(tmp_path / "flowsm.db", tasks=tasks) as manager:
        first = await manager.run(CHILD, idempotency_key="k", traceparent=ASKED)
        again = await manager.run(CHILD, idempotency_key="k", traceparent=OTHER)
        assert (again.execution_id, again.traceparent) == (first.execution_id, ASKED)


async def test_sub_flows_and_forks_inherit_it(tmp_path, tasks, seen):
    """What a task starts is part of the same trace, and so is a fork, unless it is given another one."""
    async with FlowManager(tmp_path / "flowsm.db", tasks=tasks) as manager:
        await manager.run(PARENT, execution_id="x", traceparent=ASKED)
        assert (await manager.get_flow_status("x:sub:1")).traceparent == ASKED
        assert (await manager.fork("x", 5, fork_id="f1")).traceparent == ASKED
        assert (await manager.fork("x", 5, fork_id="f2", traceparent=OTHER)).traceparent == OTHER
        assert (await manager.finish("f2")).traceparent == OTHER
        assert (await manager.get_flow_status("f2:sub:1")).traceparent == OTHER
        assert not (await manager.verify()).problems


@pytest.mark.parametrize("given", ["nonsense", "", ASKED.upper(), 7, f"{ASKED}-more"])
async def test_what_is_none_is_refused(tmp_path, tasks, seen, given):
    """A traceparent that is none is a usage error that says what is expected; nothing is recorded."""
    async with FlowManager(tmp_path / "flowsm.db", tasks=tasks) as manager:
        with pytest.raises(UsageError, match=r"traceparent is .*, expected one of W3C Trace Context: 00-<32 hex"):
            await manager.start(CHILD, traceparent=given)
        assert (await manager.executions()).items == []
        manager.create_flow_execution(CHILD, execution_id="a")
        with pytest.raises(UsageError, match="traceparent"):
            await manager.fork("a", 1, traceparent=given)


def test_without_await(tmp_path, tasks, seen):
    """The blocking manager takes the same."""
    with SyncManager(tmp_path / "flowsm.db", tasks=tasks, tracing=True) as manager:
        assert manager.run(CHILD, traceparent=ASKED).traceparent == ASKED  # no SDK is set: nothing makes spans


def test_tracing_needs_its_extra(tmp_path, monkeypatch):
    """Without OpenTelemetry's API whoever asks for spans is told which extra has it."""
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(ExtraMissing, match=r"tracing needs the extra 'otel': pip install 'flowsm\[otel\]'"):
        FlowManager(tmp_path / "flowsm.db", tracing=True)


def test_what_is_broken_in_the_extra_is_told_as_it_is(monkeypatch):
    """A module that OpenTelemetry itself misses is not taken for the extra."""

    class Broken:
        def find_spec(self, name, path=None, target=None):
            if name == "opentelemetry":
                raise ModuleNotFoundError("no module named 'other'", name="other")

    for name in [name for name in sys.modules if name.partition(".")[0] == "opentelemetry"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    with pytest.raises(ModuleNotFoundError, match="other"):
        Tracing()
