"""A plain function as a task."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

from flowsm.definition.model import TaskConfig
from flowsm.errors import UsageError
from flowsm.tasks.base import BaseTask
from flowsm.tasks.context import TaskContext
from flowsm.tasks.signature import Signature
from flowsm.tasks.threads import run_in_daemon_thread

__all__ = ["FunctionTask", "TaskFunction"]


class TaskFunction:
    """A function that is a task type: looked at once, when it is registered.

    Raises:
        UsageError: a flow cannot call it.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.label = getattr(function, "__qualname__", None) or repr(function)
        inner: Any = function
        while isinstance(inner, partial):
            inner = inner.func
        body = inner if inspect.isroutine(inner) else type(inner).__call__
        if inspect.isgeneratorfunction(body) or inspect.isasyncgenfunction(body):
            raise UsageError(f"{self.label} is a generator: a task returns its result; return a list instead")
        self.is_async = inspect.iscoroutinefunction(body)
        self.signature = Signature(function, self.label)

    def __call__(self, config: TaskConfig) -> FunctionTask:
        """The task object of one attempt."""
        return FunctionTask(config, self)


class FunctionTask(BaseTask):
    """One attempt of a plain function.

    `is_blocking` says whether the function is not async; `call` then does the work, `execute` does it in a daemon
    thread. Both give back what the function returned, whatever that is: `outcome.normalise` makes a result of it.
    """

    def __init__(self, config: TaskConfig, function: TaskFunction) -> None:
        super().__init__(config)
        self._function = function
        self.is_blocking = not function.is_async

    def validate_parameters(self) -> bool:
        """Refuse parameters that the function cannot take, all problems at once.

        Raises:
            ValueError: they do not fit.
        """
        problems = self._function.signature.problems(self.parameters)
        if problems:
            raise ValueError("\n".join(problems))
        return True

    def call(self, context: TaskContext) -> Any:
        """Call the function, here and now; for an async one, the coroutine is returned."""
        args, kwargs = self._function.signature.bind(self.parameters, context)
        return self._function.function(*args, **kwargs)

    async def execute(self, context: TaskContext) -> Any:
        """What the function returns: awaited if it is async, else from a daemon thread."""
        result = await run_in_daemon_thread(self.call, context) if self.is_blocking else self.call(context)
        return await result if inspect.isawaitable(result) else result
