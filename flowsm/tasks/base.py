"""The contract of a task."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from flowsm.definition.model import TaskConfig
from flowsm.tasks.context import TaskContext
from flowsm.tasks.result import TaskResult

__all__ = ["BaseTask"]


class BaseTask(ABC):
    """A task type: subclass it, and register the subclass with a `TaskFactory`.

    One object is made per attempt, with the task's config in which every `$from` has been resolved.
    """

    version: ClassVar[str | None] = None
    """The version of this code, recorded with each start; by default that of its distribution."""

    parameters_schema: ClassVar[dict[str, Any] | None] = None
    """The JSON Schema of the parameters, for people and editors; None when it is not declared."""

    is_blocking: bool = False
    """Whether the work is a plain function, which `execute` runs in a thread."""

    def __init__(self, config: TaskConfig) -> None:
        self.config = config
        self.name: str = config.name
        self.description: str = config.description
        self.parameters: dict[str, Any] = config.parameters

    @classmethod
    def parameter_problems(cls, parameters: dict[str, Any]) -> list[str]:  # noqa: ARG003 - for those who override it
        """What is wrong with the parameters of a flow that is being loaded, each with its JSON Pointer.

        Values that hold a `{"$from": ...}` are not known yet, and must not be judged.
        """
        return []

    def validate_parameters(self) -> bool | None:
        """Refuse parameters that cannot work, by returning False or raising ValueError; asked before each attempt."""
        return True

    async def check(self, context: TaskContext) -> TaskResult | None:
        """Look, before `execute`, whether the work can be done now.

        Raising is a failure of the attempt; returning a result with status SKIPPED skips the task.
        """
        return None

    async def probe(self, context: TaskContext) -> TaskResult | None:
        """Find out what became of an attempt that a crash interrupted, where the task's `on_interrupt` is `probe`.

        Returns its result, or None if it was not done: then it is run again. Where it cannot tell it raises, and a
        person is asked.
        """
        raise NotImplementedError(f"task type {self.config.task_type!r} has no probe")

    @abstractmethod
    async def execute(self, context: TaskContext) -> TaskResult:
        """Do the work of one attempt."""
