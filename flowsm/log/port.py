"""The seam behind which a store of events stands."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar, runtime_checkable

import msgspec

from flowsm.errors import LogBroken
from flowsm.events.envelope import Recorded
from flowsm.events.facts import Fact

__all__ = [
    "Append",
    "Appended",
    "EventLog",
    "Followed",
    "Guarded",
    "Head",
    "Increment",
    "LogView",
    "Origin",
    "RowChange",
    "RowStore",
    "Snapshot",
    "Subscription",
    "SubscriptionStore",
    "TransactionalLog",
    "Worker",
    "WorkerStore",
]

_T = TypeVar("_T")


class RowChange(msgspec.Struct, frozen=True, gc=False):
    """A projection's row, to be written by the named statement with these parameters.

    With a `key`, of the changes with one statement and key in one commit only the last is written: for statements
    that write the whole row.
    """

    statement: str
    params: tuple[Any, ...]
    key: tuple[Any, ...] | str | int | None = None


class Increment(msgspec.Struct, frozen=True, gc=False):
    """Amounts to be added to a projection's row; those of one commit are summed per (statement, key) first.

    The statement gets `key + amounts` as its parameters, after the commit's row changes.
    """

    statement: str
    key: tuple[str, ...]
    amounts: tuple[int, ...]


class Origin(msgspec.Struct, frozen=True, gc=False):
    """Whose events a fork begins with: those of `parent` up to `seq`, whose event has that digest."""

    parent: str
    seq: int
    digest: str


class Append(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one writer wants recorded in one stream, with the rows that follow from it: all or nothing.

    `expected_seq` is 0 for a new stream. `epoch` is the driver's fencing number; None for commands, which only check
    `expected_seq`. `claim` takes the execution over: epoch + 1, for `worker`; without facts it does not look at
    `expected_seq`. `release` leaves it to whoever claims it next: nobody runs an attempt of it now. `definition`
    (digest, canonical JSON) is stored if it is not there yet. With an `origin` the new stream begins as another one
    did: its own first event has the seq after that.
    """

    stream: str
    expected_seq: int
    at: str
    facts: tuple[Fact, ...] = ()
    epoch: int | None = None
    claim: bool = False
    worker: str = ""
    release: bool = False
    definition: tuple[str, bytes] | None = None
    origin: Origin | None = None
    rows: Sequence[RowChange | Increment] = ()


