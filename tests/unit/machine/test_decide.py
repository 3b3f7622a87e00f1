"""decide: given a state, when a command comes at a time, then these facts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from flowsm.clock import timestamp
from flowsm.definition.load import load_flow
from flowsm.errors import IllegalCommand
from flowsm.events.commands import Advance, Cancel, Command, Create, Driver, Pause, RecordResult, Remove, Resume
from flowsm.events.facts import ErrorInfo, ExecutionFailed, Fact, RetryScheduled, TaskStarted, TransitionTaken
from flowsm.machine.compile import FlowMachine, compile_flow
from flowsm.machine.decide import decide, possible_commands, step
from flowsm.machine.effect import Decide, Nothing, RunTask, WaitUntil, next_effect, wake_at
from flowsm.machine.state import ExecutionState, Phase, new_state
from flowsm.status import FlowStatus

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
DRIVER = Driver(worker="w-1", versions={"a": "1.2"})
ADVANCE = Advance(driver=DRIVER, chance=0.5)
CREATE = Create(digest="d", input={"customer": 7})


def machine_of(*tasks: dict[str, Any], conditions: list[dict[str, Any]] | None = None, **more: Any) -> FlowMachine:
    document = {"id": "f", "name": "F", "start_task": tasks[0]["name"], "tasks": list(tasks)}
    return compile_flow(load_flow(document | {"conditions": conditions or []} | more))


def ends(task: str, status: str = "success", attempt: int = 1, visit: int = 1, **more: Any) -> RecordResult:
    error = ErrorInfo(type="ValueError", message="broken", types=("ValueError",)) if status == "failure" else None
    values = {"driver": DRIVER, "task": task, "visit": visit, "attempt": attempt, "status": status, "outcome": status}
    return RecordResult(**values | {"error": error, "chance": 0.5} | more)


class Given:
    """A machine with a state, that commands are put to."""

    def __init__(self, machine: FlowMachine, now: datetime = NOW) -> None:
        self.machine, self.state, self.now = machine, new_state("x"), now

    def when(self, *commands: Command, later: float = 0) -> tuple[Fact, ...]:
        """The facts of the last command; each is decided twice, and may not touch the state that it was given."""
        facts: tuple[Fact, ...] = ()
        self.now += timedelta(seconds=later)
        for command in commands:
            frozen = msgspec.json.encode(self.state)
            facts, after = step(self.machine, self.state, command, self.now)
            assert decide(self.machine, self.state, command, self.now) == facts
            assert msgspec.json.encode(self.state) == frozen
            self.state = after
        return facts

    def types(self, *commands: Command, later: float = 0) -> list[str]:
        return [fact.TYPE for fact in self.when(*commands, later=later)]


A_THEN_B = [{"source_task": "a", "target_task_success": "b"}]


def test_an_execution_is_created_then_started() -> None:
    """Create records the flow and the input; advance starts the execution, enters and starts its first task."""
    given = Given(machine_of({"name": "a", "parameters": {"k": 1}}, timeout=60))
    (created,) = given.when(CREATE)
    assert created.TYPE == "execution.created"
    assert given.state.input == {"customer": 7}
    started, entered, task = given.when(ADVANCE)
    assert started.deadline == timestamp(NOW + timedelta(seconds=60))
    assert isinstance(entered, TransitionTaken)
    assert task == TaskStarted(task="a", visit=1, attempt=1, worker="w-1", parameters={"k": 1}, task_version="1.2")
    assert next_effect(given.state) == RunTask(task="a", visit=1, attempt=1)


def test_what_was_due_when_it_was_created_waits_for_no_clock() -> None:
    """A start at the moment of its creation is no timer: with the clock set back since, it begins all the same."""
    given = Given(machine_of({"name": "a"}))
    given.when(msgspec.structs.replace(CREATE, start_at=timestamp(NOW)))
    assert (next_effect(given.state), wake_at(given.state)) == (Decide(), timestamp(NOW))
    assert "task.started" in given.types(ADVANCE, later=-3600)


def test_a_start_at_is_waited_for() -> None:
    """What is to begin later is not begun before."""
    later = timestamp(NOW + timedelta(seconds=10))
    given = Given(machine_of({"name": "a"}))
    given.when(msgspec.structs.replace(CREATE, start_at=later))
    assert (next_effect(given.state), wake_at(given.state)) == (WaitUntil(due=later), later)
    assert given.types(ADVANCE, later=9) == []
    assert "task.started" in given.types(ADVANCE, later=1)


def test_a_step_holds_result_transition_and_the_next_start() -> None:
    """One decision: the result, the transition that it picks, the next task's start; at last the end."""
    given = Given(machine_of({"name": "a"}, {"name": "b"}, {"name": "c"}, conditions=A_THEN_B))
    given.when(CREATE, ADVANCE)
    assert given.types(ends("a")) == ["task.completed", "transition.taken", "task.started"]
    _completed, taken, ended = given.when(ends("b"))
    assert (taken.source, taken.target, taken.trigger, taken.met) == ("b", "completed", "otherwise", False)
    assert ended.skipped == ("c",)
    assert next_effect(given.state) == Nothing()
    assert given.when(ADVANCE) == ()


