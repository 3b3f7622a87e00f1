"""From the log to a folded state and its machine, kept in a bounded cache."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, TypeVar

import msgspec

from flowsm.definition.digest import canonical_digest, canonical_json, flow_from_canonical
from flowsm.definition.load import load_flow
from flowsm.definition.model import FlowConfig
from flowsm.errors import DefinitionNotFound, ExecutionNotFound, LogBroken
from flowsm.events.envelope import Recorded
from flowsm.events.facts import ExecutionCreated, Fact
from flowsm.ids import is_system_stream
from flowsm.limits import FOLDED_STATES_MAX, MACHINES_MAX
from flowsm.log.port import Appended, EventLog, Head, Snapshot
from flowsm.machine.compile import FlowMachine, compile_flow
from flowsm.machine.evolve import fold, pinned
from flowsm.machine.state import FOLD_VERSION, ExecutionState, new_state
from flowsm.runtime.journal import tell

__all__ = ["Prepared", "StateLoader"]

_SEAL_BYTES: Final = 32
_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class Prepared(msgspec.Struct, frozen=True):
    """A flow that is ready to run: its digest, canonical JSON, and machine."""

    flow: FlowConfig
    digest: str
    canonical: bytes
    machine: FlowMachine

    @property
    def definition(self) -> tuple[str, bytes]:
        """What the log stores of it."""
        return self.digest, self.canonical


class _Folded(NamedTuple):
    """A state, and the digest of the event that led to it: another history with the same id has another one."""

    state: ExecutionState
    digest: str


class StateLoader:
    """Folds streams; what it folded before is only read on."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._machines: OrderedDict[str, FlowMachine] = OrderedDict()
        self._prepared: OrderedDict[bytes, Prepared] = OrderedDict()
        self._states: OrderedDict[str, _Folded] = OrderedDict()

    async def machine(self, digest: str) -> FlowMachine:
        """The machine of a stored flow.

        Raises:
            DefinitionNotFound: no flow with that digest is stored.
        """
        known = self._machines.get(digest)
        return self._compiled(digest, await self._log.definition(digest)) if known is None else known

    def machine_here(self, digest: str, read: Callable[[str], bytes]) -> FlowMachine:
        """The same where nobody can wait: `read` gives the stored flow's canonical JSON at once."""
        known = self._machines.get(digest)
        return self._compiled(digest, read(digest)) if known is None else known

    def _compiled(self, digest: str, document: bytes) -> FlowMachine:
        if canonical_digest(document) != digest:
            raise DefinitionNotFound(digest)  # what lies in its place is another one
        machine = compile_flow(flow_from_canonical(document))
        self._keep(self._machines, digest, machine)
        return machine

    def prepare(self, flow: FlowConfig) -> Prepared:
        """A parsed flow, checked and ready to run; flows of the same value are prepared once.

        The machine gets a flow of its own: the parameters of the one given can be changed, and it would be another
        flow then.

        Raises:
            DocumentInvalid: it was put together by hand, or changed, and has errors.
        """
        value = _value_of(flow)
        known = None if value is None else self._prepared.get(value)
        if known is None:
            own = load_flow(flow)
            canonical = canonical_json(own)
            digest = canonical_digest(canonical)
            known = Prepared(own, digest, canonical, self._machines.get(digest) or compile_flow(own))
            self._keep(self._machines, digest, known.machine)
            if value is not None:
                self._keep(self._prepared, value, known)
        return known

    @staticmethod
    def _keep(cache: OrderedDict[_Key, _Value], key: _Key, value: _Value) -> None:
        cache[key] = value
        if len(cache) > MACHINES_MAX:
            cache.popitem(last=False)

    def _remember(self, state: ExecutionState, digest: str) -> None:
        """Keep a state that is recorded, with the digest of its last event."""
        self._states[state.stream] = _Folded(state, digest)
        self._states.move_to_end(state.stream)
        if len(self._states) > FOLDED_STATES_MAX:
            self._states.popitem(last=False)

    def recorded(self, facts: Sequence[Fact], state: ExecutionState, appended: Appended) -> None:
        """Keep a state to which facts that were just recorded have led, and tell the log of them."""
        self._remember(state, appended.digest)
        tell(facts, state)

    def forget(self, stream: str) -> None:
        """Fold the stream from its beginning, or its snapshot, the next time."""
        self._states.pop(stream, None)

    async def load(self, stream: str) -> tuple[ExecutionState, FlowMachine]:
        """The state of an execution now.

        Raises:
            ExecutionNotFound: the log has no such stream.
            LogBroken: its stored events are not what was recorded.
            IllegalEvent: they are not what the machine makes.
        """
        if is_system_stream(stream):
            raise ExecutionNotFound(stream)
        known = self._states.get(stream)
        state, digest, events = await (self._from_log(stream) if known is None else self._read_on(stream, known))
        if state.seq == 0:
            _digest_in(stream, events)
        machines = await self._machines_of(state, events)
        if events:
            state, digest = fold(machines.__getitem__, stream, events, state), events[-1].digest
        self._remember(state, digest)
        return state, machines[state.digest]

    async def continues(self, head: Head, seq: int, digest: str) -> bool:
        """Whether the history that ends there now is the one in which that event was of that digest, or a later part of it.

        Where an execution was purged, and its id chosen again, it is another one.
        """
        return head.digest == digest if head.seq == seq else await self._has(head.stream, seq, digest)

    async def save_snapshot(self, state: ExecutionState, digest: str) -> None:
        """Keep a copy of the state; `digest` is that of its last event."""
        await self._log.save_snapshot(
            Snapshot(
                stream=state.stream,
                seq=state.seq,
                digest=digest,
                fold_version=FOLD_VERSION,
                state=_sealed(digest, msgspec.json.encode(state)),
            )
        )

    async def opened(self, stream: str) -> tuple[Head, ExecutionState | None]:
        """Where an execution's log ends, and the state in its snapshot, if there is one.

        The events are not read for that, but for a few; errors as those of `load`.
        """
        head = None if is_system_stream(stream) else await self._log.head(stream)
        if head is None:
            raise ExecutionNotFound(stream)
        state = await self._checkpoint(stream)
        known = None if state is None or state.seq > head.seq else state
        digest = known.digest if known else _digest_in(stream, await self._log.read(stream, limit=1))
        await self._machine_of(stream, known.seq if known else 1, digest)
        return head, known

    async def _machines_of(self, state: ExecutionState, events: list[Recorded]) -> dict[str, FlowMachine]:
        """The machines by which these events are folded on from a state, by the digests of their flows."""
        pins = {state.digest: state.seq} if state.digest else {}
        for event in events:
            digest = pinned(event.fact)
            if digest is not None:
                pins.setdefault(digest, event.seq)
        return {digest: await self._machine_of(state.stream, seq, digest) for digest, seq in pins.items()}

    async def _machine_of(self, stream: str, seq: int, digest: str) -> FlowMachine:
        """The machine that an execution is pinned to at an event."""
        try:
            return await self.machine(digest)
        except DefinitionNotFound as error:
            raise LogBroken(stream, seq, f"its flow {digest[:12]} is missing, or not what was stored") from error

    async def _checkpoint(self, stream: str) -> ExecutionState | None:
        """The state in the latest snapshot of this very history; None where there is none."""
        snapshot = await self._log.snapshot(stream, FOLD_VERSION)
        state = None if snapshot is None else _state_in(snapshot)
        if snapshot is None or state is None:
            return None
        return state if await self._has(stream, snapshot.seq, snapshot.digest) else None

    async def _has(self, stream: str, seq: int, digest: str) -> bool:
        """Whether the event at that place is the one of that digest."""
        found = await self._log.read(stream, after=seq - 1, limit=1)
        return bool(found) and found[0].digest == digest

    async def _after(self, stream: str, seq: int, digest: str) -> list[Recorded] | None:
        """The events after one; None where the one at that place is not of that digest."""
        found = await self._log.read(stream, after=seq - 1, inflated=True)
        return found[1:] if found and found[0].digest == digest else None

    async def _read_on(self, stream: str, known: _Folded) -> tuple[ExecutionState, str, list[Recorded]]:
        """A state that was folded before, its digest, and the events after it; else as `_from_log`."""
        head = await self._log.head(stream)
        if head is None:
            self.forget(stream)  # purged since
            raise ExecutionNotFound(stream)
        state, digest = known
        if head.seq == state.seq and head.digest == digest:
            return state, digest, []
        events = await self._after(stream, state.seq, digest)
        if events is not None:
            return state, digest, events
        self.forget(stream)
        return await self._from_log(stream)

    async def _from_log(self, stream: str) -> tuple[ExecutionState, str, list[Recorded]]:
        """The latest snapshot, if it is of this very history, its digest, and the events after it; else all events."""
        snapshot = await self._log.snapshot(stream, FOLD_VERSION)
        state = None if snapshot is None else _state_in(snapshot)
        if snapshot is not None and state is not None:
            events = await self._after(stream, snapshot.seq, snapshot.digest)
            if events is not None:
                return state, snapshot.digest, events
        return new_state(stream), "", await self._log.read(stream, inflated=True)


