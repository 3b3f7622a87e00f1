"""The debugger's core over one execution: two attempts of `fetch`, `skip` left out, an approval with its own outcome."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from flowsm import FlowManager, TaskContext, TaskFactory, TaskResult, TaskStatus
from flowsm.definition.pointer import MISSING
from flowsm.errors import UsageError
from flowsm.events.envelope import Recorded
from flowsm.events.facts import ErrorInfo, TaskTimedOut
from flowsm.replay.debugger import Debugger, Stop
from flowsm.replay.stops import Breakpoint, outcome_of
from flowsm.testing.clock import ManualClock

FLOW: dict[str, Any] = {
    "id": "f",
    "name": "F",
    "start_task": "fetch",
    "tasks": [
        {"name": "fetch", "task_type": "fetch", "retry": {"max_attempts": 2, "initial_interval": 0}},
        {"name": "skip", "task_type": "fetch", "skip_when": [{"path": "/input/skip", "op": "eq", "value": True}]},
        {"name": "approve", "task_type": "approve"},
    ],
    "conditions": [
        {"name": "to skip", "source_task": "fetch", "target_task_success": "skip"},
        {"name": "to approve", "source_task": "skip", "outcome": "skipped", "target_task_success": "approve"},
    ],
}
TYPES = [
    "execution.created", "execution.started", "transition.taken",
    "task.started", "task.completed", "retry.scheduled",
    "task.started", "task.completed", "transition.taken",
    "task.skipped", "transition.taken",
    "task.started", "task.completed", "transition.taken", "execution.completed",
]  # fmt: skip


@pytest.fixture
async def debugger() -> AsyncIterator[Debugger]:
    tasks = TaskFactory()

    @tasks.task("fetch")
    def fetch(context: TaskContext) -> dict[str, int]:
        if context.attempt == 1:
            raise OSError("not now")
        return {"total": 12}

    @tasks.task("approve")
    def approve(context: TaskContext) -> TaskResult:
        return TaskResult(task_name="approve", status=TaskStatus.SUCCESS, outcome="approved")

    async with FlowManager(":memory:", tasks=tasks, clock=ManualClock(), durability="normal") as manager:
        ran = await manager.run(FLOW, {"skip": True})
        history = await manager.browse(ran.execution_id)
        assert [event.type for event in history.events] == TYPES
        yield Debugger(history)


def seqs(motion: Any) -> list[int]:
    """Where a motion stops, until there is nowhere to go."""
    found = []
    while (stop := motion()).moved:
        found.append(stop.seq)
    return found


async def test_next_goes_by_attempts(debugger) -> None:
    """On to the end of each attempt, back to the beginning of each; a task that was skipped is one."""
    assert seqs(debugger.next) == [5, 8, 10, 13, 15]
    assert seqs(debugger.reverse_next) == [12, 10, 7, 4, 0]
    debugger.goto(7)
    assert (debugger.next().seq, debugger.reverse_next().seq) == (8, 7)


async def test_the_ends_are_told(debugger) -> None:
    """Beyond the last event and before the first there is nothing; one is told so, and stays."""
    assert debugger.reverse_step() == Stop(seq=0, came_from=0, why="beginning")
    assert debugger.event is None
    assert debugger.step() == Stop(seq=1, came_from=0, why="arrived")
    assert debugger.reverse_step() == Stop(seq=0, came_from=1, why="beginning")
    assert debugger.continue_() == Stop(seq=15, came_from=0, why="end")
    assert debugger.step() == Stop(seq=15, came_from=15, why="end")
    assert debugger.goto(15) == Stop(seq=15, came_from=15, why="arrived")
    for seq in (-1, 16):
        with pytest.raises(UsageError, match=f"seq {seq}: expected 0 to 15"):
            debugger.goto(seq)
    assert debugger.seq == 15


async def test_finish_leaves_the_task(debugger) -> None:
    """From any event of a visit to the transition that ends it, retries included."""
    with pytest.raises(UsageError, match="no visit to finish: it stands in no task here"):
        debugger.finish()
    for begin, end in ((3, 9), (4, 9), (6, 9), (9, 11), (12, 14)):
        debugger.goto(begin)
        assert (debugger.finish().seq, debugger.event.type) == (end, "transition.taken")


@pytest.mark.parametrize(
    ("kind", "pattern", "stops"),
    [
        ("task", "fetch", [4, 7]),
        ("task", "skip", [10]),
        ("task", "*p*", [10, 12]),
        ("type", "task.completed", [5, 8, 13]),
        ("type", "execution.*", [1, 2, 15]),
        ("outcome", "success", [8]),
        ("outcome", "failure", [5]),
        ("outcome", "skipped", [10]),
        ("outcome", "approved", [13]),
        ("outcome", "app*", [13]),
        ("outcome", "never*", []),
    ],
)
async def test_breakpoints_stop_in_both_directions(debugger, kind, pattern, stops) -> None:
    """At the beginnings of a task's attempts, at types of events, at the outcomes that attempts end with."""
    made = debugger.add_break(kind, pattern)
    assert (made.number, made.kind, made.pattern) == (1, kind, pattern)
    assert seqs(debugger.continue_) == sorted({*stops, 15})
    debugger.goto(15)
    back = [seq for seq in stops if seq < 15]
    assert seqs(debugger.reverse_continue) == [*back[::-1], 0]


