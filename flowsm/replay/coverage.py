"""How often each transition of a machine was taken, over any number of executions."""

from __future__ import annotations

import msgspec

from flowsm.events.envelope import Recorded
from flowsm.events.facts import ExecutionForked, TransitionTaken
from flowsm.machine.compile import ABORT, CANCEL, Edge, FlowMachine
from flowsm.machine.diagram import DiagramFormat
from flowsm.machine.evolve import pinned

__all__ = ["Coverage", "CoverageCount", "Taken"]

_ENGINE: frozenset[str] = frozenset({ABORT, CANCEL})


class Taken(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A transition of the machine: taken `count` times, the last time at `last` by `execution_id`.

    `label` is the outcome that it is for; `engine` marks those that no condition makes: abort and cancel.
    """

    source: str
    target: str
    label: str
    trigger: str
    condition: str | None = None
    met: bool = True
    engine: bool = False
    count: int = msgspec.field(default=0)
    last: str | None = None
    execution_id: str | None = None


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a flow: how many executions had it, if only for a time, and every transition of its machine."""

    flow_id: str
    flow_name: str
    digest: str
    executions: int
    transitions: list[Taken]
    never: list[Taken]
    """Those of the flow's own that were never taken."""


class CoverageCount:
    """Counts the transitions of one version's executions."""

    def __init__(self, machine: FlowMachine, digest: str) -> None:
        self._machine = machine
        self._digest = digest
        self._executions = 0
        self._taken: dict[tuple[str, str], tuple[int, str, str]] = {
            (edge.source, edge.trigger): (0, "", "") for edge in machine.edges
        }

    def take(self, event: Recorded) -> None:
        """One more event of any of the executions that have this version then."""
        fact = event.fact
        self._executions += pinned(fact) is not None or isinstance(fact, ExecutionForked)
        if not isinstance(fact, TransitionTaken):
            return
        place = fact.source, fact.trigger
        found = self._taken.get(place)
        if found is not None:
            last, execution_id = max(found[1:], (event.at, event.stream))
            self._taken[place] = found[0] + 1, last, execution_id

    def report(self) -> Coverage:
        """What was counted."""
        taken = [self._of(edge) for edge in self._machine.edges]
        return Coverage(
            flow_id=self._machine.flow.id,
            flow_name=self._machine.flow.name,
            digest=self._digest,
            executions=self._executions,
            transitions=taken,
            never=[one for one in taken if not one.count and not one.engine],
        )

    def diagram(self, format: DiagramFormat = "mermaid") -> str:
        """The machine with the counts at its arrows; what was never taken is dashed and grey."""
        return self._machine.diagram(format, taken={place: count for place, (count, _, _) in self._taken.items()})

    def _of(self, edge: Edge) -> Taken:
        count, last, execution_id = self._taken[edge.source, edge.trigger]
        return Taken(
            source=edge.source,
            target=edge.target,
            label=edge.label,
            trigger=edge.trigger,
            condition=edge.condition,
            met=edge.met,
            engine=edge.trigger in _ENGINE,
            count=count,
            last=last or None,
            execution_id=execution_id or None,
        )
