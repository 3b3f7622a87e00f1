"""The registry of task types."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Concatenate, Final, Generic, ParamSpec, TypeVar

from flowsm.definition.model import TaskConfig
from flowsm.definition.waiting import WAITING_TYPES
from flowsm.errors import PluginBroken, TaskTypeNotFound, UsageError
from flowsm.limits import NAME_MAX_CHARS
from flowsm.tasks.base import BaseTask
from flowsm.tasks.builtin import BUILTINS
from flowsm.tasks.function_task import TaskFunction
from flowsm.tasks.versions import distribution_version, installed_entry_points, version_of_module
from flowsm.tasks.wording import nearest

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["ENTRY_POINT_GROUP", "TaskFactory", "TaskTypeInfo", "default_registry"]

ENTRY_POINT_GROUP: Final = "flowsm.tasks"

F = TypeVar("F", bound=Callable[..., Any])
P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class TaskTypeInfo:
    """What is known of a task type. `source` says where its code is from."""

    task_type: str
    description: str
    parameters_schema: dict[str, Any] | None
    version: str | None
    source: str


@dataclass(slots=True)
class _Registration:
    """A task type; what `load` imports when it is first asked for is kept in `code`."""

    task_type: str
    source: str
    origin: str
    """The qualified name of the code, by which a reloaded module's is recognised; "" where there is none."""
    load: Callable[[], object] | None = None
    code: type[BaseTask] | TaskFunction | None = None
    thing: object = None
    version: str | None = None
    distribution: str = ""
    builtin: bool = False

    def loaded(self) -> type[BaseTask] | TaskFunction:
        if self.code is None:
            assert self.load is not None  # noqa: S101 - a registration has one of both
            self.code = _as_code(self.task_type, self.load())
        return self.code


class _OnClassToo(Generic[P, R]):
    """A verb of a registry that, called on the class itself, acts on the default registry."""

    def __init__(self, function: Callable[Concatenate[TaskFactory, P], R]) -> None:
        self._function = function
        self.__doc__ = function.__doc__
        self.__wrapped__ = function

    def __get__(self, instance: TaskFactory | None, owner: type[TaskFactory]) -> Callable[P, R]:
        bound: Callable[P, R] = self._function.__get__(default_registry() if instance is None else instance)
        return bound


class TaskFactory:
    """A registry of task types: `register_task("custom", CustomTask)`, `create(config)`.

    Every verb works on an object, and on the class, where it means the default registry.

    Args:
        builtins: whether `fetch_data`, `process_data` and `store_data` are in it.
    """

    def __init__(self, *, builtins: bool = True) -> None:
        self._registered: dict[str, _Registration] = {}
        self._entry_points_read = False
        if builtins:
            for task_type, load in BUILTINS.items():
                self._registered[task_type] = _Registration(
                    task_type, "built-in", "", load, distribution="flowsm", builtin=True
                )

    def __contains__(self, task_type: object) -> bool:
        return task_type in self._registered

    @_OnClassToo
    def register_task(
        self,
        task_type: str,
        task: type[BaseTask] | Callable[..., Any],
        *,
        version: str | None = None,
        replace: bool = False,
    ) -> None:
        """Let `task_type` mean this subclass of `BaseTask`, or this function.

        Args:
            task_type: the word that flows use.
            task: the code.
            version: the version of the code; by default `BaseTask.version`, else that of its distribution.
            replace: whether a name that is taken, a built-in's included, gets this code from now on.

        Raises:
            UsageError: it is no task, or the name is taken by other code.
        """
        _check_name(task_type)
        if task_type in WAITING_TYPES:
            raise UsageError(
                f"task type {task_type!r} is the machine's own and cannot be replaced: register the code under another name"
            )
        code = _as_code(task_type, task)
        origin = _qualified_name(task)
        present = self._registered.get(task_type)
        if present and not replace and not _is_same(present, task, origin):
            hint = (
                "give replace=True to override it" if present.builtin else "choose another name, or give replace=True"
            )
            raise UsageError(f"task type {task_type!r} is registered already, by {present.source}; {hint}")
        self._registered[task_type] = _Registration(
            task_type, origin or repr(task), origin, code=code, thing=task, version=version
        )

    @_OnClassToo
    def task(self, name: str, *, version: str | None = None, replace: bool = False) -> Callable[[F], F]:
        """A decorator that registers a function or a class under this name, and gives it back unchanged."""

        def register(code: F) -> F:
            self.register_task(name, code, version=version, replace=replace)
            return code

        return register

    @_OnClassToo
    def create(self, config: TaskConfig) -> BaseTask:
        """The task object for one attempt.

        Raises:
            TaskTypeNotFound: the type is not registered.
            PluginBroken: the distribution that offers the type cannot be loaded.
        """
        return self._find(config.task_type).loaded()(config)

    @_OnClassToo
    def types(self) -> list[str]:
        """The registered task types, sorted."""
        return sorted(self._registered)

    @_OnClassToo
    def info(self, task_type: str) -> TaskTypeInfo:
        """What is known of a task type.

        Raises:
            TaskTypeNotFound: the type is not registered.
            PluginBroken: the distribution that offers the type cannot be loaded.
            UsageError: the annotations of its function cannot be resolved.
        """
        registration = self._find(task_type)
        code = registration.loaded()
        schema: dict[str, Any] | None
        if isinstance(code, TaskFunction):
            text, schema = code.function.__doc__, code.signature.schema
        else:
            text, schema = code.__doc__, code.parameters_schema
        return TaskTypeInfo(
            task_type=task_type,
            description=inspect.cleandoc(text or "").partition("\n")[0],
            parameters_schema=schema,
            version=self.version_of(task_type),
            source=registration.source,
        )

    @_OnClassToo
    def version_of(self, task_type: str) -> str | None:
        """The version of the code: the task's own, else its distribution's, else None.

        Raises:
            TaskTypeNotFound: the type is not registered.
            PluginBroken: the distribution that offers the type cannot be loaded.
        """
        registration = self._find(task_type)
        code = registration.loaded()
        if registration.version is not None:
            return registration.version
        if not isinstance(code, TaskFunction) and code.version is not None:
            return code.version
        if registration.distribution:
            return distribution_version(registration.distribution)
        target = code.function if isinstance(code, TaskFunction) else code
        return version_of_module(getattr(target, "__module__", None) or "")

    @_OnClassToo
    def check_parameters(self, task_type: str, parameters: Mapping[str, Any]) -> list[str]:
        """What is wrong with a task's parameters, each with its JSON Pointer (counted from `parameters`).

        Values that hold a `{"$from": ...}` are not judged. Types that declare nothing have no problems.

        Raises:
            TaskTypeNotFound: the type is not registered.
            PluginBroken: the distribution that offers the type cannot be loaded.
        """
        code = self._find(task_type).loaded()
        if isinstance(code, TaskFunction):
            return code.signature.problems(parameters)
        return code.parameter_problems(dict(parameters))

    @_OnClassToo
    def load_entry_points(self) -> None:
        """Add the task types that installed distributions offer; the second call does nothing.

        The name of an entry point of the group `flowsm.tasks` is the task type, its object a subclass of
        `BaseTask` or a function. It is imported when the type is first used. A name that is taken keeps its
        code, with a warning that names the distribution.
        """
        if self._entry_points_read:
            return
        self._entry_points_read = True
        for entry in installed_entry_points(ENTRY_POINT_GROUP):
            distribution = entry.dist.name if entry.dist else "?"
            source = f"distribution {distribution!r}"
            present = self._registered.get(entry.name)
            if present:
                warnings.warn(
                    f"{source} offers task type {entry.name!r}, which {present.source} has already; it is left out",
                    stacklevel=2,
                )
                continue
            self._registered[entry.name] = _Registration(
                entry.name,
                source,
                entry.value.replace(":", "."),
                _loader(entry, distribution),
                distribution=distribution,
            )

    def _find(self, task_type: str) -> _Registration:
        try:
            return self._registered[task_type]
        except KeyError:
            raise TaskTypeNotFound(task_type, nearest(task_type, self._registered)) from None


