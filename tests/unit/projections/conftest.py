"""Executions without a log: the machine decides, the test says what each attempt gave."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest

from flowsm.clock import timestamp
from flowsm.definition.load import load_flow
from flowsm.events.commands import Advance, Cancel, Command, Create, Driver, RecordResult, Remove
from flowsm.events.facts import ErrorInfo, Fact
from flowsm.machine.compile import FlowMachine, compile_flow
from flowsm.machine.decide import step
from flowsm.machine.state import ExecutionState, new_state

BEGIN = datetime(2026, 1, 31, 12, tzinfo=UTC)


class Step(NamedTuple):
    before: ExecutionState
    facts: Sequence[Fact]
    at: str
    after: ExecutionState


class Script:
    """One execution, driven by hand; a step comes a second after the one before."""

    def __init__(self, document: dict[str, Any], stream: str = "e1") -> None:
        self.machine: FlowMachine = compile_flow(load_flow(document))
        self.state = new_state(stream)
        self.now = BEGIN
        self.steps: list[Step] = []
        self.do(Create(digest="d" * 64))

    def do(self, command: Command) -> Step:
        facts, after = step(self.machine, self.state, command, self.now)
        made = Step(self.state, facts, timestamp(self.now), after)
        self.steps.append(made)
        self.state = after
        self.now += timedelta(seconds=1)
        return made

    def advance(self, worker: str = "w-one") -> Step:
        return self.do(Advance(driver=Driver(worker=worker)))

    def result(self, status: str = "success", outcome: str | None = None, **more: Any) -> Step:
        attempt = self.state.attempt
        error = ErrorInfo(type="ValueError", message="no") if status == "failure" else None
        values = {"duration_us": 7, "error": error, "message": None} | more
        return self.do(
            RecordResult(
                driver=Driver(worker=self.state.worker),
                task=self.state.node,
                visit=attempt.visit,
                attempt=attempt.attempt,
                status=status,
                outcome=outcome or status,
                **values,
            )
        )

    def cancel(self) -> Step:
        return self.do(Cancel(reason="enough", actor="me"))

    def stop(self) -> Step:
        """Cancel while an attempt runs, and stop it."""
        self.cancel()
        return self.advance(self.state.worker)

    def remove(self) -> Step:
        return self.do(Remove(reason="old"))


@pytest.fixture
def script() -> type[Script]:
    return Script


@pytest.fixture
def one() -> dict[str, Any]:
    """One task, with a retry."""
    retry = {"max_attempts": 2, "initial_interval": 30, "jitter": 0}
    return {"id": "f", "name": "F", "start_task": "a", "tasks": [{"name": "a", "retry": retry}]}


@pytest.fixture
def two() -> dict[str, Any]:
    """Two tasks, the second of which is skipped where the first gave nothing; `again` leads back to the first."""
    return {
        "id": "f",
        "name": "F",
        "start_task": "a",
        "tasks": [{"name": "a"}, {"name": "b", "skip_when": [{"path": "/results/a/data", "op": "empty"}]}],
        "conditions": [
            {"source_task": "a", "target_task_success": "b"},
            {"source_task": "a", "outcome": "again", "target_task_success": "a"},
        ],
    }
