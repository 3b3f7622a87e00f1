"""Rows that follow from facts: each path of an execution, and that they need nothing but the facts."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

import msgspec
import pytest

from flowsm.events.facts import ErrorInfo, Unknown
from flowsm.log.port import Increment, RowChange
from flowsm.machine.evolve import evolve
from flowsm.machine.state import ExecutionState
from flowsm.projections.project import ENDED_TASK, attempt_rows, execution_row, project
from flowsm.projections.queries import AttemptRow, ExecutionRow

AT = "2026-01-31T12:00:{:02d}.000000Z".format


def shown(row: RowChange) -> dict[str, Any]:
    names = (ExecutionRow if row.statement == "put_execution" else AttemptRow).__struct_fields__
    return dict(zip(names, row.params, strict=True))


def rows_of(made) -> tuple[dict[str, Any], list[dict[str, Any]], list[tuple[Any, ...]]]:
    """The execution's row, the attempts' and the increments of a step."""
    before, facts, at, after = made
    rows = [*attempt_rows(before, facts, at, after.flow_id), execution_row(after)]
    changes = [shown(row) for row in rows if isinstance(row, RowChange)]
    sums = [(*row.key, *row.amounts) for row in rows if isinstance(row, Increment)]
    return changes[-1], changes[:-1], sums


def test_a_new_execution_is_a_row_without_attempts(script, one):
    """What was created and not begun has a status, and nothing that ran."""
    execution, attempts, sums = rows_of(script(one).steps[0])
    assert (execution["execution_id"], execution["flow_id"], execution["flow_name"]) == ("e1", "f", "F")
    assert (execution["status"], execution["current_task"], execution["path"]) == ("created", None, "[]")
    assert (execution["created_at"], execution["started_at"], execution["updated_at"]) == (AT(0), None, AT(0))
    assert (execution["seq"], execution["removed"], attempts, sums) == (1, 0, [], [])


def test_a_start_is_a_running_attempt(script, one):
    """From its start on, an attempt is seen, keyed by the seq of its start."""
    execution, attempts, sums = rows_of(script(one).advance())
    assert (execution["status"], execution["current_task"], execution["path"]) == ("running", "a", '["a"]')
    assert (execution["started_at"], execution["attempts"], execution["worker"]) == (AT(1), 1, "w-one")
    assert sums == []
    (attempt,) = attempts
    assert attempt == {
        "execution_id": "e1",
        "started_seq": 4,
        "task": "a",
        "visit": 1,
        "attempt": 1,
        "status": "running",
        "outcome": None,
        "started_at": AT(1),
        "ended_at": None,
        "duration_us": None,
        "worker": "w-one",
        "message": None,
        "error_type": None,
        "error": None,
    }


def test_a_success_ends_the_attempt_and_the_flow(script, one):
    """One step gives the attempt's end, its share of the statistics, and the execution's."""
    run = script(one)
    run.advance()
    execution, attempts, sums = rows_of(run.result(message="fine"))
    assert (execution["status"], execution["ended_at"], execution["completed_tasks"]) == ("completed", AT(2), '["a"]')
    assert (attempts[0]["started_seq"], attempts[0]["started_at"], attempts[0]["ended_at"]) == (4, AT(1), AT(2))
    assert (attempts[0]["status"], attempts[0]["outcome"], attempts[0]["message"]) == ("success", "success", "fine")
    assert sums == [("f", "a", "success", 1, 7), ("f", ENDED_TASK, "completed", 1, 1_000_000)]


def test_a_failure_that_is_retried_waits_and_keeps_its_attempt(script, one):
    """A failed attempt keeps its row and error; the execution shows when the next one is due."""
    run = script(one)
    run.advance()
    execution, attempts, sums = rows_of(run.result("failure"))
    assert (execution["status"], execution["due_at"], execution["failures"]) == ("running", AT(32), 1)
    assert (execution["last_error_type"], execution["last_error"]) == ("ValueError", "no")
    assert [(row["attempt"], row["status"], row["error_type"]) for row in attempts] == [(1, "failure", "ValueError")]
    assert sums == [("f", "a", "failure", 1, 7)]
    run.now = run.now.replace(minute=1)
    execution, attempts, _ = rows_of(run.advance("w-two"))
    assert (execution["due_at"], execution["attempts"], execution["worker"]) == (None, 2, "w-two")
    assert [(row["attempt"], row["started_seq"], row["worker"]) for row in attempts] == [(2, 7, "w-two")]
    execution, _, sums = rows_of(run.result("failure"))
    assert (execution["status"], execution["failures"], execution["completed_tasks"]) == ("failed", 2, "[]")
    assert sums[1][:4] == ("f", ENDED_TASK, "failed", 1)


def test_a_timeout_is_a_failure_of_its_own_name(script, one):
    """A timed out attempt is shown as such, and counts as a failure."""
    run = script(one)
    run.advance()
    error = ErrorInfo(type="TaskTimeout", message="took longer than 1 s")
    _, attempts, sums = rows_of(run.result("failure", error=error, timed_out=True))
    assert [(row["status"], row["outcome"], row["error_type"], row["message"]) for row in attempts] == [
        ("timed_out", "failure", "TaskTimeout", "took longer than 1 s")
    ]
    assert sums == [("f", "a", "failure", 1, 7)]


def test_an_interrupted_attempt_is_followed_by_another_of_the_same_number(script, one):
    """One step ends the attempt left behind, and begins it again under another key."""
    run = script(one)
    run.advance("w-one")
    execution, attempts, sums = rows_of(run.advance("w-two"))
    assert (execution["interruptions"], execution["worker"], execution["attempts"]) == (1, "w-two", 2)
    assert [(row["started_seq"], row["attempt"], row["status"], row["worker"]) for row in attempts] == [
        (4, 1, "interrupted", "w-one"),
        (6, 1, "running", "w-two"),
    ]
    assert attempts[0]["started_at"] == AT(1)
    assert sums == [("f", "a", "interrupted", 1, 0)]


def test_a_skipped_visit_is_an_attempt_of_number_zero(script, two):
    """What `skip_when` left out has a row that began and ended at once."""
    run = script(two)
    run.advance()
    execution, attempts, sums = rows_of(run.result())
    assert (execution["status"], execution["path"], execution["completed_tasks"]) == ("completed", '["a","b"]', '["a"]')
    skipped = attempts[-1]
    assert (skipped["task"], skipped["attempt"], skipped["status"], skipped["duration_us"]) == ("b", 0, "skipped", 0)
    assert (skipped["started_at"], skipped["ended_at"], skipped["worker"]) == (AT(2), AT(2), "w-one")
    assert ("f", "b", "skipped", 1, 0) in sums


def test_a_loop_makes_visits_and_words_of_its_own_are_counted(script, two):
    """Each time round is another visit; an outcome is counted under its word."""
    run = script(two)
    run.advance()
    _, attempts, sums = rows_of(run.result(outcome="again"))
    assert [(row["task"], row["visit"], row["status"]) for row in attempts] == [
        ("a", 1, "success"),
        ("a", 2, "running"),
    ]
    assert sums == [("f", "a", "again", 1, 7)]


def test_tasks_never_reached_are_listed_at_the_end(script, two):
    """An execution that ended says what it did not come to."""
    run = script(two)
    run.advance()
    execution, _, _ = rows_of(run.result("failure"))
    assert (execution["status"], execution["skipped_tasks"]) == ("failed", '["b"]')


def test_a_cancelled_execution_that_never_began_took_no_time(script, one):
    """The end of what was not started counts, with a duration of nothing."""
    execution, attempts, sums = rows_of(script(one).cancel())
    assert (execution["status"], execution["started_at"], attempts) == ("cancelled", None, [])
    assert sums == [("f", ENDED_TASK, "cancelled", 1, 0)]


def test_a_cancel_ends_the_running_attempt(script, one):
    """Who cancels interrupts; both are counted."""
    run = script(one)
    run.advance()
    execution, attempts, sums = rows_of(run.stop())
    assert (execution["status"], execution["current_task"]) == ("cancelled", None)
    assert [row["status"] for row in attempts] == ["interrupted"]
    assert [entry[:3] for entry in sums] == [("f", "a", "interrupted"), ("f", ENDED_TASK, "cancelled")]


def test_a_removed_execution_keeps_its_row(script, one):
    """A removal marks the row, and counts nothing."""
    run = script(one)
    run.advance()
    run.result()
    execution, attempts, sums = rows_of(run.remove())
    assert (execution["removed"], execution["status"], attempts, sums) == (1, "completed", [], [])


def test_long_messages_are_cut(script, one):
    """A row holds at most 2,000 characters of a message or an error; the log holds all of it."""
    run = script(one)
    run.advance()
    error = ErrorInfo(type="E", message="x" * 5_000)
    execution, attempts, _ = rows_of(run.result("failure", error=error, message="y" * 2_000))
    assert (len(execution["last_error"]), execution["last_error"][-1]) == (2_000, "…")
    assert (len(attempts[0]["error"]), attempts[0]["message"]) == (2_000, "y" * 2_000)


def test_an_unknown_fact_changes_only_the_place(script, one):
    """An event of a later flowsm moves the row's seq, and nothing else."""
    run = script(one)
    unknown = Unknown(type="task.praised", version=3, data=msgspec.Raw(b"{}"))
    after = evolve(run.machine, run.state, unknown, AT(9))
    assert attempt_rows(run.state, (unknown,), AT(9), "f") == []
    before, row = shown(execution_row(run.state)), shown(execution_row(after))
    assert {name for name in row if row[name] != before[name]} == {"seq", "updated_at"}


