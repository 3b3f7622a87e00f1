"""What flows, documents, tasks and arguments do wrong; and the roots of the other errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flowsm.findings import Finding

__all__ = [
    "ConflictError",
    "DataInvalid",
    "DefinitionNotFound",
    "DocumentInvalid",
    "DocumentNotFound",
    "ExecutionNotFound",
    "ExtraMissing",
    "FlowNotFound",
    "FlowsmError",
    "IllegalEvent",
    "InputInvalid",
    "LogError",
    "LogNotFound",
    "NotAllowed",
    "NotFound",
    "OriginNotFound",
    "PluginBroken",
    "SecretMissing",
    "SecretUnusable",
    "SubscriptionNotFound",
    "TaskResultNotFound",
    "TaskTypeNotFound",
    "TransactionRefused",
    "TransactionTimeout",
    "UnresolvedReference",
    "UsageError",
]


class FlowsmError(Exception):
    """The base of all errors that flowsm raises on purpose."""


class DocumentInvalid(FlowsmError):
    """A flow document has errors; `findings` holds all of them."""

    def __init__(self, source: str, findings: Sequence[Finding]) -> None:
        self.source = source
        self.findings = tuple(findings)
        lines = "\n".join(f"  {finding}" for finding in self.findings)
        count = sum(finding.severity == "error" for finding in self.findings)
        super().__init__(f"{source} is not a valid flow: {count} error{'s' * (count != 1)}\n{lines}")


class InputInvalid(FlowsmError):
    """The input of an execution is not JSON, too large, or does not fit the flow's `input_schema`."""

    def __init__(self, flow: str, pointer: str, problem: str) -> None:
        self.flow, self.pointer, self.problem = flow, pointer, problem
        place = pointer or "the whole input"
        super().__init__(f"the input does not fit flow {flow!r}: at {place}: {problem}")


class UsageError(FlowsmError):
    """An argument that cannot be used; the sentence says what was expected."""


class ExtraMissing(FlowsmError):
    """A feature needs an extra that is not installed."""

    def __init__(self, feature: str, extra: str) -> None:
        self.feature, self.extra = feature, extra
        super().__init__(f"{feature} needs the extra {extra!r}: pip install 'flowsm[{extra}]'")


class UnresolvedReference(FlowsmError):
    """A `$from` points at nothing, and gives no default; `where` is its JSON Pointer in the parameters."""

    def __init__(self, pointer: str, where: str) -> None:
        self.pointer, self.where = pointer, where
        super().__init__(
            f"parameters at {where or '/'}: nothing is at {pointer!r}: "
            'run the task that it comes from before, or give the reference a "default"'
        )


class SecretMissing(FlowsmError):
    """A task uses a secret that is not set where it runs."""

    def __init__(self, name: str, remedy: str) -> None:
        self.name, self.remedy = name, remedy
        super().__init__(f"secret {name!r} is not set in the process that runs the task: {remedy}")


class SecretUnusable(FlowsmError):
    """What is set as a secret cannot be one; the sentence does not say what it is."""

    def __init__(self, name: str, problem: str) -> None:
        self.name, self.problem = name, problem
        super().__init__(f"secret {name!r} cannot be used: {problem}")


class NotFound(FlowsmError):
    """A thing that was asked for by name is not there."""


class DocumentNotFound(NotFound):
    """There is no file with this flow."""

    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__(f"{path!r} is not there: give the path of a flow file, '-' for stdin, or JSON text")


class ExecutionNotFound(NotFound):
    """No execution has this id."""

    def __init__(self, execution_id: str) -> None:
        self.execution_id = execution_id
        super().__init__(f"execution {execution_id!r} not found")


class OriginNotFound(NotFound):
    """The events that a fork begins with are not in the log."""

    def __init__(self, execution_id: str, origin: str, seq: int) -> None:
        self.execution_id, self.origin, self.seq = execution_id, origin, seq
        super().__init__(
            f"execution {execution_id!r} begins with the events of {origin!r} up to seq {seq}, which are not in this log: "
            "import that one first"
        )