def _digest_in(stream: str, events: list[Recorded]) -> str:
    """The digest of the flow, from the first event."""
    if not events:
        raise ExecutionNotFound(stream)
    first = events[0].fact
    if not isinstance(first, ExecutionCreated):
        raise LogBroken(stream, 1, f"begins with {events[0].type}, not with execution.created")
    return first.digest


def _value_of(flow: FlowConfig) -> bytes | None:
    """Bytes that are the same only for flows of the same value (NaN, which JSON has not, included); None if it has none."""
    try:
        return msgspec.msgpack.encode(flow)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return None


def _sealed(digest: str, encoded: bytes) -> bytes:
    """A state behind a digest of its own: the chain of events does not vouch for it."""
    return hashlib.sha256(digest.encode() + encoded).digest() + encoded


def _state_in(snapshot: Snapshot) -> ExecutionState | None:
    encoded = snapshot.state[_SEAL_BYTES:]
    if _sealed(snapshot.digest, encoded) != snapshot.state:
        return None  # a damaged one, or of an earlier flowsm: its state comes from the events
    try:
        state = msgspec.json.decode(encoded, type=ExecutionState)
    except msgspec.DecodeError:
        return None
    return state if (state.stream, state.seq) == (snapshot.stream, snapshot.seq) else None
