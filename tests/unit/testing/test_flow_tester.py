"""FlowTester: a flow goes through the engine with scripted results, in no time."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from flowsm import FlowStatus, TaskContext, TaskResult, TaskStatus
from flowsm.errors import InputInvalid
from flowsm.testing import (
    INTERRUPTED,
    NOT_DONE,
    TIMES_OUT,
    After,
    Cancel,
    Fails,
    FlowTester,
    Pass,
    Pause,
    Redrive,
    Resolve,
    Resume,
    Signal,
    Stop,
    Unscripted,
)

Document = dict[str, Any]


def flow_of(*tasks: Document, conditions: list[Document] | None = None, **more: Any) -> Document:
    """A flow of these tasks, one after the other unless there are conditions."""
    whole = [{"task_type": "mine", **task} for task in tasks]
    names = [task["name"] for task in whole]
    chain = [{"source_task": a, "target_task_success": b} for a, b in pairwise(names)]
    given = chain if conditions is None else conditions
    return {"id": "f", "name": "F", "start_task": names[0], "tasks": whole, "conditions": given, **more}


RETRIED = {"name": "a", "timeout": 5, "retry": {"max_attempts": 3, "initial_interval": 60}}
CHILD = {"name": "c", "task_type": "subflow", "parameters": {"flow": "elsewhere"}}
PERSON = {"name": "p", "task_type": "wait_for_signal", "parameters": {"name": "go", "timeout": 60}}


def test_attempts_end_as_scripted() -> None:
    """A list is handed out over attempts and visits; retries and timers take no time."""
    flow = flow_of(RETRIED, {"name": "w", "task_type": "wait", "parameters": {"seconds": 86_400}}, {"name": "b"})
    rehearsal = FlowTester(flow, {"a": [OSError("x"), TIMES_OUT, {"n": 1}], "b": 2}).run()
    rehearsal.assert_path(["a", "w", "b"]).assert_status("completed").assert_outcomes(
        "a", ["failure"] * 2 + ["success"]
    )
    rehearsal.assert_data("a", {"n": 1}).assert_data("b", 2)
    rehearsal.assert_events(["task.completed", "task.timed_out", "wait.started", "execution.completed"])
    assert rehearsal.execution.status is FlowStatus.COMPLETED
    assert [state.seq for state in rehearsal.states] == [event.seq for event in rehearsal.events]
    assert rehearsal.unused == {}


async def test_it_can_be_awaited() -> None:
    """Where a loop runs, `run_async` does the same; functions may be coroutines, and see the context."""

    async def twice(context: TaskContext) -> int:
        return 2 * int(context.input)

    tester = FlowTester(flow_of({"name": "a"}, {"name": "b"}), {"a": twice, "b": lambda context: context.visit})
    rehearsal = await tester.run_async(21)
    rehearsal.assert_data("a", 42).assert_data("b", 1)
    (await FlowTester(flow_of({"name": "a"}), {"a": lambda _: OSError("x")}).run_async()).assert_status("failed")


@pytest.mark.parametrize(
    ("ending", "type_"),
    [
        (OSError("x"), "OSError"),
        (OSError, "OSError"),
        (Fails("ShopClosed", "x"), "ShopClosed"),
        (Fails("A", "x", types=("A", "B")), "A"),
        (TaskResult(status=TaskStatus.FAILURE, error="x"), "TaskFailed"),
    ],
)
@pytest.mark.parametrize("task", ["a", "c"])
def test_a_failure_has_its_type(ending: Any, type_: str, task: str) -> None:
    """An exception, its class, one that is not there, or a result that says so: of tasks and of sub-flows."""
    flow = flow_of({"name": "a"} if task == "a" else CHILD)
    rehearsal = FlowTester(flow, {task: ending}).run().assert_status("failed")
    error = rehearsal.state.error
    assert error is not None
    assert error.type == type_


def test_errors_that_are_not_retried_are_known_by_their_bases() -> None:
    """`types` of a failure are what `non_retryable_errors` looks at."""
    flow = flow_of({"name": "a", "retry": {"max_attempts": 3, "non_retryable_errors": ["B"]}})
    FlowTester(flow, {"a": Fails("A", "", types=("A", "B", "Exception"))}).run().assert_outcomes("a", ["failure"])


def test_sub_flows_end_as_scripted() -> None:
    """They are not run: a value is their data, `Fails` may say that they were cancelled, their time may be over."""
    conditions = [{"source_task": "c", "outcome": "cancelled", "target_task_success": "b", "target_task_failure": "b"}]
    flow = flow_of(CHILD, {"name": "b"}, conditions=conditions)
    FlowTester(flow, {"c": {"n": 1}, "b": 1}).run().assert_data("c", {"n": 1})
    cancelled = FlowTester(flow, {"c": Fails("E", "x", data=3, outcome="cancelled"), "b": 1}).run()
    cancelled.assert_outcomes("c", ["cancelled"]).assert_data("c", 3)
    result = TaskResult(status=TaskStatus.FAILURE, outcome="cancelled", error="x")
    FlowTester(flow, {"c": result, "b": 1}).run().assert_outcomes("c", ["cancelled"])
    late = FlowTester(flow_of(CHILD | {"timeout": 9}), {"c": TIMES_OUT}).run()
    late.assert_events(["wait.started", "task.timed_out"]).assert_status("failed")
    stays = FlowTester(flow_of(CHILD | {"timeout": 9}), signals=[After(5, Stop())]).run()
    assert stays.execution.current_task == "c"
    stopped = FlowTester(flow_of(CHILD), {"c": INTERRUPTED}, signals=[After(4, Cancel())]).run()
    stopped.assert_status("cancelled")


def test_signals_are_given_where_they_are_waited_for() -> None:
    """In order, before the wait's time is over; without one it is over."""
    flow = flow_of(
        PERSON, {"name": "b"}, conditions=[{"source_task": "p", "outcome": "fine", "target_task_success": "b"}]
    )
    given = FlowTester(flow, {"b": 1}, signals=[Signal(name="go", payload=3, outcome="fine")]).run()
    given.assert_path(["p", "b"]).assert_data("p", 3)
    FlowTester(flow).run().assert_path(["p"]).assert_outcomes("p", ["timeout"])
    FlowTester(flow, signals=[After(99, Signal(name="go"))]).run().assert_outcomes("p", ["timeout"])


