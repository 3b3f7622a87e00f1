"""`@task`: a plain function, or a class, becomes a task type of the default registry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, overload

from flowsm.errors import UsageError
from flowsm.tasks.factory import default_registry

__all__ = ["task"]

F = TypeVar("F", bound=Callable[..., Any])


@overload
def task(name: F, /) -> F: ...
@overload
def task(name: str | None = None, /, *, version: str | None = None) -> Callable[[F], F]: ...
def task(name: Any = None, /, *, version: str | None = None) -> Any:
    """Register a function as a task type, and give it back unchanged.

    `@task("name")`, or `@task` and `@task()` for the function's own name. A parameter named `context`, or annotated
    `TaskContext`, gets the context; the others are filled from the task's `parameters`, by their annotations.
    The function returns any JSON value (a success), a `TaskResult`, or raises (a failure).

    Raises:
        UsageError: a flow cannot call it, or the name is taken by other code.
    """
    if isinstance(name, str) or name is None:

        def register(function: F) -> F:
            own = name if name is not None else getattr(function, "__name__", None)
            if own is None:
                raise UsageError(f'{function!r} has no name: write @task("name")')
            default_registry().register_task(own, function, version=version)
            return function

        return register
    if not callable(name):
        raise UsageError(f'expected @task, @task() or @task("name"), found @task({name!r})')
    return task()(name)