def _random_run(script, document: dict[str, Any], seed: int):
    """An execution of twenty steps, with whatever may happen."""
    chance = random.Random(seed)
    run = script(document)
    while len(run.steps) < 20 and run.state.ended_at is None:
        running = run.state.attempt is not None and run.state.phase == "running"
        if not running or chance.random() < 0.15:
            run.now = run.now.replace(minute=min(59, run.now.minute + 1))
            run.advance(chance.choice(["w-one", "w-two"]))
        elif chance.random() < 0.05:
            run.cancel()
        else:
            status = chance.choice(["success", "success", "failure"])
            outcome = "again" if status == "success" and chance.random() < 0.5 else None
            run.result(status, outcome, duration_us=chance.randrange(1_000))
    return run


@pytest.mark.parametrize("seed", range(60))
def test_rows_do_not_depend_on_what_was_recorded_together(script, two, seed):
    """Facts projected one by one give the rows of those projected together: so a rebuild needs no batches."""
    two["tasks"][0]["retry"] = {"max_attempts": 3, "initial_interval": 1, "jitter": 0}
    run = _random_run(script, two, seed)
    together: list[Any] = []
    one_by_one: list[Any] = []
    for made in run.steps:
        together += attempt_rows(made.before, made.facts, made.at, made.after.flow_id)
        state = made.before
        for fact in made.facts:
            after = evolve(run.machine, state, fact, made.at)
            one_by_one += attempt_rows(state, (fact,), made.at, after.flow_id)
            state = after
        assert execution_row(state) == execution_row(made.after)
    assert together == one_by_one


def test_projecting_is_pure(script, two):
    """The same facts give the same rows, and neither state nor facts are changed."""
    run = _random_run(script, two, 7)
    for made in run.steps:
        kept = copy.deepcopy(made)
        assert project(*made) == project(*kept)
        assert made == kept


def test_a_state_read_from_a_snapshot_gives_the_same_row(script, two):
    """A row follows from what a state says, not from how it came about."""
    for made in _random_run(script, two, 11).steps:
        copied = msgspec.json.decode(msgspec.json.encode(made.after), type=ExecutionState)
        assert execution_row(copied) == execution_row(made.after)


def test_lists_in_rows_are_json(script, two):
    """Task names of any spelling come back from the row."""
    two["tasks"][0]["name"] = two["start_task"] = 'a "quoted" ü'
    for condition in two["conditions"]:
        condition["source_task"] = 'a "quoted" ü'
    two["conditions"][1]["target_task_success"] = 'a "quoted" ü'
    two["tasks"][1]["skip_when"] = [{"path": "/input", "op": "empty"}]
    run = script(two)
    run.advance()
    execution, _, _ = rows_of(run.result())
    assert json.loads(execution["path"]) == ['a "quoted" ü', "b"]
