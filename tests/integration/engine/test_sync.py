"""`flowsm.sync`: the manager without await."""

from __future__ import annotations

import gc
import inspect
import os
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

import flowsm
import flowsm.sync
from flowsm.errors import ExecutionNotFound, UsageError
from flowsm.status import FlowStatus
from flowsm.sync import FlowManager
from flowsm.tasks.factory import TaskFactory

ROOT = Path(flowsm.__file__).parents[1]
FLOW = {"id": "double", "name": "Double", "start_task": "double", "tasks": [{"name": "double"}]}


def registry(gate: threading.Event | None = None) -> TaskFactory:
    tasks = TaskFactory()

    async def double(context):
        return 2 * (context.input or 1)

    def gated():
        if gate is not None and not gate.wait(30):
            raise TimeoutError("nobody opened the gate")
        return "through"

    tasks.register_task("double", double)
    tasks.register_task("gated", gated)
    return tasks


def flow_of(task: str) -> dict:
    return {"id": task, "name": task, "start_task": task, "tasks": [{"name": task}]}


def test_the_quickstart_without_await() -> None:
    """Load, create, execute: the same verbs, blocking, give the same result."""
    with FlowManager(":memory:", tasks=registry()) as manager:
        flow_config = manager.load_flow_config(FLOW)
        execution_id = manager.create_flow_execution(flow_config, 21)
        result = manager.execute_flow(execution_id, flow_config)
        assert result.status is FlowStatus.COMPLETED
        assert result.task_results["double"].data == 42
        assert manager.get_flow_status(execution_id) == result
        assert [event.seq for event in manager.events(execution_id)] == list(range(1, result.seq + 1))
        assert [row.status for row in manager.history(execution_id)] == ["success"]
        assert manager.executions().items[0].execution_id == execution_id
        assert manager.summary().total_flows == 1
        assert manager.resolve_id("@last") == execution_id
        assert manager.machine_of(execution_id).flow == flow_config
        assert manager.verify() is not None
        assert manager.rebuild() is not None


async def test_it_works_where_a_loop_runs_in_this_thread() -> None:
    """As in a notebook: a loop runs in the calling thread, and the blocking verbs work all the same."""
    with FlowManager(":memory:", tasks=registry()) as manager:
        assert manager.run(FLOW, 4).task_results["double"].data == 8
        handle = manager.start(FLOW, 5)
        assert handle.result().task_results["double"].data == 10
        assert handle.status().status is FlowStatus.COMPLETED


def test_errors_are_raised_where_the_verb_was_called() -> None:
    """What the verb raises on its loop is raised in the caller's thread."""
    with FlowManager(":memory:", tasks=registry()) as manager, pytest.raises(ExecutionNotFound):
        manager.get_flow_status("nobody")


def test_a_handle_is_waited_for_as_long_as_asked() -> None:
    """A wait that is too short raises TimeoutError, and the execution goes on to its end."""
    gate = threading.Event()
    with FlowManager(":memory:", tasks=registry(gate)) as manager:
        handle = manager.start(flow_of("gated"))
        with pytest.raises(TimeoutError, match="goes on in the background"):
            handle.result(timeout=0.01)
        assert handle.status().status is FlowStatus.RUNNING
        gate.set()
        assert handle.result(timeout=30).task_results["gated"].data == "through"


def test_every_verb_of_the_manager_is_there() -> None:
    """Whatever the manager offers, the blocking one offers, and no coroutine comes out of it."""
    with FlowManager(":memory:", tasks=registry()) as manager:
        for name in dir(flowsm.FlowManager):
            if not name.startswith("_"):
                verb = getattr(manager, name)
                assert not inspect.iscoroutinefunction(verb), name
                assert inspect.getdoc(verb), name


def test_a_verb_that_is_not_listed_is_found_beneath() -> None:
    """Verbs and attributes of the manager beneath work without being written twice; private ones are not shown."""

    class Wider(flowsm.FlowManager):
        async def later(self, word: str) -> str:
            return word.upper()

    with FlowManager(":memory:", tasks=registry()) as manager:
        manager._core.__class__ = Wider
        assert manager.later("x") == "X"
        assert manager.worker.startswith("w-")
        with pytest.raises(AttributeError):
            _ = manager.nothing_of_the_kind
        with pytest.raises(AttributeError):
            _ = manager._nothing


