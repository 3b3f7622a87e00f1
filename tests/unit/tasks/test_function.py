from __future__ import annotations

import functools
import threading

import pytest

from flowsm.definition.model import TaskConfig
from flowsm.errors import UsageError
from flowsm.tasks.context import TaskContext
from flowsm.tasks.function import task
from flowsm.tasks.outcome import normalise


def config(task_type, **parameters):
    return TaskConfig(name="t", task_type=task_type, parameters=parameters)


async def test_plain_function(registry, context):
    """A plain function is registered, given back unchanged, and runs in a daemon thread."""

    def add(a: int, b: int = 2):
        """Add.

        More.
        """
        return {"sum": a + b, "thread": threading.current_thread().name}

    assert task("add")(add) is add
    made = registry.create(config("add", a=1))
    assert made.is_blocking
    assert made.name == "t"
    assert made.validate_parameters() is True
    assert made.call(context)["sum"] == 3
    result = await made.execute(context)
    assert result == {"sum": 3, "thread": "flowsm-task"}
    assert registry.info("add").description == "Add."
    assert registry.info("add").parameters_schema["required"] == ["a"]


async def test_async_function(registry, context):
    """An async function runs on the loop."""

    @task("look")
    async def look(context: TaskContext, key: str):
        return context[key], threading.current_thread() is threading.main_thread()

    made = registry.create(config("look", key="execution_id"))
    assert not made.is_blocking
    assert await made.execute(context) == ("e1", True)
    coroutine = made.call(context)
    assert await coroutine == ("e1", True)


async def test_async_in_disguise(registry, context):
    """What a plain function returns is awaited if it can be; partials and callable objects of async code are async."""

    async def double(a: int):
        return a * 2

    class Doubler:
        async def __call__(self, a: int):
            return await double(a)

    task("disguised")(lambda a: double(a + 0))
    task("partial")(functools.partial(double, 4))
    task("object")(Doubler())
    assert await registry.create(config("disguised", a=1)).execute(context) == 2
    assert await registry.create(config("partial")).execute(context) == 8
    assert await registry.create(config("object", a=3)).execute(context) == 6
    assert registry.create(config("disguised")).is_blocking
    assert not registry.create(config("object")).is_blocking
    assert not registry.create(config("partial")).is_blocking


def test_own_name(registry):
    """`@task` and `@task()` register a function under its own name."""

    @task
    def first():
        return 1

    @task()
    def second():
        return 2

    assert {"first", "second"} <= set(registry.types())
    assert (first(), second()) == (1, 2)


def test_version(registry):
    """`@task(version=...)` says the version of the code."""
    task("v", version="7")(lambda: 1)
    assert registry.version_of("v") == "7"


def test_misuse(registry):
    """Without a name to use, or with something that is no name, `@task` says how it is written."""
    with pytest.raises(UsageError, match='write @task\\("name"\\)'):
        task(functools.partial(int))
    with pytest.raises(UsageError, match=r"found @task\(3\)"):
        task(3)


async def test_generators_are_refused(registry):
    """A generator is refused when it is registered, not when it runs."""

    async def agen():
        yield 1

    def gen():
        yield 1

    for function in (gen, agen):
        with pytest.raises(UsageError, match="is a generator: a task returns its result"):
            task("g")(function)


async def test_bad_parameters(registry, context):
    """Parameters that do not fit are refused before the function is called."""
    calls = []

    @task("strict")
    def strict(a: int):
        calls.append(a)

    made = registry.create(config("strict", b=1))
    with pytest.raises(ValueError, match=r"(?s)'a' is missing.*unknown parameter 'b'"):
        made.validate_parameters()
    with pytest.raises(ValueError, match="'a' is missing"):
        await made.execute(context)
    assert calls == []


async def test_what_it_returns_is_normalised(registry, context):
    """What a function returns becomes a result."""
    task("tuple")(lambda: (1, {"a": None}))
    result = normalise(await registry.create(config("tuple")).execute(context), "t").result
    assert result.data == [1, {"a": None}]
