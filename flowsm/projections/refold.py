"""Folding streams again from their events, page by page, for the rows that follow."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Protocol

import msgspec

from flowsm.definition.digest import canonical_digest, flow_from_canonical
from flowsm.errors import DefinitionNotFound, IllegalEvent, LogBroken
from flowsm.events.envelope import Recorded
from flowsm.events.facts import ExecutionCreated, ExecutionForked
from flowsm.ids import is_system_stream
from flowsm.limits import MACHINES_MAX, REFOLD_STATES_MAX
from flowsm.log.port import Increment, RowChange
from flowsm.machine.compile import FlowMachine, compile_flow
from flowsm.machine.evolve import evolve, pinned
from flowsm.machine.state import ExecutionState, new_state
from flowsm.projections.project import attempt_rows, execution_row, shared_rows
from flowsm.projections.system import system_rows

__all__ = ["Folded", "Problem", "Refold", "Source"]

_Row = RowChange | Increment


class Source(Protocol):
    """Where a refold reads: a view of a log, or an archive."""

    def read(self, stream: str, *, after: int = 0, limit: int | None = None) -> list[Recorded]:
        """The stream's events with seq > `after`, verified; LogBroken if they are not what was recorded."""
        ...

    def definition(self, digest: str) -> bytes:
        """The stored flow's canonical JSON; DefinitionNotFound if there is none."""
        ...


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is not as it was recorded, or does not follow from it; `seq` is 0 where no event is to blame."""

    stream: str
    seq: int
    message: str


class Folded(msgspec.Struct, kw_only=True):
    """A page of one stream: its events, the rows that follow from them, and the state after them.

    `done` is whether the stream's end, or its first problem, was reached; the execution's own row is left to the
    caller, for it follows from the last state alone. `fresh` counts the events that were not given before.
    """

    state: ExecutionState
    events: Sequence[Recorded]
    rows: list[_Row]
    done: bool = False
    fresh: int = 0
    begins: bool = False
    problem: Problem | None = None

    def execution_row(self) -> RowChange | None:
        """The execution's own row; None before its first event, and for a stream of the log itself."""
        return execution_row(self.state) if self.state.digest else None


class Refold:
    """Folds streams; an event's rows are given once, whatever the stream does meanwhile.

    First every stream is read on to its end; then, after `catch_up`, those that were touched since. It keeps the
    last states that it came to, up to a bound, and what it gave of streams that went on after `base`.

    Args:
        base: the log's last position before the first stream is read.
        machines_max: how many compiled flows are kept.
        states_max: how many states are kept.
    """

    def __init__(self, base: int, *, states_max: int = REFOLD_STATES_MAX, machines_max: int = MACHINES_MAX) -> None:
        self._base = base
        self._catching_up = False
        self._given: dict[str, int] = {}
        self._states: OrderedDict[str, ExecutionState] = OrderedDict()
        self._states_max = states_max
        self._machines: OrderedDict[str, FlowMachine] = OrderedDict()
        self._machines_max = machines_max

    def catch_up(self) -> None:
        """From now on, what was given before is left out."""
        self._catching_up = True

    def read_on(self, view: Source, stream: str, *, limit: int, upto: int | None = None) -> Folded:
        """The next page of a stream, at most `limit` events; `upto` is the last seq to be read."""
        state = self._states.get(stream) or new_state(stream)
        size = limit if upto is None else min(limit, upto - state.seq)
        problem: Problem | None = None
        try:
            events = view.read(stream, after=state.seq, limit=size)
        except LogBroken as error:
            problem = Problem(stream=stream, seq=error.seq, message=error.reason)
            events = self._events_before(view, stream, state.seq, error.seq)
        folded = Folded(state=state, events=events, rows=[], problem=problem)
        try:
            self._fold(view, folded)
        except (IllegalEvent, LogBroken) as error:
            folded.problem = Problem(stream=stream, seq=error.seq, message=error.reason)
        folded.done = (
            folded.problem is not None or len(events) < size or (upto is not None and folded.state.seq >= upto)
        )
        self._keep(folded)
        return folded

    def _events_before(self, view: Source, stream: str, after: int, broken: int) -> list[Recorded]:
        """What can be read before an event that is broken."""
        count = broken - after - 1
        return view.read(stream, after=after, limit=count) if count > 0 else []

    def _fold(self, view: Source, folded: Folded) -> None:
        """Fold the page's events up to the first that is not legal."""
        if not folded.events:
            return
        stream = folded.state.stream
        given = self._given.get(stream, 0)
        if is_system_stream(stream):
            self._take_system(folded, given)
            return
        machine: FlowMachine | None = None
        for event in folded.events:
            before = folded.state
            digest = pinned(event.fact)
            if digest is not None or machine is None:
                machine = self._machine(view, event, digest or before.digest)
            after = evolve(machine, before, event.fact, event.at)
            folded.state = after
            if event.stream != stream:  # a fork's rows are its own, what it shares is counted where it was recorded
                folded.rows += shared_rows(before, event.fact, event.at)
            elif not self._catching_up or (event.position > self._base and event.seq > given):
                folded.fresh += 1
                folded.begins |= event.seq == 1 or isinstance(event.fact, ExecutionForked)
                folded.rows += attempt_rows(before, (event.fact,), event.at, after.flow_id)

    def _take_system(self, folded: Folded, given: int) -> None:
        """The rows of the log's own facts, which no machine makes."""
        for event in folded.events:
            folded.state = msgspec.structs.replace(folded.state, seq=event.seq, updated_at=event.at)
            if not self._catching_up or (event.position > self._base and event.seq > given):
                folded.fresh += 1
                folded.begins |= event.seq == 1
                folded.rows += system_rows(event.fact)

    def _machine(self, view: Source, event: Recorded, digest: str) -> FlowMachine:
        """The machine by which an event is folded, of the flow with this digest.

        Raises:
            LogBroken: the flow is not stored, or another one in its place; or the stream does not begin with one.
        """
        if not digest:
            raise LogBroken(event.stream, event.seq, f"begins with {event.type}, not with {ExecutionCreated.TYPE}")
        machine = self._machines.get(digest)
        if machine is None:
            try:
                document = view.definition(digest)
                if canonical_digest(document) != digest:
                    raise LogBroken(event.stream, event.seq, f"its flow {digest[:12]} is not what was stored")
                machine = self._machines[digest] = compile_flow(flow_from_canonical(document))
            except (DefinitionNotFound, msgspec.DecodeError) as error:
                raise LogBroken(event.stream, event.seq, f"its flow cannot be read: {error}") from error
            if len(self._machines) > self._machines_max:
                self._machines.popitem(last=False)
        self._machines.move_to_end(digest)
        return machine

    def _keep(self, folded: Folded) -> None:
        state, stream = folded.state, folded.state.stream
        if folded.events and folded.events[-1].position > self._base:
            self._given[stream] = max(state.seq, self._given.get(stream, 0))
        self._states[stream] = _slim(state) if folded.done else state
        self._states.move_to_end(stream)
        if len(self._states) > self._states_max:
            self._states.popitem(last=False)


def _slim(state: ExecutionState) -> ExecutionState:
    """The state without the values that neither the fold nor a row looks at: they may be large."""
    attempt = state.attempt
    if attempt is not None:
        attempt = msgspec.structs.replace(attempt, parameters={})
    results = {task: msgspec.structs.replace(result, data=None) for task, result in state.results.items()}
    return msgspec.structs.replace(state, input=None, attempt=attempt, results=results)