_default: TaskFactory | None = None


def default_registry() -> TaskFactory:
    """The registry that `@task`, and the verbs of `TaskFactory` called on the class, write to."""
    global _default  # noqa: PLW0603 - the one global of the design, replaceable by FlowManager(tasks=...)
    if _default is None:
        _default = TaskFactory()
    return _default


def _check_name(task_type: object) -> None:
    if not isinstance(task_type, str) or not task_type.strip() or len(task_type) > NAME_MAX_CHARS:
        raise UsageError(f"expected a task type, a text of 1 to {NAME_MAX_CHARS} characters, found {task_type!r}")


def _as_code(task_type: str, thing: object) -> type[BaseTask] | TaskFunction:
    if isinstance(thing, type):
        if not issubclass(thing, BaseTask):
            raise UsageError(f"task type {task_type!r}: {thing.__qualname__} is not a subclass of BaseTask")
        if inspect.isabstract(thing):
            missing = ", ".join(sorted(thing.__abstractmethods__))
            raise UsageError(f"task type {task_type!r}: {thing.__qualname__} lacks {missing}")
        return thing
    if isinstance(thing, BaseTask):
        raise UsageError(
            f"task type {task_type!r}: expected the class {type(thing).__qualname__}, found an object of it"
        )
    if not callable(thing):
        kind = type(thing).__name__
        raise UsageError(f"task type {task_type!r}: expected a subclass of BaseTask or a function, found a {kind}")
    return TaskFunction(thing)


def _qualified_name(thing: object) -> str:
    module, name = getattr(thing, "__module__", None), getattr(thing, "__qualname__", None)
    return f"{module}.{name}" if module and name else ""


def _is_same(present: _Registration, thing: object, origin: str) -> bool:
    """Whether a taken name is given to the same code again, or to what a reloaded module has in its place."""
    if present.thing is thing:
        return True
    return bool(origin) and present.origin == origin and not origin.endswith("<lambda>")


def _loader(entry: EntryPoint, distribution: str) -> Callable[[], object]:
    def load() -> object:
        try:
            thing = entry.load()
            _as_code(entry.name, thing)
        except Exception as error:
            reason = f"{entry.value}: {type(error).__name__}: {error}"
            raise PluginBroken(entry.name, distribution, reason) from error
        return thing

    return load