def test_a_failure_ends_the_flow_with_its_error() -> None:
    """`end` after a failure fails the execution, with the task's error in its own."""
    given = Given(machine_of({"name": "a"}))
    given.when(CREATE, ADVANCE)
    ended = given.when(ends("a", "failure"))[-1]
    assert isinstance(ended, ExecutionFailed)
    assert (ended.error.type, ended.error.message) == ("ValueError", "task 'a' failed: broken")


def test_a_flow_can_fail_without_an_error() -> None:
    """A success that is sent to end_failure fails the execution, and says which outcome sent it there."""
    conditions = [{"source_task": "a", "target_task_success": "end_failure"}]
    given = Given(machine_of({"name": "a"}, conditions=conditions))
    given.when(CREATE, ADVANCE)
    ended = given.when(ends("a"))[-1]
    assert ended.error == ErrorInfo(
        type="FlowFailed", message="task 'a' ended with outcome 'success', which sends the flow to its failure"
    )


def test_a_failed_attempt_is_retried_when_it_is_due() -> None:
    """The retry is scheduled with its delay; nothing happens before it is due, then the next attempt starts."""
    retry = {"max_attempts": 2, "initial_interval": 10, "jitter": 0.5}
    given = Given(machine_of({"name": "a", "retry": retry}))
    given.when(CREATE, ADVANCE)
    scheduled = given.when(ends("a", "failure", chance=0.0))[-1]
    due = timestamp(NOW + timedelta(seconds=5))
    assert scheduled == RetryScheduled(task="a", visit=1, attempt=2, delay_seconds=5.0, due=due)
    assert next_effect(given.state) == WaitUntil(due=due)
    assert given.when(ADVANCE, later=4.9) == ()
    assert given.types(ADVANCE, later=0.1) == ["task.started"]
    assert given.types(ends("a", "failure", attempt=2)) == ["task.completed", "transition.taken", "execution.failed"]


def test_a_retry_without_delay_starts_in_the_same_step() -> None:
    """An interval of zero needs no wait."""
    given = Given(machine_of({"name": "a", "retry": {"initial_interval": 0}}))
    given.when(CREATE, ADVANCE)
    assert given.types(ends("a", "failure")) == ["task.completed", "retry.scheduled", "task.started"]


def test_a_timeout_is_a_failure_of_its_own_type() -> None:
    """A result that timed out is recorded as such, and retried like any failure."""
    given = Given(machine_of({"name": "a", "timeout": 1, "retry": {}}))
    given.when(CREATE, ADVANCE)
    assert given.types(ends("a", "failure", timed_out=True)) == ["task.timed_out", "retry.scheduled"]


def test_skip_when_ends_a_visit_without_an_attempt() -> None:
    """When all clauses hold the task is skipped, with the operands that were seen; else it starts."""
    skip = [{"path": "/input/customer", "op": "eq", "value": 7}]
    given = Given(machine_of({"name": "a", "skip_when": skip}))
    given.when(CREATE)
    skipped, taken, ended = given.when(ADVANCE)[2:]
    assert skipped.operands[0].seen == 7
    assert (taken.outcome, ended.TYPE) == ("skipped", "execution.completed")
    other = Given(machine_of({"name": "a", "skip_when": [*skip, {"path": "/input/x", "op": "exists"}]}))
    assert other.types(CREATE, ADVANCE)[-1] == "task.started"


def test_references_are_resolved_when_the_task_starts() -> None:
    """The start records the parameters as the task gets them, defaults included."""
    parameters = {"total": {"$from": "/results/a/data/total"}, "x": {"$from": "/input/none", "default": 3}}
    given = Given(machine_of({"name": "a"}, {"name": "b", "parameters": parameters}, conditions=A_THEN_B))
    given.when(CREATE, ADVANCE)
    assert given.when(ends("a", data={"total": 42}))[-1].parameters == {"total": 42, "x": 3}


def test_a_reference_to_nothing_is_the_tasks_failure_and_is_not_retried() -> None:
    """Without a default the attempt starts and fails at once, and is routed: another try would find no more."""
    broken = {"name": "a", "parameters": {"x": {"$from": "/input/none"}}, "retry": {}}
    conditions = [{"source_task": "a", "outcome": "failure", "target_task_success": "b"}]
    given = Given(machine_of(broken, {"name": "b"}, conditions=conditions))
    given.when(CREATE)
    facts = given.when(ADVANCE)
    expected = ["task.started", "task.completed", "transition.taken", "task.started"]
    assert [fact.TYPE for fact in facts][2:] == expected
    assert facts[3].error.type == "UnresolvedReference"
    assert "/input/none" in facts[3].message
    assert given.state.node == "b"