class Appended(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Where it was recorded: `position` of the last event (0 if none), the stream's head after it."""

    position: int
    seq: int
    digest: str
    epoch: int


class Head(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A stream's authority row; `worker` is empty when it belongs to nobody."""

    stream: str
    seq: int
    digest: str
    epoch: int
    worker: str


class Snapshot(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A disposable copy of a folded state: valid for this seq, this digest and this version of the fold."""

    stream: str
    seq: int
    digest: str
    fold_version: int
    state: bytes


class Worker(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A process's right to advance executions: `seen_ms` is the machine's boot time at its last heartbeat.

    `recovers` says whether it takes up what others have left.
    """

    worker: str
    host: str
    pid: int
    pid_space: str
    boot_id: str
    started_at: str
    lease_ms: int
    seen_ms: int
    seen_at: str
    stopped: bool = False
    recovers: bool = False

    def is_alive(self, boot_id: str, now_ms: int) -> bool:
        """Whether its lease holds at this boot time; one seen later than now was seen before the machine was started."""
        return not self.stopped and self.boot_id == boot_id and self.seen_ms <= now_ms < self.seen_ms + self.lease_ms


class EventLog(Protocol):
    """Eight verbs; one contract suite runs on every implementation."""

    async def append(self, batch: Append) -> Appended:
        """Record, durable when it returns.

        Raises:
            Conflict: the stream is not at `expected_seq`.
            Fenced: the stream's epoch is not `epoch`.
            LeaseHeld: a claim of a stream that belongs to another worker, which is alive.
            AppendUnknown: the commit failed in a way that leaves its fate open.
            LogUnavailable: nothing was written (locked, full, read-only).
            ExecutionNotFound: a claim without facts of a stream that does not exist.
            OriginNotFound: the events that a fork is to begin with are not there.
            StartedBefore: its `execution.created` has an idempotency key, with which that very start was recorded.
            StartConflict: that key belongs to a start of other content.
            UsageError: too many facts for one batch.
        """
        ...

    async def head(self, stream: str) -> Head | None:
        """The stream's head, None when there is no such stream."""
        ...

    async def read(
        self, stream: str, *, after: int = 0, limit: int | None = None, inflated: bool = False
    ) -> list[Recorded]:
        """The stream's events with seq > `after`, verified against the chain; large values in place if `inflated`.

        Those that a fork shares bear the name of the stream that they were recorded in.

        Raises:
            LogBroken: an event is not what was recorded.
        """
        ...

    def read_all(self, *, after: str = "", limit: int | None = None) -> AsyncIterator[tuple[str, Recorded]]:
        """All events in the order of the log, each with an opaque cursor to go on from."""
        ...

    async def definition(self, digest: str) -> bytes:
        """The stored flow's canonical JSON.

        Raises:
            DefinitionNotFound: no flow with that digest is stored.
        """
        ...

    async def save_snapshot(self, snapshot: Snapshot) -> None:
        """Keep the latest snapshot of a stream."""
        ...

    async def snapshot(self, stream: str, fold_version: int) -> Snapshot | None:
        """The latest snapshot of a stream made by that version of the fold."""
        ...

    async def close(self) -> None:
        """Let go of files and threads; appends under way are answered first."""
        ...


class WorkerStore(Protocol):
    """A log that several processes share: who of them is alive, and whether another one has written."""

    async def beat(self, worker: Worker) -> None:
        """Write the worker's row: it is alive as of `seen_ms`."""
        ...

    async def stop_worker(self, worker: str) -> None:
        """Give a worker's lease back: it is not alive from now on. Nothing happens when there is no such row."""
        ...

    async def sweep_workers(self, before: str) -> None:
        """Forget the workers that are not alive and were seen last before a moment (timestamp text)."""
        ...

    async def workers(self) -> list[Worker]:
        """All that are known, by name, alive or not."""
        ...

    def version(self) -> int:
        """A number that is another one whenever something was committed since; asked on the loop's own thread."""
        ...


class LogView(Protocol):
    """What one transaction sees of the log, and of the projections' rows beside it: as of one moment."""

    generation: int

    def position(self) -> int:
        """The position given out last."""
        ...

    def streams(self, after: int, limit: int) -> list[tuple[int, str]]:
        """The next streams in the order of their creation: (number, stream), number > `after`."""
        ...

    def touched(self, position: int) -> list[tuple[str, int]]:
        """The streams with events after a position, each with its last seq, in the order of these events."""
        ...

    def head(self, stream: str) -> Head | None:
        """The stream's head, None when there is no such stream."""
        ...

    def read(self, stream: str, *, after: int = 0, limit: int | None = None) -> list[Recorded]:
        """The stream's events with seq > `after`; see `EventLog.read`."""
        ...

    def read_stored(self, stream: str, *, after: int, limit: int) -> list[tuple[Recorded, bytes]]:
        """The same, each with the very bytes of its `data`."""
        ...

    def payload(self, event: Recorded, digest: str) -> bytes:
        """The JSON text of one of an event's large values.

        Raises:
            LogBroken: it is not what was recorded.
        """
        ...

    def check_payloads(self, event: Recorded) -> None:
        """Read the large values of an event, and drop them.

        Raises:
            LogBroken: one is not what was recorded.
        """
        ...

    def definition(self, digest: str) -> bytes:
        """The stored flow's canonical JSON; see `EventLog.definition`."""
        ...

    def execute(
        self, statement: str, parameters: Sequence[Any] | Mapping[str, Any] = (), *, generation: int | None = None
    ) -> list[tuple[Any, ...]]:
        """Run SQL and give its rows; `{g}` stands for the generation, by default the one in use."""
        ...

    def put(self, rows: Iterable[RowChange | Increment], *, generation: int) -> None:
        """Write rows to the tables of a generation, as an append would."""
        ...


class RowStore(Protocol):
    """A log that keeps the projections' rows in the same file."""

    async def look(self, function: Callable[[LogView], _T]) -> _T:
        """Run a function in one read transaction; it should be short, for everything else waits."""
        ...

    async def change(self, function: Callable[[LogView], _T]) -> _T:
        """Run a function in one write transaction; nothing of it is written when it raises."""
        ...


class Guarded(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A function that writes to the log's own file, in the very transaction that records what came of it.

    `function` is given a guarded connection, for `seconds`. `settle` is given what it returned and None, or None and
    what it raised: it tells whether what the function wrote stays, and what is to be recorded. Both are called on the
    writer's thread, `settle` without the guard; it must be pure, and its batch be one for the stream, seq and epoch
    that were checked.
    """

    function: Callable[[Any], Any]
    seconds: float
    settle: Callable[[Any, BaseException | None], tuple[bool, Append]]


@runtime_checkable
class TransactionalLog(Protocol):
    """A log whose file may hold the tables of its users too."""

    async def append_after(self, gate: Append, guarded: Guarded) -> Appended:
        """Run a function, and record what came of it, in one transaction: both, or neither.

        `gate` has no facts: its stream, `expected_seq` and `epoch` are checked before the function is run.

        Raises:
            Conflict: the stream is not at `expected_seq`; the function was not run.
            Fenced: the stream's epoch is not `epoch`; the function was not run.
            AppendUnknown: the commit failed in a way that leaves its fate open.
            LogUnavailable: nothing was written (locked, full, read-only).
        """
        ...


class Subscription(msgspec.Struct, frozen=True):
    """Who follows the log under a name: everything up to `position` was dealt with.

    `epoch` counts the consumers; `worker` is the present one, empty when there is none.
    """

    name: str
    position: int
    epoch: int
    worker: str
    updated_at: str


class Followed(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Some events that a subscription is told of: go on after `position`; `is_all` when there were no more.

    `broken` says which events are not what was recorded, and so cannot be told.
    """

    events: list[Recorded]
    broken: list[LogBroken]
    position: int
    is_all: bool


class SubscriptionStore(WorkerStore, Protocol):
    """A log that remembers who follows it, and how far each has come."""

    async def begin_subscription(self, name: str, after: int | None, at: str) -> Subscription:
        """The subscription of that name; a new one stands at a position, or at the end of the log."""
        ...

    async def claim_subscription(self, name: str, after: int | None, worker: str, at: str) -> Subscription:
        """The same; it is the worker's now, unless it is another's who is alive."""
        ...

    async def save_subscription(self, subscription: Subscription, *, release: bool = False) -> bool:
        """Store how far its consumer has come; False if that one was replaced. `release` leaves it to the next."""
        ...

    async def subscriptions(self) -> list[Subscription]:
        """All of them, by name."""
        ...

    async def remove_subscription(self, name: str) -> None:
        """Forget a subscription.

        Raises:
            SubscriptionNotFound: there is none of that name.
            SubscriptionHeld: its consumer is alive.
        """
        ...

    async def read_followed(self, after: int, types: Sequence[str] | None, limit: int) -> Followed:
        """The next events of these types, or of all, in the order of the log, without those of an import."""
        ...

    def on_commit(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call the listener after each commit that is made on the running loop; gives what ends that."""
        ...
