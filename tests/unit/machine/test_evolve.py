"""evolve: given a state, when a fact comes, then the next state, or a refusal with seq and reason."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from flowsm.definition.load import load_flow
from flowsm.errors import IllegalEvent
from flowsm.events.envelope import Recorded
from flowsm.events.facts import (
    ErrorInfo,
    ExecutionCancelled,
    ExecutionCompleted,
    ExecutionCreated,
    ExecutionFailed,
    ExecutionRemoved,
    ExecutionStarted,
    Fact,
    RetryScheduled,
    TaskCompleted,
    TaskInterrupted,
    TaskSkipped,
    TaskStarted,
    TaskTimedOut,
    TransitionTaken,
    Unknown,
)
from flowsm.machine.compile import compile_flow
from flowsm.machine.evolve import evolve, fold
from flowsm.machine.state import ExecutionState, Phase, new_state
from flowsm.status import FlowStatus

AT = "2026-01-31T12:00:00.000000Z"
MACHINE = compile_flow(
    load_flow(
        {
            "id": "f",
            "name": "F",
            "start_task": "a",
            "tasks": [{"name": "a", "retry": {}}, {"name": "b"}],
            "conditions": [
                {"name": "next", "source_task": "a", "target_task_success": "b"},
                {"name": "back", "source_task": "b", "outcome": "again", "target_task_success": "a"},
            ],
        }
    )
)
ERROR = ErrorInfo(type="ValueError", message="broken")

CREATED = ExecutionCreated(flow_id="f", flow_name="F", digest="d", input={"x": 1})
STARTED = ExecutionStarted(worker="w-1", deadline="2027")
START = TransitionTaken(source="created", target="a", trigger="start")
ABORT = TransitionTaken(source="a", target="failed", trigger="abort")
CANCEL = TransitionTaken(source="a", target="cancelled", trigger="cancel")
NEXT = TransitionTaken(source="a", target="b", trigger="o0", outcome="success", condition="next")
END = TransitionTaken(source="b", target="completed", trigger="otherwise", outcome="success", met=False)


def runs(task: str = "a", visit: int = 1, attempt: int = 1) -> TaskStarted:
    return TaskStarted(task=task, visit=visit, attempt=attempt, worker="w-2", timeout_seconds=3.0)


def ends(task: str = "a", visit: int = 1, attempt: int = 1, status: str = "success", **more: Any) -> TaskCompleted:
    outcome = more.pop("outcome", status)
    error = ERROR if status == "failure" else None
    return TaskCompleted(task=task, visit=visit, attempt=attempt, status=status, outcome=outcome, error=error, **more)


def late(attempt: int = 1) -> TaskTimedOut:
    return TaskTimedOut(task="a", visit=1, attempt=attempt, duration_us=5, error=ERROR)


def lost(attempt: int = 1) -> TaskInterrupted:
    return TaskInterrupted(task="a", visit=1, attempt=attempt, reason="gone")


def retry(attempt: int = 2, **more: Any) -> RetryScheduled:
    return RetryScheduled(
        **{"task": "a", "visit": 1, "attempt": attempt, "delay_seconds": 1.0, "due": "2026-02"} | more
    )


SKIP = TaskSkipped(task="a", visit=1, operands=())
DONE = ExecutionCompleted()
BROKE = ExecutionFailed(error=ERROR, skipped=("b",))
STOPPED = ExecutionCancelled(reason="enough", skipped=("b",))
IN_A = (CREATED, STARTED, START)
WHOLE = (*IN_A, runs(), ends(data=7), NEXT, runs("b"), ends("b"), END, DONE)


def given(*facts: Fact) -> ExecutionState:
    state = new_state("x")
    for fact in facts:
        state = evolve(MACHINE, state, fact, AT)
    return state


def test_a_whole_history_folds_to_its_end() -> None:
    """Given a whole history, the state says what became of the execution, task by task."""
    state = given(*WHOLE)
    assert (state.phase, state.status, state.node) == (Phase.ENDED, FlowStatus.COMPLETED, "completed")
    assert (state.path, state.succeeded, state.visits) == (("a", "b"), ("a", "b"), {"a": 1, "b": 1})
    assert (state.seq, state.attempts, state.transitions, state.failures) == (len(WHOLE), 2, 2, 0)
    assert (state.worker, state.deadline, state.input) == ("w-2", "2027", {"x": 1})
    assert (state.created_at, state.started_at, state.ended_at, state.updated_at) == (AT, AT, AT, AT)
    assert state.results["a"].data == 7
    assert list(state.results) == ["a", "b"]
    assert (state.current_task, state.error, state.last_error) == (None, None, None)


def test_an_attempt_carries_what_its_start_recorded() -> None:
    """When a task was started, the state holds the attempt with the seq and time of its start."""
    attempt = given(*IN_A, runs()).attempt
    assert attempt is not None
    assert (attempt.visit, attempt.attempt, attempt.started_seq, attempt.started_at) == (1, 1, 4, AT)
    assert attempt.timeout_seconds == 3.0


def test_failed_and_timed_out_attempts_are_counted_and_the_last_error_kept() -> None:
    """A failure and a timeout are failures with their error; a retry waits until it is due, then starts the next."""
    failed = given(*IN_A, runs(), ends(status="failure"))
    timed_out = given(*IN_A, runs(), late())
    for state in (failed, timed_out):
        assert (state.phase, state.failures, state.last_error) == (Phase.DECIDED, 1, ERROR)
        assert (state.results["a"].status, state.results["a"].outcome) == ("failure", "failure")
        waiting = evolve(MACHINE, state, retry(), AT)
        assert waiting.phase == Phase.BACKOFF
        assert waiting.attempt is not None
        assert waiting.attempt.due == "2026-02"
        again = evolve(MACHINE, waiting, runs(attempt=2), AT)
        assert (again.phase, again.attempts) == (Phase.RUNNING, 2)


def test_an_interrupted_attempt_is_started_again_under_its_number() -> None:
    """Interruptions are counted; the same attempt is started again, not the next."""
    state = given(*IN_A, runs(), lost())
    assert (state.phase, state.interruptions) == (Phase.INTERRUPTED, 1)
    assert given(*IN_A, runs(), lost(), runs()).attempts == 2


def test_a_skipped_task_has_a_result_without_an_attempt() -> None:
    """`skip_when` held: the result is skipped, attempt 0, and no attempt was made."""
    state = given(*IN_A, SKIP)
    assert (state.results["a"].status, state.results["a"].attempt, state.attempts) == ("skipped", 0, 0)


def test_a_second_visit_counts_and_its_result_is_the_latest() -> None:
    """A loop enters a task again: visit 2, attempt 1; the results' order is that of recording, the latest last."""
    back = TransitionTaken(source="b", target="a", trigger="o1", outcome="again", condition="back")
    state = given(*IN_A, runs(), ends(data=1), NEXT, runs("b"), ends("b", outcome="again"), back)
    assert (state.visits["a"], state.path) == (2, ("a", "b", "a"))
    state = evolve(MACHINE, state, runs(visit=2), AT)
    state = evolve(MACHINE, state, ends(visit=2, data=2), AT)
    assert list(state.results) == ["b", "a"]
    assert state.results["a"].data == 2
    assert state.succeeded == ("a", "b")


