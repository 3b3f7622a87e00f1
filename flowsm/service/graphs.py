"""A machine as data, lit by what became of an execution: for a picture that somebody else draws."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from flowsm.machine.compile import FlowMachine
from flowsm.machine.diagram import clauses_of
from flowsm.machine.state import ExecutionState
from flowsm.status import TaskStatus

__all__ = ["Fate", "Graph", "GraphEdge", "GraphState", "graph_of"]

Fate = Literal["success", "failed", "current", "skipped", "never"]

_ENDS: Final = ("completed", "failed", "cancelled")
_ENGINE_TRIGGERS: Final = frozenset({"abort", "cancel"})


class GraphState(msgspec.Struct, frozen=True, kw_only=True):
    """A state: a task, or `created`, `completed`, `failed`, `cancelled`; `fate` is what became of it so far."""

    name: str
    is_task: bool
    task_type: str | None
    fate: Fate
    visits: int


class GraphEdge(msgspec.Struct, frozen=True, kw_only=True):
    """A transition: `taken` tells whether the execution went there.

    Attributes:
        label: the outcome that leads along it.
        when: what else has to hold, in a few words: of a transition that has clauses.
        condition: the name of the condition.
    """

    source: str
    target: str
    label: str
    when: str
    condition: str | None
    taken: bool


class Graph(msgspec.Struct, frozen=True, kw_only=True):
    """The machine of an execution after the event `seq`."""

    execution_id: str
    flow_id: str
    flow_name: str
    flow_digest: str
    seq: int
    status: str
    states: list[GraphState]
    edges: list[GraphEdge]


def graph_of(machine: FlowMachine, state: ExecutionState) -> Graph:
    """The graph; the engine's own edges, abort and cancel, are only in it where they were taken."""
    ends = [state.node] if state.node in _ENDS else []
    way = list(zip(["created", *state.path], [*state.path, *ends], strict=False))
    edges = [
        GraphEdge(
            source=edge.source,
            target=edge.target,
            label="" if edge.source == "created" else edge.label,
            when=clauses_of(machine, edge),
            condition=edge.condition,
            taken=(edge.source, edge.target) in way,
        )
        for edge in machine.transitions
        if edge.trigger not in _ENGINE_TRIGGERS
    ]
    known = {(edge.source, edge.target) for edge in edges}
    edges += [
        GraphEdge(source=source, target=target, label="", when="", condition=None, taken=True)
        for source, target in dict.fromkeys(way)
        if (source, target) not in known
    ]
    reached = {edge.target for edge in edges}
    names = ["created", *machine.tasks, *(end for end in _ENDS if end in reached)]
    return Graph(
        execution_id=state.stream,
        flow_id=machine.flow.id,
        flow_name=machine.flow.name,
        flow_digest=state.digest,
        seq=state.seq,
        status=state.status.value,
        states=[_state(name, machine, state) for name in names],
        edges=edges,
    )


def _state(name: str, machine: FlowMachine, state: ExecutionState) -> GraphState:
    task = machine.tasks.get(name)
    return GraphState(
        name=name,
        is_task=task is not None,
        task_type=None if task is None else task.task_type,
        fate=_fate(name, machine, state),
        visits=state.visits.get(name, 0),
    )


def _fate(name: str, machine: FlowMachine, state: ExecutionState) -> Fate:
    if state.node == name:
        return {"completed": "success", "failed": "failed", "cancelled": "failed"}.get(name, "current")  # type: ignore[return-value]
    if name not in machine.tasks:
        return "success" if name == "created" and state.seq else "never"
    result = state.results.get(name)
    if result is None:
        return "failed" if name in state.path else "skipped" if name in state.skipped else "never"
    return {TaskStatus.SUCCESS: "success", TaskStatus.FAILURE: "failed"}.get(TaskStatus(result.status), "skipped")  # type: ignore[return-value]