def test_it_stops_where_somebody_is_missing() -> None:
    """A flow that waits for a signal without end is a result, no error."""
    rehearsal = FlowTester(flow_of({"name": "p", "task_type": "wait_for_signal"})).run().assert_path(["p"])
    rehearsal.assert_status(FlowStatus.WAITING)
    going = FlowTester(flow_of({"name": "a"}), signals=[After(4, Stop())]).run()
    assert going.events[-1].type == "task.started"


def test_operators_act_where_they_are_told_to() -> None:
    """Pauses, cancellations, redrives and resolutions, after an event or where nothing goes on."""
    flow = flow_of({"name": "a"}, {"name": "b"}, on_cancel="b")
    paused = FlowTester(flow, {"a": [INTERRUPTED, 1], "b": 2}, signals=[After(4, Pause(now=True)), Resume()]).run()
    paused.assert_events(["execution.paused", "task.interrupted", "execution.resumed", "execution.completed"])
    cancelled = FlowTester(flow, {"a": INTERRUPTED, "b": 2}, signals=[After(4, Cancel())]).run()
    cancelled.assert_path(["a", "b"]).assert_status("cancelled")
    redriven = FlowTester(flow_of({"name": "a"}), {"a": [OSError("x"), 1]}, signals=[Redrive()]).run()
    redriven.assert_outcomes("a", ["failure", "success"]).assert_status("completed")
    asked = flow_of({"name": "a", "on_interrupt": "ask"})
    resolved = FlowTester(asked, {"a": [INTERRUPTED]}, signals=[Resolve(resolution="success", data=4)]).run()
    resolved.assert_data("a", 4)
    early = FlowTester(flow, {"a": 1, "b": 2}, signals=[After(1, Pause()), Resume()]).run()
    early.assert_events(["execution.created", "execution.paused", "execution.resumed", "execution.started"])


def test_probes_are_scripted_like_attempts() -> None:
    """What a probe finds comes next in the list: not done, a result, or that it cannot tell."""
    flow = flow_of({"name": "a", "on_interrupt": "probe"})
    FlowTester(flow, {"a": [INTERRUPTED, NOT_DONE, 1]}).run().assert_data("a", 1)
    FlowTester(flow, {"a": [INTERRUPTED, 2]}).run().assert_data("a", 2)
    unsure = FlowTester(flow, {"a": [INTERRUPTED, OSError("x")]}).run()
    unsure.assert_events(["probe.started", "resolution.awaited"])