@pytest.mark.parametrize(
    ("kind", "pattern", "said"),
    [
        ("task", "fetsh", "no task of the flow is called 'fetsh': did you mean 'fetch'?"),
        ("task", "z*", "no task of the flow is called 'z*': expected one of fetch, skip, approve"),
        ("type", "task.complete", "no type of event is called 'task.complete': did you mean 'task.completed'?"),
        ("outcome", "aproved", "no outcome is called 'aproved': did you mean 'approved'?"),
        ("tsk", "fetch", "expected break task NAME, type TYPE or outcome OUTCOME, found 'tsk': did you mean 'task'?"),
    ],
)
async def test_what_can_never_be_met_is_refused(debugger, kind, pattern, said) -> None:
    """With the nearest name; no number is used up."""
    with pytest.raises(UsageError) as caught:
        debugger.add_break(kind, pattern)
    assert str(caught.value) == said
    assert debugger.add_break("task", "fetch").number == 1


async def test_a_watch_stops_where_the_value_changes(debugger) -> None:
    """In both directions at the event that made the change, with what was there before and after."""
    assert debugger.add_watch("results.fetch.data.total").number == 1
    assert debugger.add_watch("results.fetch.status").number == 2
    for motion, expected in ((debugger.continue_, [5, 8]), (debugger.reverse_continue, [8, 5])):
        debugger.goto(0 if expected[0] == 5 else 15)
        told = {}
        for seq in expected:
            stop = motion()
            assert (stop.seq, stop.why) == (seq, "hit")
            told[seq] = [(hit.at.number, hit.change.op, hit.change.before, hit.change.after) for hit in stop.hits]
        assert told == {
            5: [(2, "add", None, "failure")],
            8: [(1, "add", None, 12), (2, "replace", "failure", "success")],
        }
    assert debugger.reverse_continue().why == "beginning"
    with pytest.raises(UsageError, match=r"expected a path to watch, such as results\.fetch\.data\.total"):
        debugger.add_watch(" ")


async def test_every_motion_stops_at_what_it_meets(debugger) -> None:
    """Breakpoints and watches together, in the order of their numbers, on the way of `next`, `finish` and `step` too."""
    watch = debugger.add_watch("attempts")
    point = debugger.add_break("task", "fetch")
    for motion in (debugger.next, debugger.finish, debugger.step):
        debugger.goto(3)
        stop = motion()
        assert (stop.seq, stop.why, [hit.at for hit in stop.hits]) == (4, "hit", [watch, point])
    debugger.delete(watch.number)
    debugger.goto(3)
    assert [hit.at for hit in debugger.next().hits] == [point]
    debugger.delete(point.number)
    debugger.goto(3)
    assert (debugger.next().seq, debugger.finish().seq) == (5, 9)
    with pytest.raises(UsageError, match="there is no breakpoint or watch 2"):
        debugger.delete(2)
    assert debugger.add_break("task", "skip").number == 3


def test_an_attempt_that_timed_out_is_a_failure() -> None:
    """To a breakpoint at outcomes, as to the flow's conditions."""
    fact = TaskTimedOut(task="a", visit=1, attempt=1, duration_us=1, error=ErrorInfo(type="TaskTimeout", message=""))
    event = Recorded(position=1, stream="x", seq=1, at="", type=fact.TYPE, version=1, fact=fact, digest="")
    assert outcome_of(event) == "failure"
    assert Breakpoint(number=1, kind="outcome", pattern="failure").matches(event)
    assert not Breakpoint(number=1, kind="task", pattern="a").matches(event)


async def test_looking_gives_json(debugger) -> None:
    """The value at a path here, not elsewhere; null is a value."""
    assert debugger.look("results.fetch") is MISSING
    debugger.goto(5)
    assert debugger.look("results.fetch.error.type") == "OSError"
    assert debugger.look("results.fetch.data") is None
    assert Debugger(debugger.history, 8).look("results.fetch")["data"] == {"total": 12}
    assert debugger.look("")["seq"] == 5