def test_a_task_cannot_wait_for_the_manager_that_runs_it() -> None:
    """A call from the portal's own thread is refused, not a deadlock."""
    tasks = TaskFactory()

    async def inner():
        manager.summary()

    tasks.register_task("inner", inner)
    with FlowManager(":memory:", tasks=tasks) as manager:
        result = manager.run(flow_of("inner"))
    assert result.status is FlowStatus.FAILED
    assert "await flowsm.FlowManager" in (result.error or "")


def test_it_is_closed_by_with_and_may_be_closed_again() -> None:
    """After `with` its thread is gone; closing again does nothing; one that was never used has no thread."""
    with FlowManager(":memory:", tasks=registry()) as manager:
        manager.run(FLOW)
        thread = manager._portal._thread
        assert thread is not None
        assert thread.is_alive()
    assert not thread.is_alive()
    manager.close()
    unused = FlowManager(":memory:", tasks=registry())
    unused.close()
    assert unused._portal._thread is None


def test_a_dropped_manager_leaves_no_thread() -> None:
    """A manager that nobody holds any more closes itself."""
    manager = FlowManager(":memory:", tasks=registry())
    manager.run(FLOW)
    thread = manager._portal._thread
    assert thread is not None
    del manager
    gc.collect()
    thread.join(10)
    assert not thread.is_alive()


def test_a_manager_dropped_by_its_own_thread_closes_without_waiting_for_itself() -> None:
    """The portal's thread may be the one that drops the manager: it ends, and nobody hangs."""
    manager = FlowManager(":memory:", tasks=registry())
    manager.run(FLOW)
    portal, core = manager._portal, manager._core
    thread, loop = portal._thread, portal._loop
    assert thread is not None
    assert loop is not None
    loop.call_soon_threadsafe(flowsm.sync._close, core, portal)
    thread.join(10)
    assert not thread.is_alive()


def test_a_portal_refuses_its_own_thread() -> None:
    """The refusal says what to do instead, and closes the coroutine that nobody will await."""
    portal = flowsm.sync._Portal()

    async def ask() -> str:
        with pytest.raises(UsageError, match="await"):
            portal.call(ask())
        return "asked"

    assert portal.call(ask()) == "asked"
    portal.stop()
    portal.stop()


SCRIPT = """
import sys, threading
from flowsm import TaskFactory
from flowsm.sync import FlowManager
registry = TaskFactory()
async def slow():
    print("running", flush=True)
    import asyncio
    await asyncio.sleep(60)
registry.register_task("slow", slow)
manager = FlowManager(sys.argv[1], tasks=registry)
flow = {"id": "slow", "name": "Slow", "start_task": "slow", "tasks": [{"name": "slow"}]}
"""


def script(text: str, path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT + textwrap.dedent(text), str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )


def test_ctrl_c_ends_the_wait_in_the_main_thread(tmp_path: Path) -> None:
    """Ctrl-C during a blocking verb raises KeyboardInterrupt there; the script exits, its log can be gone on from."""
    process = script(
        """
        try:
            manager.run(flow, execution_id="x")
        except KeyboardInterrupt:
            print("interrupted", manager.get_flow_status("x").status, flush=True)
        """,
        tmp_path / "flowsm.db",
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "running\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (out, err, process.returncode) == ("interrupted running\n", "", 0)
    with FlowManager(tmp_path / "flowsm.db", tasks=registry()) as manager:
        assert [event.type for event in manager.events("x")][-1] == "task.interrupted"


def test_an_unclosed_manager_does_not_hold_the_interpreter(tmp_path: Path) -> None:
    """A script that ends while an execution runs exits at once, silently, and records what that interrupted."""
    process = script('manager.start(flow, execution_id="x")', tmp_path / "flowsm.db")
    out, err = process.communicate(timeout=30)
    assert (err, process.returncode) == ("", 0)
    assert out in {"running\n", ""}
    with FlowManager(tmp_path / "flowsm.db", tasks=registry()) as manager:
        assert [event.type for event in manager.events("x")][-1] == "task.interrupted"
