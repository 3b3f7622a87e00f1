"""Which condition sends the execution where: asked in declared order, on recorded values only."""

from __future__ import annotations

from typing import Any

import msgspec

from flowsm.definition.compare import holds
from flowsm.definition.model import Clause, FlowConfig
from flowsm.definition.pointer import MISSING, parse_pointer, resolve_pointer
from flowsm.events.facts import Operand
from flowsm.machine.compile import Edge, FlowMachine

__all__ = ["ConditionEvaluator", "Route", "ask", "route_of"]

_SEEN_MAX_BYTES = 1_000


class Route(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The edge that is taken, and the operands that were seen on the way to it."""

    edge: Edge
    operands: tuple[Operand, ...] = ()


def _shown(value: Any) -> Any:
    """A value as it is recorded with a transition: large containers and texts are named by kind and size."""
    if isinstance(value, str):
        return value if len(value) <= _SEEN_MAX_BYTES else f"{value[:_SEEN_MAX_BYTES]}… ({len(value)} characters)"
    if isinstance(value, list | dict) and len(msgspec.json.encode(value)) > _SEEN_MAX_BYTES:
        return f"({'list' if isinstance(value, list) else 'object'} of {len(value)})"
    return value


def ask(clause: Clause, scope: dict[str, Any]) -> Operand:
    """Ask one clause of `{"input": …, "results": …}`."""
    seen = resolve_pointer(scope, parse_pointer(clause.path))
    found = seen is not MISSING
    value = seen if found else None
    return Operand(
        path=clause.path,
        op=clause.op,
        wanted=clause.value,
        seen=_shown(value),
        found=found,
        held=holds(clause.op, value, found, clause.value),
    )


def route_of(machine: FlowMachine, task: str, status: str, outcome: str, scope: dict[str, Any] | None = None) -> Route:
    """The route from a task's end; see `ConditionEvaluator.evaluate`."""
    operands: list[Operand] = []
    for rule in machine.rules[task]:
        if rule.condition.outcome != outcome:
            continue
        if not rule.condition.when and status in rule.edges:
            return Route(edge=rule.edges[status], operands=tuple(operands))
        asked = [ask(clause, scope or {}) for clause in rule.condition.when]
        operands.extend(asked)
        edge = rule.edges.get(status)
        if edge is not None and all(operand.held for operand in asked):
            return Route(edge=edge, operands=tuple(operands))
    return Route(edge=machine.otherwise[task][status], operands=tuple(operands))


class ConditionEvaluator:
    """Picks the transition for a task's outcome.

    Args:
        machine: the flow's machine, or the flow.
    """

    def __init__(self, machine: FlowMachine | FlowConfig) -> None:
        self.machine = FlowMachine(machine) if isinstance(machine, FlowConfig) else machine

    def needs_scope(self, task: str) -> bool:
        """Whether a condition of the task looks at recorded values."""
        return task in self.machine.looking

    def evaluate(self, task: str, status: str, outcome: str, scope: dict[str, Any] | None = None) -> Route:
        """The route from `task`, which ended with `status` and `outcome`.

        `scope` is `{"input": …, "results": {task: {"status", "outcome", "message", "data", "error"}}}`.
        The first condition whose outcome and clauses are met wins; else the last one's `target_task_failure`.

        Raises:
            KeyError: the flow has no such task.
        """
        return route_of(self.machine, task, status, outcome, scope)
