"""A decision in the making: its facts, and the state that they lead to."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from flowsm.clock import elapsed_us, timestamp
from flowsm.definition.model import TaskConfig
from flowsm.definition.user_schema import schema_misfits
from flowsm.events.commands import Driver
from flowsm.events.facts import ErrorInfo, Fact, TaskCompleted
from flowsm.machine.compile import FlowMachine
from flowsm.machine.evolve import evolve
from flowsm.machine.state import Attempt, ExecutionState
from flowsm.status import TaskStatus

__all__ = ["Draft"]

_SCHEMA_MISSED: Final = ("ResultSchemaMissed", "ValueError", "Exception")
"""The class of the error, and its bases, as an attempt whose code gave the data names it."""


class Draft:
    """The facts of one decision; each is folded at once, so that the next is decided on what it means.

    `driver` is who drives; None for an operator's command, which stops where code would have to run. `chance` spreads
    retries.
    """

    __slots__ = ("at", "chance", "driver", "facts", "machine", "now", "state")

    def __init__(
        self,
        machine: FlowMachine,
        state: ExecutionState,
        now: datetime,
        driver: Driver | None = None,
        chance: float = 0.5,
    ) -> None:
        self.machine = machine
        self.state = state
        self.now = now
        self.at = timestamp(now)
        self.driver = driver
        self.chance = chance
        self.facts: list[Fact] = []

    def record(self, fact: Fact) -> None:
        """One more fact."""
        self.state = evolve(self.machine, self.state, fact, self.at)
        self.facts.append(fact)

    @property
    def task(self) -> TaskConfig:
        """The task that the execution stands at."""
        return self.machine.tasks[self.state.node]

    @property
    def attempt(self) -> Attempt:
        """The present attempt, where there must be one."""
        attempt = self.state.attempt
        if attempt is None:
            raise AssertionError(f"no attempt in phase {self.state.phase}")
        return attempt

    @property
    def place(self) -> dict[str, Any]:
        """Where the present attempt stands, as facts about it begin: task, visit and attempt."""
        attempt = self.attempt
        return {"task": self.state.node, "visit": attempt.visit, "attempt": attempt.attempt}

    def elapsed_us(self) -> int:
        """Microseconds since the present attempt was started; 0 for one that was not."""
        began = self.attempt.started_at
        return elapsed_us(began, self.at) if began else 0

    def after(self, seconds: float) -> str:
        """The moment so many seconds from now."""
        return timestamp(self.now + timedelta(seconds=seconds))

    def late(self, due: str | None) -> float:
        """How many seconds after a due time it is now; 0 before it, and where there is none."""
        if due is None or self.at <= due:
            return 0.0
        return round((self.now - datetime.fromisoformat(due)).total_seconds(), 6)

    def is_past(self, due: str | None) -> bool:
        """Whether a due time has come."""
        return due is not None and self.at >= due

    def is_overdue(self) -> bool:
        """Whether the flow's own time is over; cleaning up after a cancellation has no end."""
        state = self.state
        return state.deadline is not None and self.at >= state.deadline and not state.cleaning

    def misfit(self, data: Any) -> str:
        """What is wrong with data as the result of the present task, by its `result_schema`; nothing if it fits."""
        schema = self.task.result_schema
        misfits = () if schema is None else schema_misfits(schema, data)
        return "; ".join(f"at {misfit.pointer or 'the whole result'}: {misfit.message}" for misfit in misfits)

    def complete(
        self,
        status: TaskStatus,
        outcome: str | None = None,
        *,
        data: Any = None,
        message: str | None = None,
        error: ErrorInfo | None = None,
    ) -> None:
        """Record the result of the present attempt, which no code of the task gave.

        A success whose data misses the task's `result_schema` is a failure, as it is where code gave it.
        """
        misfit = self.misfit(data) if status is TaskStatus.SUCCESS else ""
        if misfit:
            message = f"the result does not fit the task's result_schema: {misfit}"
            status, outcome, data = TaskStatus.FAILURE, None, None
            error = ErrorInfo(type=_SCHEMA_MISSED[0], message=message, types=_SCHEMA_MISSED)
        self.record(
            TaskCompleted(
                **self.place,
                status=status.value,
                outcome=outcome or status.value,
                duration_us=self.elapsed_us(),
                message=message,
                data=data,
                error=error,
            )
        )

    def fail(self, error_type: str, message: str, outcome: str | None = None) -> None:
        """Record the present attempt's failure."""
        error = ErrorInfo(type=error_type, message=message, types=(error_type,))
        self.complete(TaskStatus.FAILURE, outcome, message=message, error=error)
