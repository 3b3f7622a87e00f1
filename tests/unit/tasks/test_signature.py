from __future__ import annotations

import dataclasses
import functools
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec
import pytest

from flowsm.errors import UsageError
from flowsm.tasks.context import TaskContext
from flowsm.tasks.signature import Signature


class Address(msgspec.Struct, forbid_unknown_fields=True):
    street: str
    numbers: list[int] = []


@dataclasses.dataclass
class Point:
    x: int


class Foreign:
    pass


def signature(function):
    return Signature(function, "f")


def call(function, context=None, **parameters):
    args, kwargs = signature(function).bind(parameters, context)
    return function(*args, **kwargs)


def test_no_parameters():
    """A function that takes nothing is called with nothing, whatever the policy parameters say."""
    assert call(lambda: "done", timeout=3, retry_count=1) == "done"
    assert signature(lambda: 1).problems({"timeout": 1}) == []


def test_context_by_name_or_annotation(context):
    """A parameter named `context`, or annotated TaskContext, gets the context."""

    def by_name(context):
        return context

    def by_annotation(c: TaskContext, amount: int = 1):
        return c, amount

    def by_place(context, amount, /):
        return context, amount

    def optional(c: TaskContext | None = None):
        return c

    def unknown_return(c: TaskContext) -> Nowhere:  # noqa: F821
        return c

    assert call(by_name, context) is context
    assert call(optional, context) is context
    assert call(unknown_return, context) is context
    assert call(by_annotation, context, amount=2) == (context, 2)
    assert call(by_place, context, amount=2) == (context, 2)


def test_types_are_converted():
    """Values are decoded to the annotated types, and defaults are honoured."""

    def deliver(to: Address, when: datetime, at: Point, kind: Literal["a", "b"] = "b", *, note: Any = None, raw=7):
        return to, when, at, kind, note, raw

    assert call(deliver, to={"street": "s"}, when="2024-01-02T00:00:00Z", at={"x": 1}, note=[1]) == (
        Address("s"),
        datetime(2024, 1, 2, tzinfo=UTC),
        Point(1),
        "b",
        [1],
        7,
    )


def test_positional_only_defaults():
    """A parameter that is taken by place only may keep its default."""

    def add(a: int, b: int = 2, /, c: int = 3):
        return a, b, c

    assert call(add, a=1, c=5) == (1, 2, 5)


def test_rest():
    """`**kwargs` takes the rest, converted to its annotation, but never the context."""

    def total(a: int, context: TaskContext | None = None, **rest: float):
        return a, rest

    assert call(total, a=1, b=2, timeout=3) == (1, {"b": 2.0, "timeout": 3.0})
    assert signature(total).problems({"a": 1, "b": "x"}) == ['/b: Expected `float`, got `str`, found "x"']
    assert signature(total).problems({"a": 1, "context": {}}) == [
        "/context: 'context' is the context, which the engine fills in; leave it out"
    ]
    assert signature(total).schema["additionalProperties"] == {"type": "number"}


def test_all_problems_at_once():
    """Every problem is told, with its pointer, what was found, and the nearest name."""

    def deliver(to: Address, amount: int, text: str = ""):
        return None

    given = {"to": {"street": "s", "numbers": [1, "2"]}, "amuont": 3, "text": "x" * 100 and 7, "zzz": 1}
    assert signature(deliver).problems(given) == [
        "/: parameter 'amount' is missing, expected int",
        '/to/numbers/1: Expected `int`, got `str`, found "2"',
        "/amuont: unknown parameter 'amuont' (did you mean 'amount'?)",
        "/text: Expected `str`, got `int`, found 7",
        "/zzz: unknown parameter 'zzz' (known are 'amount', 'text', 'to')",
    ]
    with pytest.raises(ValueError, match=r"(?s)/: parameter 'amount' is missing.*/zzz"):
        call(deliver, **given)


def test_missing_value_of_any_type():
    """A parameter without an annotation takes any value, but must be given."""
    assert signature(lambda a: a).problems({}) == ["/: parameter 'a' is missing, expected any value"]


def test_values_are_not_coerced():
    """A text is not a number, though it looks like one."""
    assert signature(lambda a: a).problems({"a": "1"}) == []

    def add(a: int):
        return a

    assert signature(add).problems({"a": "1"}) == ['/a: Expected `int`, got `str`, found "1"']


def test_references_are_not_judged_at_load():
    """A value that holds a `$from` is not judged before it is resolved, its name is."""

    def add(a: int, b: list[int], context):
        return a

    references = {"a": {"$from": "/input/a"}, "b": [1, {"x": {"$from": "/input/b"}}]}
    assert signature(add).problems(references) == []
    assert signature(add).problems({**references, "c": {"$from": "/"}}) == [
        "/c: unknown parameter 'c' (known are 'a', 'b')"
    ]
    with pytest.raises(ValueError, match="/a: Expected `int`, got `object`"):
        signature(add).bind({"a": {"x": 1}, "b": []}, None)


def test_schema():
    """The JSON Schema says types, defaults, what is required, and what else is permitted."""

    def deliver(to: Address, amount: int = 1, who: Foreign | None = None, context=None):
        return None

    assert signature(deliver).schema == {
        "type": "object",
        "properties": {
            "to": {"$ref": "#/$defs/Address"},
            "amount": {"type": "integer", "default": 1},
            "who": {},
            "retry_count": {"type": "integer"},
            "timeout": {"type": "number"},
        },
        "required": ["to"],
        "additionalProperties": False,
        "$defs": {
            "Address": {
                "title": "Address",
                "type": "object",
                "properties": {
                    "street": {"type": "string"},
                    "numbers": {"type": "array", "items": {"type": "integer"}, "default": []},
                },
                "required": ["street"],
                "additionalProperties": False,
            }
        },
    }


def test_annotations_that_cannot_be_resolved():
    """An annotation that names what is not there is a clear error, and a problem of the flow that is loaded."""

    def odd(a: Nowhere):  # noqa: F821
        return a

    with pytest.raises(UsageError, match="annotations of f cannot be resolved: name 'Nowhere'"):
        _ = signature(odd).schema
    (problem,) = signature(odd).problems({"a": 1})
    assert problem.startswith("/: the annotations of f")


def test_context_imported_for_type_checkers_only(context):
    """The annotation `TaskContext` is known though the module imports it under TYPE_CHECKING only."""
    module = {}
    exec("from __future__ import annotations\ndef f(c: TaskContext, a: int): return c", module)
    assert call(module["f"], context, a=1) is context


def test_partial_and_callable_objects():
    """A partial and an object that can be called are read as the functions behind them."""

    class Adder:
        def __call__(self, a: int, b: int = 1):
            return a + b

    def add(a: int, b: int):
        return a + b

    assert call(Adder(), a=1) == 2
    assert signature(Adder()).problems({"a": "x"}) == ['/a: Expected `int`, got `str`, found "x"']
    assert signature(functools.partial(add, b=3)).problems({"a": "x"}) == ['/a: Expected `int`, got `str`, found "x"']
    assert call(functools.partial(add, b=3), a=1) == 4


def test_what_a_flow_cannot_call():
    """`*args`, and a function without a signature, are refused."""
    with pytest.raises(UsageError, match=r"f takes \*args: name its parameters"):
        signature(lambda *args: args)
    with pytest.raises(UsageError, match="parameters of f cannot be read"):
        signature(dict.fromkeys.__self__)