def test_an_execution_ends_within_its_bound_of_transitions() -> None:
    """A loop is aborted when its transitions are used up, with the figure in the error."""
    loop = [{"source_task": "a", "target_task_success": "a", "outcome": "again"}]
    given = Given(machine_of({"name": "a"}, conditions=loop, max_transitions=2))
    given.when(CREATE, ADVANCE, ends("a", outcome="again"), ends("a", outcome="again", visit=2))
    taken, ended = given.when(ends("a", outcome="again", visit=3))[1:]
    assert (taken.trigger, taken.outcome) == ("abort", None)
    assert (ended.error.type, ended.error.message) == (
        "MaxTransitionsExceeded",
        "the flow's max_transitions of 2 are used up",
    )


def test_a_loop_of_skipped_tasks_is_cut_into_steps() -> None:
    """No step is endless: it stops after a hundred events, and the next one goes on."""
    flow = {"name": "a", "skip_when": [{"path": "/input", "op": "exists"}]}
    loop = [{"source_task": "a", "outcome": "skipped", "target_task_success": "a"}]
    given = Given(machine_of(flow, conditions=loop, max_transitions=200))
    given.when(CREATE)
    assert len(given.when(ADVANCE)) == 100
    assert next_effect(given.state) == Decide()
    steps = 1
    while given.state.phase != Phase.ENDED:
        assert 0 < len(given.when(ADVANCE)) <= 102
        steps += 1
    assert (steps, given.state.transitions, given.state.status) == (5, 200, FlowStatus.FAILED)


@pytest.mark.parametrize("where", ["entered", "decided", "backoff", "interrupted"])
def test_an_execution_that_took_too_long_is_aborted_wherever_it_stands(where: str) -> None:
    """Past the deadline the execution fails with FlowTimeout, before it does anything else."""
    retry = {"initial_interval": 5, "max_attempts": 5}
    machine = machine_of({"name": "a", "retry": retry}, {"name": "b"}, conditions=A_THEN_B, timeout=30)
    given = Given(machine)
    given.when(CREATE, ADVANCE)
    if where == "entered":
        facts, _ = step(machine, given.state, ends("a"), NOW)
        given.when(ends("a"), later=29)
        given.state = msgspec.structs.replace(given.state, phase=Phase.ENTERED, attempt=None)
        assert len(facts) == 3
    elif where == "backoff":
        given.when(ends("a", "failure"), later=29)
        assert next_effect(given.state) == WaitUntil(due=timestamp(NOW + timedelta(seconds=30)))
    types = {
        "entered": ["transition.taken", "execution.failed"],
        "decided": ["task.completed", "transition.taken", "execution.failed"],
        "backoff": ["transition.taken", "execution.failed"],
        "interrupted": ["task.interrupted", "transition.taken", "execution.failed"],
    }[where]
    assert given.types(ends("a", "failure") if where == "decided" else ADVANCE, later=31) == types
    assert given.state.error == ErrorInfo(
        type="FlowTimeout", message="the execution took longer than its timeout of 30 s"
    )


def test_a_lost_attempt_is_interrupted_and_started_again() -> None:
    """Advance over a running attempt means that its owner is gone: interrupted, then the same attempt again."""
    given = Given(machine_of({"name": "a"}))
    given.when(CREATE, ADVANCE)
    interrupted, started = given.when(Advance(driver=Driver(worker="w-2")))
    assert interrupted.reason == "its worker w-1 left no result"
    assert (started.attempt, started.visit, started.worker, started.task_version) == (1, 1, "w-2", None)


@pytest.mark.parametrize(("worker", "by"), [("w-1", "pause"), ("w-2", "crash")])
def test_what_its_driver_stopped_for_a_pause_was_no_crash(worker: str, by: str) -> None:
    """A pause that was taken back before its driver could record what it had stopped is why; another's is not known."""
    given = Given(machine_of({"name": "a", "on_interrupt": "fail"}))
    given.when(CREATE, ADVANCE, Pause(now=True), Resume())
    interrupted, following, *_ = given.when(Advance(driver=Driver(worker=worker), halted=True))
    assert (interrupted.by, following.TYPE) == (by, "task.started" if by == "pause" else "task.completed")


