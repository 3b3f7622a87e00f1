from __future__ import annotations

import importlib
import sys

import pytest

from flowsm.definition.model import TaskConfig
from flowsm.errors import PluginBroken, TaskTypeNotFound, UsageError
from flowsm.tasks import factory, versions
from flowsm.tasks.base import BaseTask
from flowsm.tasks.factory import TaskFactory, default_registry
from flowsm.tasks.result import TaskResult

BUILTINS = ["fetch_data", "process_data", "store_data", "subflow", "wait", "wait_for_signal"]


class Custom(BaseTask):
    """Does a custom thing.

    At length.
    """

    version = "3.1"

    async def execute(self, context):
        return TaskResult(status="success", data=self.parameters)


class Plain(BaseTask):
    async def execute(self, context):
        return TaskResult(status="success")


@pytest.fixture
def plugins(tmp_path, monkeypatch):
    """Two installed distributions: one whose tasks work, and one whose do not."""
    good = tmp_path / "acme_tasks-1.2.dist-info"
    good.mkdir()
    (good / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-tasks\nVersion: 1.2\n")
    (good / "top_level.txt").write_text("acme_plugin_tasks\n")
    (good / "entry_points.txt").write_text(
        "[flowsm.tasks]\nacme_class = acme_plugin_tasks:Task\nacme_function = acme_plugin_tasks:work\n"
        "fetch_data = acme_plugin_tasks:work\n"
    )
    (tmp_path / "acme_plugin_tasks.py").write_text(
        "from flowsm.tasks.base import BaseTask\n"
        "class Task(BaseTask):\n"
        "    async def execute(self, context): ...\n"
        "def work(a: int): 'Work.'\n"
    )
    bad = tmp_path / "broken_tasks-0.1.dist-info"
    bad.mkdir()
    (bad / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-tasks\nVersion: 0.1\n")
    (bad / "entry_points.txt").write_text(
        "[flowsm.tasks]\nmissing = broken_plugin_tasks:Task\nno_task = acme_plugin_tasks:__name__\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    for cache in (versions.distribution_version, versions.version_of_module, versions._packages):
        cache.cache_clear()
    yield
    sys.modules.pop("acme_plugin_tasks", None)
    for cache in (versions.distribution_version, versions.version_of_module, versions._packages):
        cache.cache_clear()


@pytest.fixture
def loaded(plugins):
    registry = TaskFactory()
    with pytest.warns(UserWarning, match="'acme-tasks' offers task type 'fetch_data', which built-in has already"):
        registry.load_entry_points()
    return registry


def test_builtins():
    """The built-in tasks are there, unless they are not wanted."""
    assert TaskFactory().types() == BUILTINS
    assert TaskFactory(builtins=False).types() == []
    for task_type in BUILTINS:
        info = TaskFactory().info(task_type)
        assert info.source == "built-in"
        assert info.description
        rehearses = "failure_rate" in info.parameters_schema["properties"]
        assert rehearses == (task_type not in {"subflow", "wait", "wait_for_signal"})
        assert TaskFactory().create(TaskConfig(name="t", task_type=task_type)).validate_parameters() is True


def test_builtin_version(monkeypatch):
    """The version of a built-in task is that of flowsm."""
    monkeypatch.setattr(factory, "distribution_version", {"flowsm": "9.9"}.get)
    assert TaskFactory().version_of("fetch_data") == "9.9"


def test_class():
    """A subclass of BaseTask is registered, described, and made once per config."""
    registry = TaskFactory()
    registry.register_task("custom", Custom)
    assert "custom" in registry
    assert registry.types() == ["custom", *BUILTINS]
    made = registry.create(TaskConfig(name="t", task_type="custom", description="d", parameters={"a": 1}))
    assert (type(made), made.name, made.description, made.parameters) == (Custom, "t", "d", {"a": 1})
    info = registry.info("custom")
    assert (info.description, info.version, info.parameters_schema) == ("Does a custom thing.", "3.1", None)
    assert info.source == f"{__name__}.Custom"
    assert registry.check_parameters("custom", {"anything": 1}) == []
    assert not made.is_blocking


async def test_base_task_defaults(context):
    """A task says that its parameters are fine and that it can start, unless it has its own mind."""
    made = Plain(TaskConfig(name="t", task_type="x"))
    assert made.validate_parameters() is True
    assert await made.check(context) is None
    assert made.version is None


def test_class_verbs_mean_the_default_registry(registry):
    """Every verb, called on the class, acts on the default registry."""
    TaskFactory.register_task("custom_task", Custom)

    @TaskFactory.task("decorated")
    def decorated(a: int):
        return a

    assert default_registry() is registry
    assert "custom_task" in registry
    assert TaskFactory.types() == sorted([*BUILTINS, "custom_task", "decorated"])
    assert isinstance(TaskFactory.create(TaskConfig(name="t", task_type="custom_task")), Custom)
    assert TaskFactory.info("custom_task").version == "3.1"
    assert TaskFactory.version_of("custom_task") == "3.1"
    assert TaskFactory.check_parameters("decorated", {}) == ["/: parameter 'a' is missing, expected int"]
    assert decorated(3) == 3
    assert "custom_task" not in TaskFactory()
    assert TaskFactory.register_task.__doc__.startswith("Let `task_type` mean")


def test_decorator_takes_classes():
    """The decorator of a registry takes classes too, and gives them back."""
    registry = TaskFactory(builtins=False)
    assert registry.task("custom")(Custom) is Custom
    assert registry.types() == ["custom"]


@pytest.mark.parametrize(
    ("thing", "message"),
    [
        (3, "expected a subclass of BaseTask or a function, found a int"),
        (int, "int is not a subclass of BaseTask"),
        (BaseTask, "BaseTask lacks execute"),
        (Custom(TaskConfig(name="t", task_type="x")), "expected the class Custom, found an object of it"),
    ],
)
def test_what_is_no_task(thing, message):
    """What is no task is refused when it is registered."""
    registry = TaskFactory()
    with pytest.raises(UsageError, match=message):
        registry.register_task("x", thing)
    assert "x" not in registry


@pytest.mark.parametrize("name", ["", "  ", None, 3, "x" * 201])
def test_what_is_no_name(name):
    """A task type is a text of a bounded length."""
    with pytest.raises(UsageError, match="expected a task type"):
        TaskFactory().register_task(name, Custom)


def test_taken_names():
    """A taken name keeps its code, unless the same code comes again, or `replace` is given."""
    registry = TaskFactory()
    registry.register_task("custom", Custom)
    registry.register_task("custom", Custom)
    with pytest.raises(UsageError, match=rf"registered already, by {__name__}.Custom; choose another name"):
        registry.register_task("custom", Plain)
    assert registry.info("custom").version == "3.1"
    registry.register_task("custom", Plain, replace=True)
    assert isinstance(registry.create(TaskConfig(name="t", task_type="custom")), Plain)


def test_reloaded_module():
    """Code of the same qualified name takes the place of what a reloaded module had, but no lambda does."""

    def make(answer):
        def work():
            return answer

        return work

    registry = TaskFactory()
    registry.register_task("work", make(1))
    registry.register_task("work", make(2))
    assert registry.create(TaskConfig(name="t", task_type="work")).call(None) == 2
    registry.register_task("lambda", lambda: 1)
    with pytest.raises(UsageError, match="registered already"):
        registry.register_task("lambda", lambda: 2)


def test_builtin_is_overridden_on_purpose_only():
    """A built-in task is replaced only when that is asked for."""
    registry = TaskFactory()
    with pytest.raises(UsageError, match="by built-in; give replace=True to override it"):
        registry.register_task("fetch_data", Custom)
    registry.register_task("fetch_data", Custom, replace=True)
    assert registry.version_of("fetch_data") == "3.1"
    assert TaskFactory().info("fetch_data").source == "built-in"


@pytest.mark.parametrize("verb", ["create", "info", "version_of", "check_parameters"])
def test_unknown_type(verb):
    """A type that is not registered is told, with the nearest name."""
    registry = TaskFactory()
    arguments = {
        "create": (TaskConfig(name="t", task_type="fetch_dat"),),
        "check_parameters": ("fetch_dat", {}),
    }.get(verb, ("fetch_dat",))
    with pytest.raises(TaskTypeNotFound, match="did you mean 'fetch_data'"):
        getattr(registry, verb)(*arguments)


def test_version_of_the_distribution(monkeypatch):
    """Code without a version of its own has its distribution's, or none."""
    registry = TaskFactory()
    registry.register_task("plain", Plain)
    registry.register_task("function", lambda: 1)
    registry.register_task("said", Plain, version="5")
    monkeypatch.setattr(factory, "version_of_module", {Plain.__module__: "2.0"}.get)
    assert registry.version_of("plain") == "2.0"
    assert registry.version_of("function") == "2.0"
    assert registry.version_of("said") == "5"


def test_entry_points(loaded):
    """Task types of installed distributions are there, are imported when first used, and know their version."""
    assert "acme_plugin_tasks" not in sys.modules
    assert {"acme_class", "acme_function", "missing"} <= set(loaded.types())
    info = loaded.info("acme_function")
    assert (info.source, info.version, info.description) == ("distribution 'acme-tasks'", "1.2", "Work.")
    assert loaded.check_parameters("acme_function", {}) == ["/: parameter 'a' is missing, expected int"]
    made = loaded.create(TaskConfig(name="t", task_type="acme_class"))
    assert type(made).__qualname__ == "Task"
    assert loaded.info("fetch_data").source == "built-in"


def test_entry_points_are_read_once(loaded, recwarn):
    """The second call of `load_entry_points` does nothing."""
    loaded.load_entry_points()
    assert not recwarn.list


def test_broken_entry_point(loaded):
    """A task type that cannot be loaded is an error that names its distribution; the others work."""
    with pytest.raises(PluginBroken, match=r"'missing' of distribution 'broken-tasks' cannot be loaded.*No module"):
        loaded.create(TaskConfig(name="t", task_type="missing"))
    with pytest.raises(PluginBroken, match="expected a subclass of BaseTask or a function, found a str"):
        loaded.info("no_task")
    assert loaded.info("acme_class").version == "1.2"


def test_registering_over_an_entry_point(loaded):
    """Code that a plugin's module registers by itself is the same code, other code is not."""
    module = importlib.import_module("acme_plugin_tasks")
    loaded.register_task("acme_function", module.work)
    with pytest.raises(UsageError, match="by distribution 'acme-tasks'"):
        loaded.register_task("acme_class", Custom)


def test_version_of_module(plugins):
    """A module has the version of the one distribution that its package comes from."""
    assert versions.version_of_module("acme_plugin_tasks.sub") == "1.2"
    assert versions.version_of_module("nowhere") is None
    assert versions.version_of_module("") is None
    assert versions.distribution_version("nowhere") is None


def test_name_of_two_distributions(monkeypatch):
    """A package that several distributions share tells no version."""
    versions.version_of_module.cache_clear()
    monkeypatch.setattr(versions, "_packages", lambda: {"shared": ["msgspec", "pytest"]})
    assert versions.version_of_module("shared") is None
    versions.version_of_module.cache_clear()
