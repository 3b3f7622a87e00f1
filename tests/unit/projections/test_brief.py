"""The brief statements of an append write the rows that the full ones would."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from flowsm.events.facts import ErrorInfo
from flowsm.log.port import RowChange
from flowsm.log.rows import RowGroup
from flowsm.projections.project import attempt_rows, execution_row, project
from flowsm.projections.tables import ROW_STATEMENTS, TABLES
from flowsm.storage.statements import Statements

STATEMENTS = Statements(ROW_STATEMENTS)
BRIEF = ["end_attempt", "start_attempt", "step_execution"]


def written(commits: list[list[Any]]) -> dict[str, list[tuple[Any, ...]]]:
    """All rows after these commits."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(TABLES.replace("{g}", "1"))
        for rows in commits:
            group = RowGroup(STATEMENTS.rank)
            group.add("e1", rows)
            group.write(connection, STATEMENTS.of_generation(1))
        tables = ("executions_1", "attempts_1", "statistics_1")
        return {table: connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall() for table in tables}


def statements_of(made) -> list[str]:
    return [row.statement for row in project(*made) if isinstance(row, RowChange)]


def run_at_random(script, document, seed: int):
    """An execution with whatever may happen: failures with and without an error, waits, interruptions, a cancel."""
    chance = random.Random(seed)
    run = script(document)
    while len(run.steps) < 25 and run.state.ended_at is None:
        if run.state.phase != "running" or chance.random() < 0.15:
            run.now = run.now.replace(minute=min(59, run.now.minute + 1))
            run.advance(chance.choice(["w-one", "w-two"]))
        elif chance.random() < 0.04:
            run.cancel()
        else:
            status = chance.choice(["success", "success", "failure"])
            error = ErrorInfo(type="E", message="no") if status == "failure" and chance.random() < 0.5 else None
            run.result(status, error=error, message=chance.choice([None, "said"]))
    return run


@pytest.mark.parametrize("seed", range(80))
def test_brief_rows_write_what_the_full_ones_write(script, two, seed):
    """Whatever happens to an execution, its rows do not tell which statements wrote them."""
    two["tasks"][0]["retry"] = {"max_attempts": 3, "initial_interval": 1, "jitter": 0}
    two["tasks"][1]["retry"] = {"max_attempts": 2, "initial_interval": 1, "jitter": 0}
    run = run_at_random(script, two, seed)
    full = [
        [*attempt_rows(made.before, made.facts, made.at, made.after.flow_id), execution_row(made.after)]
        for made in run.steps
    ]
    assert written([project(*made) for made in run.steps]) == written(full)


def test_the_usual_step_is_brief(script):
    """The end of an attempt and the start of the next touch what they change."""
    tasks = [{"name": name, "task_type": "any"} for name in "ab"]
    to_b = {"source_task": "a", "target_task_success": "b"}
    run = script({"id": "f", "name": "F", "start_task": "a", "tasks": tasks, "conditions": [to_b]})
    run.advance()
    assert sorted(statements_of(run.result())) == BRIEF


def test_a_failure_is_written_in_full(script, two):
    """An error belongs to the rows of the attempt and of the execution."""
    run = script(two)
    run.advance()
    made = run.result("failure", error=ErrorInfo(type="E", message="no"))
    assert statements_of(made).count("put_attempt") == 1
    assert statements_of(made)[-1] == "put_execution"