def test_what_runs_or_waits_can_be_cancelled() -> None:
    """A cancel is noted; once what ran was stopped the execution ends where it stands, and the rest is skipped."""
    given = Given(machine_of({"name": "a"}, {"name": "b"}, conditions=A_THEN_B))
    given.when(CREATE, ADVANCE)
    assert given.types(Cancel(reason="enough", actor="me")) == ["execution.cancelling"]
    interrupted, taken, ended = given.when(ADVANCE)
    assert (interrupted.by, taken.trigger) == ("cancel", "cancel")
    assert (ended.reason, ended.actor, ended.skipped) == ("enough", "me", ("b",))
    fresh = Given(machine_of({"name": "a"}))
    assert fresh.types(CREATE, Cancel()) == ["execution.cancelling", "transition.taken", "execution.cancelled"]


CLEANING = {"on_cancel": "c"}


@pytest.mark.parametrize("task_type", ["c", "wait_for_signal"])
def test_a_second_cancel_gives_the_cleaning_up(task_type: str) -> None:
    """What cleans up is stopped, runs or waits, and the execution ends; who asked in vain for something else is told."""
    given = Given(machine_of({"name": "a"}, {"name": "c", "task_type": task_type}, **CLEANING))
    given.when(CREATE, ADVANCE, Cancel(reason="enough", actor="me"), ADVANCE)
    assert (given.state.cleaning, possible_commands(given.state)) == (True, ("run", "signal", "cancel"))
    for refused in (Pause(), Cancel(once=True)):
        with pytest.raises(IllegalCommand, match="its on_cancel task 'c' is at work \\(another cancel gives that up"):
            given.when(refused)
    facts = [*given.when(Cancel(actor="you"))]
    if task_type == "c":
        assert possible_commands(given.state) == ("run", "signal")
        with pytest.raises(IllegalCommand, match="being cancelled; possible"):
            given.when(Cancel())
        facts += given.when(ADVANCE)
    assert [fact.TYPE for fact in facts] == [
        "execution.cancelling",
        "task.interrupted",
        "transition.taken",
        "execution.cancelled",
    ]
    assert (facts[1].by, facts[-1].reason, facts[-1].actor) == ("cancel", "enough", "you")


def test_a_cancellation_of_which_only_the_transition_is_known_is_ended() -> None:
    """Whatever the reason why the end was not recorded with it, advance records it."""
    given = Given(machine_of({"name": "a"}))
    given.when(CREATE)
    given.state = msgspec.structs.replace(given.state, phase=Phase.ENDING, node="cancelled")
    assert given.types(ADVANCE) == ["execution.cancelled"]


def ended_state() -> Given:
    given = Given(machine_of({"name": "a"}))
    given.when(CREATE, ADVANCE, ends("a"))
    return given


def test_an_ended_execution_can_be_removed_once() -> None:
    """Remove takes an ended execution out of the lists, and nothing else can be asked then."""
    given = ended_state()
    assert possible_commands(given.state) == ("remove",)
    (removed,) = given.when(Remove(reason="old", actor="me"))
    assert (removed.reason, removed.actor) == ("old", "me")
    assert possible_commands(given.state) == ()


def running_state() -> Given:
    given = Given(machine_of({"name": "a"}, {"name": "b"}, conditions=A_THEN_B))
    given.when(CREATE, ADVANCE)
    return given


def removed_state() -> Given:
    given = ended_state()
    given.when(Remove())
    return given


@pytest.mark.parametrize(
    ("given", "command", "words"),
    [
        (running_state(), CREATE, "cannot create execution 'x': it is running; possible now: run, signal"),
        (running_state(), Remove(), "cannot remove execution 'x': it is running"),
        (running_state(), ends("b"), "cannot record a result of execution 'x'"),
        (running_state(), ends("a", attempt=2), "cannot record a result of another attempt of"),
        (running_state(), ends("a", visit=2), "cannot record a result of another attempt of"),
        (ended_state(), ends("a"), "it is completed; possible now: remove"),
        (ended_state(), Cancel(), "cannot cancel execution 'x': it is completed"),
        (Given(machine_of({"name": "a"})), Cancel(), "possible now: create"),
        (Given(machine_of({"name": "a"})), Remove(), "possible now: create"),
        (removed_state(), Remove(), "it is removed; possible now: nothing"),
    ],
)
def test_a_command_that_is_not_possible_is_refused_and_leaves_no_trace(given: Given, command: Any, words: str) -> None:
    """The refusal names the command, the state, and what may be asked instead."""
    before: ExecutionState = given.state
    with pytest.raises(IllegalCommand) as caught:
        given.when(command)
    assert words in str(caught.value)
    assert given.state is before


def test_nothing_is_to_be_done_for_an_execution_that_is_not() -> None:
    """Advance on a stream without events decides nothing."""
    given = Given(machine_of({"name": "a"}))
    assert given.when(ADVANCE) == ()
    assert next_effect(given.state) == Nothing()
