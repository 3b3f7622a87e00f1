"""What was asked for contradicts what is recorded."""

from __future__ import annotations

from collections.abc import Sequence

from flowsm.errors.base import ConflictError

__all__ = [
    "AmbiguousId",
    "CodeMissing",
    "Conflict",
    "ExecutionExists",
    "Fenced",
    "FileExists",
    "FlowMismatch",
    "ForkRefused",
    "ForkStays",
    "IllegalCommand",
    "ImportConflict",
    "ImportRefused",
    "LeaseHeld",
    "LeaseLost",
    "LimitReached",
    "OverrideRefused",
    "RebuildSuperseded",
    "ResolutionRefused",
    "SignalConflict",
    "SignalRefused",
    "StartConflict",
    "StartedBefore",
    "SubscriptionHeld",
    "TaskNotVisited",
    "UpgradeRefused",
]


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


class CodeMissing(ConflictError):
    """No code is registered here for a task of the execution's flow: it is left to a process that has it."""

    def __init__(self, stream: str, seq: int, task_types: Sequence[str]) -> None:
        self.stream, self.seq, self.task_types = stream, seq, tuple(task_types)
        super().__init__(
            f"execution {stream!r} is left to others: no code is registered here for {', '.join(task_types)}; "
            "register it, or run a worker that has it"
        )


class LimitReached(ConflictError):
    """There is no room for the execution's next step now; nothing was recorded, and it keeps its place in the queue.

    `kind` says what is limited: the executions of a flow, the running tasks of a type (`task`), or how often such tasks
    are started (`rate`). `seq` is where its log may end without that step.
    """

    def __init__(self, stream: str, kind: str, name: str, sentence: str, seq: int) -> None:
        self.stream, self.kind, self.name, self.seq = stream, kind, name, seq
        super().__init__(f"execution {stream!r} is {sentence}: it goes on when there is room")


class ExecutionExists(ConflictError):
    """The chosen execution id is taken."""

    def __init__(self, execution_id: str) -> None:
        self.execution_id = execution_id
        super().__init__(f"execution {execution_id!r} exists already: choose another id, or leave it out")


class StartConflict(ConflictError):
    """The idempotency key belongs to a start of other content, or of another id."""

    def __init__(self, key: str, execution_id: str, difference: str, way_out: str = "") -> None:
        self.key, self.execution_id, self.difference = key, execution_id, difference
        way_out = way_out or "start with another key, or with what that execution was started with"
        super().__init__(f"idempotency key {key!r} belongs to execution {execution_id!r}, and {difference}: {way_out}")


class StartedBefore(ConflictError):
    """An execution was started before with this idempotency key, flow, input and beginning; nothing was recorded."""

    def __init__(self, key: str, execution_id: str) -> None:
        self.key, self.execution_id = key, execution_id
        super().__init__(f"execution {execution_id!r} was started with idempotency key {key!r} before: go on with it")


class FlowMismatch(ConflictError):
    """The execution was created with another flow than the one given."""

    def __init__(self, execution_id: str, recorded: str, given: str) -> None:
        self.execution_id, self.recorded, self.given = execution_id, recorded, given
        super().__init__(
            f"execution {execution_id!r} runs the flow with digest {recorded[:12]}, not the one given "
            f"({given[:12]}): go on with the recorded one, create a new execution for the one given, or upgrade this one to it"
        )


class IllegalCommand(ConflictError):
    """A command that is not possible in the present state."""

    def __init__(self, command: str, execution_id: str, status: str, possible: Sequence[str]) -> None:
        self.command, self.execution_id, self.status = command, execution_id, status
        self.possible = tuple(possible)
        options = ", ".join(possible) or "nothing"
        super().__init__(f"cannot {command} execution {execution_id!r}: it is {status}; possible now: {options}")


class TaskNotVisited(IllegalCommand):
    """A failed execution cannot go on from a task that it never came to."""

    def __init__(self, execution_id: str, task: str, visited: Sequence[str]) -> None:
        super().__init__("retry", execution_id, "failed", ("retry", "remove"))
        self.task, self.visited = task, tuple(visited)
        shown = ", ".join(map(repr, self.visited[:20])) + (", …" if len(self.visited) > 20 else "")  # noqa: PLR2004
        sentence = (
            f"cannot retry execution {execution_id!r} from task {task!r}, to which it never came: "
            f"expected one of {shown}; without a task it goes on from the one that failed"
        )
        self.args = (sentence,)


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


