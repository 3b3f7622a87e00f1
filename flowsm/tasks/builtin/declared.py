"""What the built-in tasks have in common: declared parameters, warnings, rehearsed failures."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import msgspec

from flowsm.definition.model import TaskConfig
from flowsm.definition.secrets import has_secrets, is_secret
from flowsm.status import TaskStatus
from flowsm.tasks.base import BaseTask
from flowsm.tasks.builtin.rehearse import rehearsed_failure
from flowsm.tasks.choices import with_choices
from flowsm.tasks.context import TaskContext
from flowsm.tasks.result import TaskResult
from flowsm.tasks.wording import POLICY_PARAMETERS, convert_problem, escape, holds_reference, nearest

__all__ = ["BuiltinTask", "Declared", "Rehearsal"]


class Declared(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The base of what is declared inside parameters: unknown fields are refused."""


class Rehearsal(msgspec.Struct, frozen=True, kw_only=True):
    """The parameters that every built-in task takes.

    `failure_rate` (0..1) is the share of attempts that fail on purpose; with a `seed`, always the same ones.
    """

    failure_rate: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0
    seed: int | str | None = None


class BuiltinTask(BaseTask):
    """The base of the built-in tasks: `Parameters` declares what they take, `work` does it.

    A parameter that is not declared is a warning of the result, because sample flows of the earlier flow manager
    carry some (`validation`, `destination` …); `timeout` and `retry_count` are the engine's, and say nothing here.
    """

    Parameters: ClassVar[type[Rehearsal]] = Rehearsal
    secret_parameters: ClassVar[frozenset[str]] = frozenset()
    """Which of them may hold a secret: of the others the work makes data, from which it could be read."""

    def __init__(self, config: TaskConfig) -> None:
        super().__init__(config)
        self.warnings: list[str] = []

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        (shape,), named = msgspec.json.schema_components([cls.Parameters], ref_template="#/$defs/{name}")
        definitions = dict(named)
        own = definitions.pop(shape["$ref"].rpartition("/")[2])
        cls.parameters_schema = own | {"$defs": definitions} if definitions else own

    @classmethod
    def parameter_problems(cls, parameters: dict[str, Any]) -> list[str]:
        """What is wrong with the parameters that are known already; unknown names are not an error."""
        return [
            f"/{escape(name)}: a secret cannot stand here: what {cls.__name__} makes of it is recorded; "
            "use it in a task of your own"
            for name, value in parameters.items()
            if name not in cls.secret_parameters and has_secrets(value) and not _is_policy(name, value)
        ] + cls._misfits(parameters)

    @classmethod
    def _misfits(cls, parameters: dict[str, Any]) -> list[str]:
        known = {
            name: value
            for name, value in parameters.items()
            if name in cls.Parameters.__struct_fields__ and not holds_reference(value)
        }
        problems = []
        for name, value in known.items():
            try:
                msgspec.convert({name: value}, cls.Parameters)
            except (msgspec.ValidationError, RecursionError) as error:
                problems.append(with_choices(convert_problem(error, "", {name: value}), cls.parameters_schema))
        return problems

    def validate_parameters(self) -> bool:
        """Refuse parameters of a wrong type, all problems at once.

        Raises:
            ValueError: they cannot work.
        """
        problems = self._misfits(self.parameters)
        if problems:
            raise ValueError("\n".join(problems))
        return True

    async def execute(self, context: TaskContext) -> TaskResult:
        """Do the work, unless a failure is to be rehearsed."""
        self.validate_parameters()
        known = self.Parameters.__struct_fields__
        for name in self.parameters:
            if name not in known and name not in POLICY_PARAMETERS:
                guess = nearest(name, known)
                hint = f"did you mean {guess!r}?" if guess else f"{self.config.task_type} does not know it"
                self.warnings.append(f"parameter {name!r} was not used ({hint})")
        parameters = msgspec.convert(
            {name: self.parameters[name] for name in known if name in self.parameters}, self.Parameters
        )
        message = rehearsed_failure(parameters.failure_rate, parameters.seed, context)
        if message:
            return TaskResult(
                task_name=self.name, status=TaskStatus.FAILURE, message=message, error=message, warnings=self.warnings
            )
        data, message = await self.work(parameters, context)
        return TaskResult(
            task_name=self.name, status=TaskStatus.SUCCESS, message=message, data=data, warnings=self.warnings
        )

    async def work(self, parameters: Any, context: TaskContext) -> tuple[dict[str, Any], str]:
        """The data of the result, and one sentence for people; `parameters` is a `Parameters`."""
        raise NotImplementedError


def _is_policy(name: str, value: Any) -> bool:
    """Whether it is a secret in the place of what the engine reads: wherever that stands, it is reported."""
    return name in POLICY_PARAMETERS and is_secret(value)
