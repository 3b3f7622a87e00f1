from __future__ import annotations

from pathlib import Path

import pytest

from flowsm.errors import UsageError
from flowsm.tasks.context import Permissions, TaskContext


def test_by_attribute_and_by_key(context):
    """The context says the same by attribute and by key, and nothing else."""
    assert tuple(context) == context.keys()
    public = tuple(name for name in TaskContext.__struct_fields__ if not name.startswith("_"))
    assert context.keys() == (*public, "logger")
    assert dict(context.items()) == {key: context[key] for key in context}
    assert "attempt" in context
    assert len(context) == len(list(context))
    for key in context:
        assert context[key] is getattr(context, key)
    assert context.get("nothing") is None
    assert context.get("attempt") == context.attempt
    with pytest.raises(KeyError, match="nothing"):
        _ = context["nothing"]


def test_read_only(context):
    """The context cannot be written to."""
    with pytest.raises(AttributeError, match="immutable"):
        context.attempt = 2
    with pytest.raises(TypeError):
        context["attempt"] = 2


def test_default_permissions():
    """Unless told otherwise a task may touch the working folder, and no network."""
    assert Permissions() == Permissions(folders=(Path.cwd(),), hosts=())


def test_a_context_without_a_log_has_no_transaction(context):
    """Where no log in a file stands behind the context, asking for a transaction is refused."""
    with pytest.raises(UsageError, match="with a log in a SQLite file"):
        context.transaction(lambda connection: None)