class ResolutionRefused(ConflictError):
    """What a person said of an attempt has data that its task's `result_schema` does not allow; nothing was recorded."""

    def __init__(self, execution_id: str, task: str, misfit: str) -> None:
        self.execution_id, self.task, self.misfit = execution_id, task, misfit
        super().__init__(
            f"the resolution of task {task!r} of execution {execution_id!r} is refused: its data does not fit the task's "
            f"result_schema: {misfit}; give data that fits, or resolve it as failure or retry"
        )


class OverrideRefused(ConflictError):
    """A value cannot be put in the place of a recorded one; nothing was recorded."""

    def __init__(self, verb: str, execution_id: str, place: str, value: object, reason: str) -> None:
        self.verb, self.execution_id, self.place, self.value, self.reason = verb, execution_id, place, value, reason
        super().__init__(
            f"cannot {verb} execution {execution_id!r} with {value!r:.80} at {place or 'the whole'}: {reason}"
        )


class UpgradeRefused(ConflictError):
    """The execution cannot go on with that version of its flow; it stays with the one that it has."""

    def __init__(self, execution_id: str, flow_id: str, digest: str, reasons: Sequence[str]) -> None:
        self.execution_id, self.flow_id, self.digest, self.reasons = execution_id, flow_id, digest, tuple(reasons)
        super().__init__(
            f"execution {execution_id!r} cannot go on with version {digest[:12]} of flow {flow_id!r}: "
            f"{'; '.join(reasons)}; nothing was changed: let it end as it is, or give a version that its path so far fits"
        )


class SubscriptionHeld(ConflictError):
    """Somebody follows the log under this name already."""

    def __init__(self, name: str, worker: str, where: str) -> None:
        self.name, self.worker = name, worker
        super().__init__(
            f"subscription {name!r} is followed by {worker} ({where}): end that one first, or choose another name"
        )


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

    def __init__(self, path: str, *, replaceable: bool = True) -> None:
        self.path = path
        other = ", or overwrite it with --force (force=True)" if replaceable else ""
        super().__init__(f"{path} is there already: give another name{other}")


class ImportConflict(ConflictError):
    """Executions of an archive are in the log, or were purged from it, with other events; none of those was imported."""

    def __init__(self, path: str, conflicts: Sequence[str]) -> None:
        self.path, self.conflicts = path, tuple(conflicts)
        shown = "; ".join(self.conflicts[:5]) + ("; …" if len(self.conflicts) > 5 else "")  # noqa: PLR2004
        super().__init__(f"{path}: {len(self.conflicts)} of its executions contradict the log: {shown}")


class ImportRefused(ConflictError):
    """An execution of a file has not ended: it may go on in the log that it came from, and would here, too."""

    def __init__(self, path: str, stream: str, status: str) -> None:
        self.path, self.stream, self.status = path, stream, status
        super().__init__(
            f"{path}: {stream} is {status}, not ended: it may go on where it came from, and would be driven here as "
            "well; read the file as it is, or say unfinished (`--unfinished`) if nobody drives it there any more"
        )


class ForkRefused(ConflictError):
    """Nothing can be forked off after that event; `latest` is the seq of the last one before it where it can."""

    def __init__(self, execution_id: str, seq: int, reason: str, latest: int) -> None:
        self.execution_id, self.seq, self.reason, self.latest = execution_id, seq, reason, latest
        way = f"; the last event before it where that can be is seq {latest}" if latest else ""
        super().__init__(f"cannot fork {execution_id} at seq {seq}: {reason}{way}")


class ForkStays(ConflictError):
    """An execution cannot leave the log without its forks: some of its events are theirs too."""

    def __init__(self, stream: str, fork: str) -> None:
        self.stream, self.fork = stream, fork
        super().__init__(f"{fork} was forked off {stream}, and shares its events: they leave the log only together")


class AmbiguousId(ConflictError):
    """More than one execution has this prefix."""

    def __init__(self, prefix: str, matches: Sequence[str]) -> None:
        self.prefix, self.matches = prefix, tuple(matches)
        super().__init__(f"{prefix!r} is the beginning of several ids: {', '.join(matches)}; give more of it")
