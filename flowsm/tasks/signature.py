"""The parameters of a plain function: read once from its signature, checked and filled by msgspec."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import msgspec

from flowsm.errors import UsageError
from flowsm.tasks.choices import with_choices
from flowsm.tasks.context import TaskContext
from flowsm.tasks.wording import POLICY_PARAMETERS, convert_problem, escape, holds_reference, unknown_parameter

__all__ = ["Parameter", "Signature"]

_EMPTY: Final = inspect.Parameter.empty
_REF: Final = "#/$defs/{name}"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter that a flow fills. `positional`: the function takes it by place only."""

    name: str
    type: Any
    required: bool
    default: Any
    positional: bool


class Signature:
    """What a function takes: the context, typed parameters, and the rest if it has `**kwargs`.

    A parameter named `context`, or annotated `TaskContext`, gets the context; every other one is filled
    from the task's `parameters`.
    """

    def __init__(self, function: Callable[..., Any], label: str) -> None:
        self._function, self._label = function, label
        try:
            self._signature = inspect.signature(function)
        except (TypeError, ValueError) as error:
            raise UsageError(f"the parameters of {label} cannot be read: {error}; wrap it in a def") from error
        for parameter in self._signature.parameters.values():
            if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
                raise UsageError(f"{label} takes *{parameter.name}: name its parameters, for a flow gives them by name")

    def bind(self, parameters: Mapping[str, Any], context: TaskContext) -> tuple[list[Any], dict[str, Any]]:
        """The positional and the keyword arguments of a call.

        Raises:
            ValueError: the parameters do not fit; all problems, one a line.
        """
        values, problems = self._convert(parameters, resolved=True)
        if problems:
            raise ValueError("\n".join(problems))
        args: list[Any] = []
        kwargs = {name: values.pop(name) for name in list(values) if not self._is_positional(name)}
        for name, parameter in self._signature.parameters.items():
            positional = parameter.kind is inspect.Parameter.POSITIONAL_ONLY
            if name in self._context_names:
                if positional:
                    args.append(context)
                else:
                    kwargs[name] = context
            elif positional:
                args.append(values.get(name, parameter.default))
        return args, kwargs

    def problems(self, parameters: Mapping[str, Any]) -> list[str]:
        """What is wrong with parameters in which some `$from` may not be resolved yet."""
        try:
            return self._convert(parameters, resolved=False)[1]
        except UsageError as error:
            return [f"/: {error}"]

    @cached_property
    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the parameters; a type that JSON does not know allows anything."""
        listed = list(self._parameters.values())
        properties, definitions = _schemas([parameter.type for parameter in listed])
        for parameter, described in zip(listed, properties, strict=True):
            if parameter.default not in (None, _EMPTY) and isinstance(
                parameter.default, str | int | float | list | dict
            ):
                described.setdefault("default", parameter.default)
        schema: dict[str, Any] = {
            "type": "object",
            "properties": {parameter.name: shape for parameter, shape in zip(listed, properties, strict=True)},
            "required": [parameter.name for parameter in listed if parameter.required],
        }
        if self._rest is None:
            schema["additionalProperties"] = False
            for name in sorted(POLICY_PARAMETERS - self._parameters.keys()):
                schema["properties"][name] = {"type": "number" if name == "timeout" else "integer"}
        else:
            (schema["additionalProperties"],), more = _schemas([self._rest])
            definitions.update(more)
        if definitions:
            schema["$defs"] = definitions
        return schema

    def _convert(self, given: Mapping[str, Any], *, resolved: bool) -> tuple[dict[str, Any], list[str]]:
        values: dict[str, Any] = {}
        problems = [
            f"/: parameter {parameter.name!r} is missing, expected {_type_name(parameter.type)}"
            for parameter in self._parameters.values()
            if parameter.required and parameter.name not in given
        ]
        for name, value in given.items():
            known = self._parameters.get(name)
            if known is None and self._rest is None:
                if name not in POLICY_PARAMETERS:
                    problems.append(unknown_parameter(name, self._parameters))
                continue
            if known is None and name in self._context_names:
                problems.append(f"/{escape(name)}: {name!r} is the context, which the engine fills in; leave it out")
                continue
            if not resolved and holds_reference(value):
                continue
            try:
                values[name] = msgspec.convert(value, known.type if known else self._rest)
            except (msgspec.ValidationError, TypeError, RecursionError) as error:
                problems.append(with_choices(convert_problem(error, f"/{escape(name)}", value), self.schema))
        return values, problems

    def _is_positional(self, name: str) -> bool:
        known = self._parameters.get(name)
        return known is not None and known.positional

    @cached_property
    def _hints(self) -> dict[str, Any]:
        target = inspect.unwrap(self._function)
        while hasattr(target, "func"):  # functools.partial
            target = target.func
        if not inspect.isroutine(target):
            target = type(target).__call__

        def holder() -> None:
            """Has the annotations of the parameters; what is returned does not matter."""

        annotations = getattr(target, "__annotations__", {})
        holder.__annotations__ = {name: hint for name, hint in annotations.items() if name != "return"}
        # ours by name too, for it is often imported under TYPE_CHECKING
        known = {"TaskContext": TaskContext} | getattr(target, "__globals__", {})
        try:
            return typing.get_type_hints(holder, globalns=known, include_extras=True)
        except Exception as error:
            raise UsageError(
                f"the annotations of {self._label} cannot be resolved: {error}; "
                f"import what they name at the top of the module, not under TYPE_CHECKING"
            ) from error

    @cached_property
    def _context_names(self) -> frozenset[str]:
        return frozenset(
            name
            for name, parameter in self._signature.parameters.items()
            if parameter.kind is not inspect.Parameter.VAR_KEYWORD
            and (name == "context" or _is_context(self._hints.get(name)))
        )

    @cached_property
    def _parameters(self) -> dict[str, Parameter]:
        return {
            name: Parameter(
                name=name,
                type=self._hints.get(name, Any),
                required=parameter.default is _EMPTY,
                default=parameter.default,
                positional=parameter.kind is inspect.Parameter.POSITIONAL_ONLY,
            )
            for name, parameter in self._signature.parameters.items()
            if parameter.kind is not inspect.Parameter.VAR_KEYWORD and name not in self._context_names
        }

    @cached_property
    def _rest(self) -> Any:
        """The type of `**kwargs`; None when the function has none."""
        for name, parameter in self._signature.parameters.items():
            if parameter.kind is inspect.Parameter.VAR_KEYWORD:
                return self._hints.get(name, Any)
        return None


def _is_context(hint: Any) -> bool:
    return hint is TaskContext or TaskContext in typing.get_args(hint)


def _schemas(types: list[Any]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The JSON Schemas of types, and the definitions that they refer to."""
    shapes: list[dict[str, Any]] = []
    definitions: dict[str, Any] = {}
    for type_ in types:
        try:
            (shape,), named = msgspec.json.schema_components([type_], ref_template=_REF)
        except TypeError:
            shape, named = {}, {}
        shapes.append(dict(shape))
        definitions.update(named)
    return shapes, definitions


def _type_name(type_: Any) -> str:
    if type_ is Any:
        return "any value"
    return type_.__name__ if isinstance(type_, type) else str(type_)
