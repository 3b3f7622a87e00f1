"""Every error of flowsm.

FlowsmError
├── DocumentInvalid            a flow document has errors: all of them, as findings
├── InputInvalid               an execution's input does not fit the flow's `input_schema`
├── UsageError                 an argument that cannot be used
├── ExtraMissing               a feature needs an extra that is not installed
├── UnresolvedReference        a `$from` points at nothing, and gives no default
├── NotFound
│   ├── DocumentNotFound       there is no file with this flow
│   ├── ExecutionNotFound
│   ├── DefinitionNotFound
│   ├── LogNotFound            there is no file with this log, and it was only to be read
│   ├── TaskTypeNotFound
│   └── TaskResultNotFound
├── ConflictError
│   ├── Conflict               the stream went on since it was read: read on, decide again
│   ├── Fenced                 another owner has taken the execution over: stop
│   │   └── LeaseLost          the same, as those who wait for the execution see it
│   ├── LeaseHeld              the execution belongs to another process, which is alive: wait for it
│   ├── ExecutionExists
│   ├── StartConflict          the key of this start belongs to another one
│   ├── StartedBefore          this very start is recorded already: go on with that execution
│   ├── FlowMismatch           the execution runs another flow than the one given
│   ├── IllegalCommand         not possible in the present state
│   ├── SignalConflict         a signal's idempotency key came with another content
│   ├── SignalRefused          a signal that does not fit what waits for it, or one too many
│   ├── RebuildSuperseded      another rebuild, begun later, or a purge has taken over
│   ├── FileExists             a file that was to be made is there already
│   ├── ImportConflict         executions of an archive are in the log with other events
│   └── AmbiguousId
├── IllegalEvent               an event that the machine would not allow: log and machine part here
├── NotAllowed                 a folder or host that the caller did not allow
├── DataInvalid                data that a built-in task cannot read, process or store
├── PluginBroken               a task type of an installed distribution cannot be loaded
├── TransactionRefused         what the function of `context.transaction`, or its task, must not do
├── TransactionTimeout         that function took longer than its time limit
└── LogError
    ├── ArchiveBroken          an archive is not what was written
    ├── LogTooNew              the file was written by a newer flowsm
    ├── LogBroken              the stored events are not what was recorded
    ├── LogUnavailable         SQLite could not do it now: locked, full, read-only, not a database
    └── AppendUnknown          the commit's fate is not known: read the stream's seq again
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flowsm.findings import Finding

__all__ = [
    "AmbiguousId",
    "AppendUnknown",
    "ArchiveBroken",
    "Conflict",
    "ConflictError",
    "DataInvalid",
    "DefinitionNotFound",
    "DocumentInvalid",
    "DocumentNotFound",
    "ExecutionExists",
    "ExecutionNotFound",
    "ExtraMissing",
    "Fenced",
    "FileExists",
    "FlowMismatch",
    "FlowsmError",
    "IllegalCommand",
    "IllegalEvent",
    "ImportConflict",
    "InputInvalid",
    "LeaseHeld",
    "LeaseLost",
    "LogBroken",
    "LogError",
    "LogNotFound",
    "LogTooNew",
    "LogUnavailable",
    "NotAllowed",
    "NotFound",
    "PluginBroken",
    "RebuildSuperseded",
    "SignalConflict",
    "SignalRefused",
    "StartConflict",
    "StartedBefore",
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


class DefinitionNotFound(NotFound):
    """No flow with this digest is stored in the log."""

    def __init__(self, digest: str) -> None:
        self.digest = digest
        super().__init__(f"no flow with digest {digest!r} is stored")


class LogNotFound(NotFound):
    """There is no file with this log, and it was only to be read."""

    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__(f"there is no log at {path!r}: run a flow first, or give another file with --db")


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


class Conflict(ConflictError):
    """The stream went on since it was read: read on, decide again."""

    def __init__(self, stream: str, expected_seq: int, actual_seq: int) -> None:
        self.stream, self.expected_seq, self.actual_seq = stream, expected_seq, actual_seq
        super().__init__(f"stream {stream!r} is at seq {actual_seq}, expected {expected_seq}: read it again")


class Fenced(ConflictError):
    """Another owner has taken the execution over; nothing was recorded."""

    def __init__(self, stream: str, epoch: int, actual_epoch: int) -> None:
        self.stream, self.epoch, self.actual_epoch = stream, epoch, actual_epoch
        super().__init__(f"execution {stream!r} was taken over: its epoch is {actual_epoch}, ours was {epoch}")


class LeaseLost(Fenced):
    """This process was taken for dead, and another one took the execution over; nothing was recorded here since."""

    def __init__(self, execution_id: str, worker: str, epoch: int, actual_epoch: int, owner: str) -> None:
        super().__init__(execution_id, epoch, actual_epoch)
        self.execution_id, self.worker, self.owner = execution_id, worker, owner
        by = f"worker {owner}" if owner else "another worker, which has let go of it since"
        sentence = (
            f"execution {execution_id!r} was taken over by {by}: this process ({worker}) had not renewed its lease in "
            "time; its task was stopped, and nothing that it did since was recorded; wait for the execution's end there"
        )
        self.args = (sentence,)


class LeaseHeld(ConflictError):
    """The execution belongs to another process, which is alive; nothing was recorded."""

    def __init__(self, stream: str, worker: str, host: str, pid: int) -> None:
        self.stream, self.worker, self.host, self.pid = stream, worker, host, pid
        super().__init__(
            f"execution {stream!r} belongs to worker {worker} (process {pid} on {host}), which is alive: "
            "wait for its end, or stop that process"
        )


class ExecutionExists(ConflictError):
    """The chosen execution id is taken."""

    def __init__(self, execution_id: str) -> None:
        self.execution_id = execution_id
        super().__init__(f"execution {execution_id!r} exists already: choose another id, or leave it out")


class StartConflict(ConflictError):
    """The idempotency key belongs to a start of other content, or of another id."""

    def __init__(self, key: str, execution_id: str, difference: str) -> None:
        self.key, self.execution_id, self.difference = key, execution_id, difference
        super().__init__(
            f"idempotency key {key!r} belongs to execution {execution_id!r}, and {difference}: "
            "start with another key, or with what that execution was started with"
        )


class StartedBefore(ConflictError):
    """An execution was started before with this idempotency key, flow and input; nothing was recorded."""

    def __init__(self, key: str, execution_id: str) -> None:
        self.key, self.execution_id = key, execution_id
        super().__init__(f"execution {execution_id!r} was started with idempotency key {key!r} before: go on with it")


class FlowMismatch(ConflictError):
    """The execution was created with another flow than the one given."""

    def __init__(self, execution_id: str, recorded: str, given: str) -> None:
        self.execution_id, self.recorded, self.given = execution_id, recorded, given
        super().__init__(
            f"execution {execution_id!r} runs the flow with digest {recorded[:12]}, not the one given "
            f"({given[:12]}): a flow never changes under an execution; create a new execution for the new flow"
        )


class IllegalCommand(ConflictError):
    """A command that is not possible in the present state."""

    def __init__(self, command: str, execution_id: str, status: str, possible: Sequence[str]) -> None:
        self.command, self.execution_id, self.status = command, execution_id, status
        self.possible = tuple(possible)
        options = ", ".join(possible) or "nothing"
        super().__init__(f"cannot {command} execution {execution_id!r}: it is {status}; possible now: {options}")


class SignalConflict(ConflictError):
    """A signal with this idempotency key came before, and said something else; nothing was recorded."""

    def __init__(self, execution_id: str, name: str, key: str) -> None:
        self.execution_id, self.name, self.key = execution_id, name, key
        super().__init__(
            f"signal {name!r} to execution {execution_id!r}: a signal with idempotency key {key!r} came before, "
            "and said something else; give another key to what is another signal"
        )


class SignalRefused(ConflictError):
    """A signal that does not fit what waits for it, or one too many; nothing was recorded."""

    def __init__(self, execution_id: str, name: str, reason: str) -> None:
        self.execution_id, self.name, self.reason = execution_id, name, reason
        super().__init__(f"signal {name!r} to execution {execution_id!r} is refused: {reason}")


class RebuildSuperseded(ConflictError):
    """Another rebuild, or a purge, came after this one, which stopped; the projections in use were not touched by it."""

    def __init__(self, generation: int) -> None:
        self.generation = generation
        super().__init__(
            f"the rebuild of generation {generation} was stopped: another one, begun later, or a purge has taken over; "
            "wait for it, then rebuild again if need be"
        )


class FileExists(ConflictError):
    """A file that was to be made is there already; it was not touched."""

    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__(f"{path} is there already: give another name, or overwrite it with --force where there is one")


class ImportConflict(ConflictError):
    """Executions of an archive are in the log, or were purged from it, with other events; none of those was imported."""

    def __init__(self, path: str, conflicts: Sequence[str]) -> None:
        self.path, self.conflicts = path, tuple(conflicts)
        shown = "; ".join(self.conflicts[:5]) + ("; …" if len(self.conflicts) > 5 else "")  # noqa: PLR2004
        super().__init__(f"{path}: {len(self.conflicts)} of its executions contradict the log: {shown}")


class AmbiguousId(ConflictError):
    """More than one execution has this prefix."""

    def __init__(self, prefix: str, matches: Sequence[str]) -> None:
        self.prefix, self.matches = prefix, tuple(matches)
        super().__init__(f"{prefix!r} is the beginning of several ids: {', '.join(matches)}; give more of it")


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


class ArchiveBroken(LogError):
    """An archive is not what was written: cut, changed, or no archive at all; `line` counts from 1, 0 is the whole."""

    def __init__(self, path: str, line: int, reason: str) -> None:
        self.path, self.line, self.reason = path, line, reason
        place = f", line {line}" if line else ""
        super().__init__(f"{path}{place}: {reason}; take another copy of the archive")


class LogTooNew(LogError):
    """The file was written by a newer flowsm."""

    def __init__(self, path: str, found: int, supported: int) -> None:
        self.path, self.found, self.supported = path, found, supported
        super().__init__(f"{path} has log format {found}, this flowsm writes up to {supported}: upgrade flowsm")


class LogBroken(LogError):
    """The stored events of a stream are not what was recorded."""

    def __init__(self, stream: str, seq: int, reason: str) -> None:
        self.stream, self.seq, self.reason = stream, seq, reason
        super().__init__(f"stream {stream!r} is broken at seq {seq}: {reason}; restore it from a backup")


class LogUnavailable(LogError):
    """SQLite could not do it now: locked, full, read-only, not a database."""

    def __init__(self, path: str, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(f"{path}: {reason}")


class AppendUnknown(LogError):
    """The fate of an append is not known: read the stream's seq again."""

    def __init__(self, stream: str, reason: str) -> None:
        self.stream, self.reason = stream, reason
        super().__init__(f"whether the append to {stream!r} was recorded is not known: {reason}")
