"""From the log to a folded state and its machine, kept in a bounded cache."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import msgspec

from flowsm.definition.digest import canonical_digest, canonical_json, flow_from_canonical
from flowsm.definition.load import load_flow
from flowsm.definition.model import FlowConfig
from flowsm.errors import DefinitionNotFound, ExecutionNotFound, LogBroken
from flowsm.events.envelope import Recorded
from flowsm.events.facts import ExecutionCreated, Fact
from flowsm.ids import is_system_stream
from flowsm.limits import FOLDED_STATES_MAX, MACHINES_MAX
from flowsm.log.port import EventLog, Snapshot
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


class StateLoader:
    """Folds streams; what it folded before is only read on."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._machines: OrderedDict[str, FlowMachine] = OrderedDict()
        self._prepared: OrderedDict[bytes, Prepared] = OrderedDict()
        self._states: OrderedDict[str, ExecutionState] = OrderedDict()

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

    def remember(self, state: ExecutionState) -> None:
        """Keep a state that is recorded."""
        self._states[state.stream] = state
        self._states.move_to_end(state.stream)
        if len(self._states) > FOLDED_STATES_MAX:
            self._states.popitem(last=False)

    def recorded(self, facts: Sequence[Fact], state: ExecutionState) -> None:
        """Keep a state to which facts that were just recorded have led, and tell the log of them."""
        self.remember(state)
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
        state = self._states.get(stream)
        if state is None:
            state, events = await self._from_log(stream)
        else:
            head = await self._log.head(stream)
            if head is None:
                self.forget(stream)  # purged since
                raise ExecutionNotFound(stream)
            events = []
            if head.seq != state.seq:
                events = await self._log.read(stream, after=state.seq, inflated=True)
        if state.seq == 0:
            _digest_in(stream, events)
        machines = await self._machines_of(state, events)
        if events:
            state = fold(machines.__getitem__, stream, events, state)
        self.remember(state)
        return state, machines[state.digest]

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

    async def opened(self, stream: str) -> tuple[FlowMachine, int, ExecutionState | None]:
        """An execution's machine, the seq of its last event and the state in its snapshot, if there is one.

        The events are not read for that, but for a few; errors as those of `load`.
        """
        head = None if is_system_stream(stream) else await self._log.head(stream)
        if head is None:
            raise ExecutionNotFound(stream)
        state = await self._checkpoint(stream)
        known = None if state is None or state.seq > head.seq else state
        digest = known.digest if known else _digest_in(stream, await self._log.read(stream, limit=1))
        return await self._machine_of(stream, known.seq if known else 1, digest), head.seq, known

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
        sealed = await self._log.read(stream, after=snapshot.seq - 1, limit=1)
        return state if sealed and sealed[0].digest == snapshot.digest else None

    async def _from_log(self, stream: str) -> tuple[ExecutionState, list[Recorded]]:
        """The latest snapshot, if it is of this very history, with the events after it; else all events."""
        snapshot = await self._log.snapshot(stream, FOLD_VERSION)
        state = None if snapshot is None else _state_in(snapshot)
        if snapshot is not None and state is not None:
            events = await self._log.read(stream, after=snapshot.seq - 1, inflated=True)
            if events and events[0].digest == snapshot.digest:
                return state, events[1:]
        return new_state(stream), await self._log.read(stream, inflated=True)


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
