"""The task types that wait: what is known of them. The machine itself waits; no code of theirs runs."""

from __future__ import annotations

from typing import Any, ClassVar

from flowsm.definition.waiting import SUBFLOW, WAIT, WAIT_FOR_SIGNAL, WAIT_PARAMETERS, wait_problems
from flowsm.tasks.base import BaseTask
from flowsm.tasks.context import TaskContext
from flowsm.tasks.result import TaskResult

__all__ = ["Subflow", "Wait", "WaitForSignal"]


class _Waiting(BaseTask):
    task_type: ClassVar[str]

    @classmethod
    def parameter_problems(cls, parameters: dict[str, Any]) -> list[str]:
        """What is wrong with the parameters that are known already."""
        return wait_problems(cls.task_type, parameters)

    async def execute(self, context: TaskContext) -> TaskResult:
        """Never called: a driver does not run what waits."""
        raise NotImplementedError(f"task {context.task_name!r} waits; it has no code to run")


class Wait(_Waiting):
    """Wait for some seconds, or until a moment."""

    task_type = WAIT
    parameters_schema = WAIT_PARAMETERS[WAIT]


class WaitForSignal(_Waiting):
    """Wait until somebody signals: the payload is the result, the word that comes with it the outcome."""

    task_type = WAIT_FOR_SIGNAL
    parameters_schema = WAIT_PARAMETERS[WAIT_FOR_SIGNAL]


class Subflow(_Waiting):
    """Start another flow as an execution of its own, and wait for its end."""

    task_type = SUBFLOW
    parameters_schema = WAIT_PARAMETERS[SUBFLOW]