def test_aborted_cancelled_and_removed_executions() -> None:
    """The engine's own ends: the error of a failure, the reason of a cancellation, and a removal after it."""
    failed = given(*IN_A, ABORT, BROKE)
    assert (failed.status, failed.error, failed.last_error, failed.skipped) == (FlowStatus.FAILED, ERROR, ERROR, ("b",))
    cancelled = given(*IN_A, CANCEL, STOPPED)
    assert cancelled.status is FlowStatus.CANCELLED
    assert cancelled.error == ErrorInfo(type="Cancelled", message="enough")
    silent = given(*IN_A, CANCEL, ExecutionCancelled())
    assert silent.error == ErrorInfo(type="Cancelled", message="cancelled")
    assert evolve(MACHINE, cancelled, ExecutionRemoved(), AT).removed


def test_unknown_facts_change_nothing_but_the_seq() -> None:
    """An event of a type that this flowsm does not know is passed over, and counted."""
    unknown = Unknown(type="from.tomorrow", version=9, data=msgspec.Raw(b"{}"))
    before = given(*IN_A)
    after = evolve(MACHINE, before, unknown, "later")
    assert after == msgspec.structs.replace(before, seq=4, updated_at="later")


ILLEGAL: list[tuple[str, tuple[Fact, ...], Fact, str]] = [
    ("created twice", (CREATED,), CREATED, "legal when the execution is new, it is created"),
    ("started before it is created", (), STARTED, "it is new"),
    ("started twice", (CREATED, STARTED), STARTED, "was started before"),
    ("started in a task", IN_A, STARTED, "it is entered"),
    ("a task before any", (CREATED, STARTED), runs(), "it is created"),
    ("a task that is not the present one", IN_A, runs("b"), "names task 'b', the machine is in 'a'"),
    ("a visit that is not the present one", IN_A, runs(visit=2), "names visit 2 of 'a', it is visit 1"),
    ("an attempt out of order", IN_A, runs(attempt=2), "starts attempt 2, expected attempt 1"),
    ("a task that runs already", (*IN_A, runs()), runs(), "it is running"),
    (
        "a result that nobody waits for",
        IN_A,
        ends(),
        "legal when the execution is running or awaited or probing, it is entered",
    ),
    ("a result of another task", (*IN_A, runs()), ends("b"), "names task 'b'"),
    ("a result of another attempt", (*IN_A, runs()), ends(attempt=2), "ends attempt 2, running is 1"),
    ("a status that there is not", (*IN_A, runs()), ends(status="odd"), "status 'odd', expected one of success"),
    ("a timeout that nobody waits for", IN_A, late(), "it is entered"),
    ("a timeout of another attempt", (*IN_A, runs()), late(2), "ends attempt 2, running is 1"),
    ("an interruption of nothing", IN_A, lost(), "it is entered"),
    ("an interruption of another attempt", (*IN_A, runs()), lost(3), "ends attempt 3, running is 1"),
    ("a skip of a task that runs", (*IN_A, runs()), SKIP, "it is running"),
    ("a skip of another task", IN_A, TaskSkipped(task="b", visit=1, operands=()), "names task 'b'"),
    ("a retry while it runs", (*IN_A, runs()), retry(), "legal when the execution is decided, it is running"),
    ("a retry after success", (*IN_A, runs(), ends()), retry(), "attempt 2 after attempt 1 ended in success"),
    ("a retry that leaves one out", (*IN_A, runs(), late()), retry(3), "schedules attempt 3 after attempt 1"),
    ("a retry of another visit", (*IN_A, runs(), late()), retry(visit=2), "names visit 2"),
    ("a transition from elsewhere", IN_A, END, "leaves 'b', the machine is in 'a'"),
    (
        "a transition to elsewhere",
        (*IN_A, runs(), ends()),
        msgspec.structs.replace(NEXT, target="a"),
        "from 'a' to 'a' by 'o0', which leads to 'b'",
    ),
    (
        "a trigger that there is not",
        (*IN_A, runs(), ends()),
        msgspec.structs.replace(NEXT, trigger="o9"),
        "by 'o9', which is not known there",
    ),
    ("a transition before the result", IN_A, NEXT, "legal when the execution is decided, it is entered"),
    (
        "a transition without its outcome",
        (*IN_A, runs(), ends()),
        msgspec.structs.replace(NEXT, outcome=None),
        "is taken on outcome None, the recorded one is 'success'",
    ),
    (
        "a transition on another outcome",
        (*IN_A, runs(), ends(outcome="x")),
        NEXT,
        "is taken on outcome 'success', the recorded one is 'x'",
    ),
    (
        "a condition that was not met",
        (*IN_A, runs(), ends(status="failure")),
        msgspec.structs.replace(NEXT, outcome="failure"),
        "'o0' is no way out for status 'failure' with outcome 'failure'",
    ),
    (
        "no condition, where one is met",
        (*IN_A, runs(), ends()),
        TransitionTaken(source="a", target="completed", trigger="otherwise", outcome="success"),
        "'otherwise' is no way out for status 'success'",
    ),
    ("the start, twice", IN_A, msgspec.structs.replace(START, source="a"), "which is not known there"),
    ("the start before the execution's", (CREATED,), START, "the execution was not started"),
    (
        "the engine's own on an outcome",
        IN_A,
        msgspec.structs.replace(ABORT, outcome="success"),
        "abort is taken on outcome 'success', expected none",
    ),
    ("an abort of what runs", (*IN_A, runs()), ABORT, "abort is not legal while the execution is running"),
    ("an abort after the end", WHOLE, msgspec.structs.replace(ABORT, source="completed"), "not known there"),
    ("a cancellation of nothing", (), msgspec.structs.replace(CANCEL, source="created"), "while the execution is new"),
    ("completed in a task", IN_A, DONE, "legal when the execution is ending, it is entered"),
    ("completed where it failed", (*IN_A, ABORT), DONE, "the machine is in 'failed'"),
    ("failed where it completed", WHOLE[:-1], BROKE, "the machine is in 'completed'"),
    ("cancelled where it failed", (*IN_A, ABORT), STOPPED, "the machine is in 'failed'"),
    ("completed twice", WHOLE, DONE, "legal when the execution is ending, it is ended"),
    ("removed before the end", IN_A, ExecutionRemoved(), "legal when the execution is ended, it is entered"),
    ("removed twice", (*WHOLE, ExecutionRemoved()), ExecutionRemoved(), "was removed before"),
]