def test_the_flows_own_time_passes() -> None:
    """`Pass` lets time go by, while an attempt runs as well as where it stands still."""
    flow = flow_of({"name": "a"}, {"name": "b"}, timeout=60)
    FlowTester(flow, {"a": 1, "b": 1}, signals=[After(4, Pass(61))]).run().assert_path(["a"]).assert_status("failed")
    FlowTester(flow_of(PERSON), signals=[Pass(61)]).run().assert_outcomes("p", ["timeout"])


def test_what_is_not_scripted_fails() -> None:
    """The attempt is named, and what to give; so is an end that cannot be there."""
    flow = flow_of({"name": "a"}, {"name": "b"})
    with pytest.raises(Unscripted, match=r"attempt 1 in visit 1 of task 'b'.*results=\{'b': \.\.\.\}"):
        FlowTester(flow, {"a": 1}).run()
    with pytest.raises(Unscripted, match="the 0 results scripted for it are used up"):
        FlowTester(flow, {"a": []}).run()
    with pytest.raises(Unscripted, match="'a' has no timeout, and TIMES_OUT is scripted"):
        FlowTester(flow, {"a": TIMES_OUT}).run()
    with pytest.raises(Unscripted, match="was not asked about an interruption, and NOT_DONE"):
        FlowTester(flow, {"a": NOT_DONE}).run()
    with pytest.raises(Unscripted, match="task 'c'"):
        FlowTester(flow_of(CHILD)).run()
    with pytest.raises(InputInvalid):
        FlowTester(flow_of({"name": "a"}, input_schema={"type": "object"})).run(1)


def test_a_path_that_differs_is_explained() -> None:
    """The message says at which step the ways part, why it went there, and what of the script was not used."""
    flow = flow_of({"name": "a"}, {"name": "b"})
    rehearsal = FlowTester(flow, {"a": [1, 2], "b": 1}, signals=[After(1, Resume())]).run()
    with pytest.raises(AssertionError) as found:
        rehearsal.assert_path(["a", "c"])
    told = str(found.value)
    assert told.startswith(
        "the path parts at step 2: expected 'c', it came to 'b'\n  expected: a → c\n  went:     a → b\n"
    )
    assert "because:  'a' ended with outcome 'success'; condition 'a:success' wants 'success'" in told
    assert "refused:  " in told
    assert "unused:   1 of the results scripted for 'a'" in told
    with pytest.raises(AssertionError, match="expected 'c', it came to its end \\(completed\\)"):
        rehearsal.assert_path(["a", "b", "c"])
    with pytest.raises(AssertionError, match="expected its end, it came to 'b'"):
        rehearsal.assert_path(["a"])
    with pytest.raises(AssertionError, match="step 1: expected 'a', it came to its end"):
        FlowTester(flow, signals=[After(1, Pause())]).run().assert_path(["a"])


def test_other_assertions_say_what_was_found() -> None:
    """Status, outcomes, data and events, each with what was there instead."""
    rehearsal = FlowTester(flow_of({"name": "a"}), {"a": OSError("the disk")}).run()
    with pytest.raises(
        AssertionError, match="expected the status 'completed', it is 'failed': task 'a' failed: the disk"
    ):
        rehearsal.assert_status("completed")
    with pytest.raises(AssertionError, match=r"expected 'a' to end with \['success'\], it ended with \['failure'\]"):
        rehearsal.assert_outcomes("a", ["success"])
    with pytest.raises(AssertionError, match="expected the data 1 of task 'a', found None"):
        rehearsal.assert_data("a", 1)
    with pytest.raises(AssertionError, match=r"expected task 'b' to have a result; those that have are \['a'\]"):
        rehearsal.assert_data("b", 1)
    with pytest.raises(AssertionError, match=r"expected 'task.skipped' \(number 2 of 2\)"):
        rehearsal.assert_events(["task.started", "task.skipped"])
    waiting = FlowTester(flow_of(PERSON), signals=[Pause()]).run()
    with pytest.raises(AssertionError, match="expected the status 'failed', it is 'paused'"):
        waiting.assert_status("failed")