class SubscriptionNotFound(NotFound):
    """Nobody follows the log under this name."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"subscription {name!r} not found: `flowsm subscriptions` lists those that there are")


class DefinitionNotFound(NotFound):
    """No flow with this digest is stored in the log."""

    def __init__(self, digest: str) -> None:
        self.digest = digest
        super().__init__(f"no flow with digest {digest!r} is stored")


class FlowNotFound(NotFound):
    """A `subflow` task names a flow that is not stored in the log."""

    def __init__(self, flow_id: str) -> None:
        self.flow_id = flow_id
        super().__init__(
            f"no flow with id {flow_id!r} is stored in this log: run it once, or write it into the task's parameters"
        )


class LogNotFound(NotFound):
    """There is no file with this log, and it was only to be read."""

    def __init__(self, path: str, way_out: str = "") -> None:
        self.path = path
        more = f"; {way_out}" if way_out else ""
        super().__init__(f"there is no log at {path!r}: run a flow first, or give another file with --db{more}")


class TaskTypeNotFound(NotFound):
    """No code is registered for this task type."""

    def __init__(self, task_type: str, suggestion: str | None = None) -> None:
        self.task_type, self.suggestion = task_type, suggestion
        hint = f" (did you mean {suggestion!r}?)" if suggestion else ""
        super().__init__(
            f"task type {task_type!r} is not registered{hint}: register it, or load its module with --tasks"
        )


class TaskResultNotFound(NotFound):
    """The execution has no result of this task."""

    def __init__(self, execution_id: str, task: str) -> None:
        self.execution_id, self.task = execution_id, task
        super().__init__(f"execution {execution_id!r} has no result of task {task!r}")


class ConflictError(FlowsmError):
    """What was asked for contradicts what is recorded."""


class IllegalEvent(FlowsmError):
    """A recorded event that the machine would not allow."""

    def __init__(self, stream: str, seq: int, event_type: str, reason: str) -> None:
        self.stream, self.seq, self.event_type, self.reason = stream, seq, event_type, reason
        super().__init__(f"execution {stream!r}, seq {seq} ({event_type}): {reason}")


class NotAllowed(FlowsmError):
    """A folder or host that the caller did not allow; the sentence names the option to give."""

    def __init__(self, kind: str, value: str, option: str) -> None:
        self.kind, self.value, self.option = kind, value, option
        super().__init__(f"{kind} {value!r} is not allowed; {option}")


class DataInvalid(FlowsmError):
    """Data that a built-in task cannot read, process or store; the sentence says where and what was expected."""

    def __init__(self, source: str, place: str, problem: str) -> None:
        self.source, self.place, self.problem = source, place, problem
        super().__init__(f"{source}: {place}: {problem}" if place else f"{source}: {problem}")


class PluginBroken(FlowsmError):
    """A task type that an installed distribution offers cannot be loaded."""

    def __init__(self, task_type: str, distribution: str, reason: str) -> None:
        self.task_type, self.distribution, self.reason = task_type, distribution, reason
        super().__init__(
            f"task type {task_type!r} of distribution {distribution!r} cannot be loaded: {reason}; "
            f"upgrade or uninstall {distribution!r}, or register {task_type!r} with other code"
        )


class TransactionRefused(FlowsmError):
    """What the function of `context.transaction`, or the task that asks for it, must not do; nothing of it stays."""

    def __init__(self, problem: str, remedy: str) -> None:
        self.problem, self.remedy = problem, remedy
        super().__init__(f"context.transaction: {problem}; {remedy}")


class TransactionTimeout(FlowsmError):
    """The function of `context.transaction` took longer than its time limit; nothing of it stays."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(
            f"context.transaction: the function took longer than its limit of {seconds:g} s, while all other appends "
            "waited; let it do less at once, or give it more with timeout="
        )


class LogError(FlowsmError):
    """Something about the log itself."""