@pytest.mark.parametrize(
    ("before", "fact", "reason"), [case[1:] for case in ILLEGAL], ids=[case[0] for case in ILLEGAL]
)
def test_what_the_machine_would_not_allow_is_refused(before: tuple[Fact, ...], fact: Fact, reason: str) -> None:
    """An illegal event is refused with its stream, its seq, its type and the reason."""
    state = given(*before)
    frozen = msgspec.json.encode(state)
    with pytest.raises(IllegalEvent) as caught:
        evolve(MACHINE, state, fact, AT)
    assert (caught.value.stream, caught.value.seq, caught.value.event_type) == ("x", len(before) + 1, fact.TYPE)
    assert reason in caught.value.reason
    assert msgspec.json.encode(state) == frozen


def test_evolve_leaves_the_given_state_alone() -> None:
    """The same state and fact give the same next state, and the given one is as it was, deep down."""
    state = new_state("x")
    for fact in WHOLE:
        frozen = msgspec.json.encode(state)
        after = evolve(MACHINE, state, fact, AT)
        assert evolve(MACHINE, state, fact, AT) == after
        assert msgspec.json.encode(state) == frozen
        state = after


def recorded(seq: int, fact: Fact) -> Recorded:
    return Recorded(
        position=seq, stream="x", seq=seq, at=AT, type=fact.TYPE, version=fact.VERSION, fact=fact, digest=""
    )


def test_fold_goes_on_from_a_state_and_wants_every_seq() -> None:
    """A fold may begin at a state; an event that is out of order is refused with its seq."""
    events = [recorded(seq, fact) for seq, fact in enumerate(WHOLE, 1)]
    half = fold(MACHINE, "x", events[:5])
    assert fold(MACHINE, "x", events[5:], half) == fold(MACHINE, "x", events) == given(*WHOLE)
    with pytest.raises(IllegalEvent, match="comes after seq 5") as caught:
        fold(MACHINE, "x", events[6:], half)
    assert caught.value.seq == 7
