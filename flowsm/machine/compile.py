"""A flow, compiled into one `transitions.Machine`: the only importer of that library.

States and triggers get generated ids (`s3`, `o1`): to `transitions` a name such as `*` or `=` is
grammar, so no string of a document ever reaches it; names are labels, kept beside.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from transitions import Event, Machine

from flowsm.definition.model import END, END_FAILURE, END_SUCCESS, ConditionConfig, FlowConfig, TaskConfig
from flowsm.definition.policy import task_retry, task_timeout
from flowsm.definition.references import has_references
from flowsm.definition.secrets import SecretPlaces, secret_places
from flowsm.definition.waiting import WAITING_TYPES
from flowsm.machine.diagram import Counts, DiagramFormat, dot, mermaid, text
from flowsm.machine.state import ExecutionState
from flowsm.status import FlowStatus, TaskStatus

__all__ = ["ABORT", "CANCEL", "OTHERWISE", "START", "Cursor", "Edge", "FlowMachine", "Rule", "compile_flow"]

START: Final = "start"
ABORT: Final = "abort"
CANCEL: Final = "cancel"
OTHERWISE: Final = "otherwise"
_ENGINE_STATES: Final = ("created", "completed", "failed", "cancelled")
_FAILED_SUFFIX: Final = "_failed"


class Edge(msgspec.Struct, frozen=True, kw_only=True):
    """A transition of the machine: `trigger` by id; `source`, `target` and `label` by the names people gave.

    `condition` is the condition that it belongs to, None for the engine's own and for the end of a
    task without conditions; `met` is False for the one that is taken when no condition was met.
    """

    trigger: str
    source: str
    target: str
    label: str
    condition: str | None = None
    met: bool = True


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """A condition with the edges that it may lead to, by the task's status."""

    condition: ConditionConfig
    edges: dict[str, Edge]


class Cursor:
    """Where a live execution stands in its machine; `state` is a state's id."""

    __slots__ = ("state",)

    def __init__(self, state: str) -> None:
        self.state = state


class _PlainEvent(Event):
    """An event of a machine without callbacks, conditions and queue: the one transition of a state is executed."""

    def trigger(self, model: Any, *args: Any, **kwargs: Any) -> bool:
        found = self.transitions.get(model.state)
        if not found:
            refused: bool = super().trigger(model, *args, **kwargs)  # says what is wrong
            return refused
        model.state = found[0].dest
        return True


class _PlainMachine(Machine):
    event_cls = _PlainEvent


class FlowMachine:
    """The explicit state machine of one flow: a state per task, plus created, completed, failed, cancelled."""

    def __init__(self, flow: FlowConfig) -> None:
        self.flow = flow
        self.tasks: dict[str, TaskConfig] = {task.name: task for task in flow.tasks}
        labels = [*_ENGINE_STATES, *self.tasks]
        self.referring = frozenset(task.name for task in flow.tasks if has_references(task.parameters))
        self.secrets: dict[str, SecretPlaces] = {
            task.name: places for task in flow.tasks if (places := secret_places(task))
        }
        self.waiting = frozenset(task.name for task in flow.tasks if task.task_type in WAITING_TYPES)
        self.looking = frozenset(condition.source_task for condition in flow.conditions if condition.when)
        self.retries = {task.name: task_retry(task) for task in flow.tasks}
        self.timeouts = {task.name: task_timeout(task) for task in flow.tasks}
        self._ids: dict[str, str] = {label: f"s{number}" for number, label in enumerate(labels)}
        self._labels: dict[str, str] = {id_: label for label, id_ in self._ids.items()}
        self.rules: dict[str, tuple[Rule, ...]] = {}
        self.otherwise: dict[str, dict[str, Edge]] = {}
        self.edges: tuple[Edge, ...] = tuple(self._compile())
        self._machine = _PlainMachine(
            model=None,
            states=list(self._labels),
            initial=self._ids["created"],
            transitions=[
                {"trigger": edge.trigger, "source": self._ids[edge.source], "dest": self._ids[edge.target]}
                for edge in self.edges
            ],
            auto_transitions=False,
            queued=False,
        )
        self._table = self._lift()

    # -- what people ask ---------------------------------------------------------------------

    @property
    def states(self) -> tuple[str, ...]:
        """The states' names: the engine's own, then the tasks in the document's order."""
        return tuple(self._ids)

    @property
    def transitions(self) -> tuple[Edge, ...]:
        """Every transition of the machine."""
        return self.edges

    def next(self, state: str) -> tuple[Edge, ...]:
        """What may happen next in a state (by its name); nothing in an ended one.

        Raises:
            KeyError: the machine has no such state.
        """
        if state not in self._ids:
            raise KeyError(state)
        return tuple(edge for edge in self.edges if edge.source == state)

    def diagram(
        self, format: DiagramFormat = "mermaid", state: ExecutionState | None = None, *, taken: Counts | None = None
    ) -> str:
        """A picture of the machine; with an execution's state, or counts of transitions, coloured by what happened."""
        return {"mermaid": mermaid, "dot": dot, "text": text}[format](self, state, taken=taken)

    # -- what the engine asks ----------------------------------------------------------------

    def target(self, state: str, trigger: str) -> str | None:
        """The state that a trigger leads to, None where the machine makes no such transition."""
        return self._table.get((state, trigger))

    def may_take(self, task: str, status: str, outcome: str, trigger: str) -> bool:
        """Whether a task that ended so may leave by this trigger, whatever the clauses of its conditions saw."""
        for rule in self.rules[task]:
            edge = rule.edges.get(status) if rule.condition.outcome == outcome else None
            if edge is None:
                continue
            if edge.trigger == trigger:
                return True
            if not rule.condition.when:
                return False
        return self.otherwise[task][status].trigger == trigger

    def cursor(self, state: str = "created") -> Cursor:
        """A live execution's place in the machine."""
        return Cursor(self._ids[state])

    def fire(self, cursor: Cursor, trigger: str) -> str:
        """Drive a cursor through the machine; returns the name of the state it is in now.

        Raises:
            transitions.MachineError: the machine makes no such transition.
        """
        self._machine.events[trigger].trigger(cursor)
        return self._labels[cursor.state]

    # -- building ----------------------------------------------------------------------------

    def _compile(self) -> list[Edge]:
        edges = [Edge(trigger=START, source="created", target=self.flow.start_task, label=START)]
        outcomes: dict[str, int] = {}
        for condition in self.flow.conditions:
            outcomes.setdefault(condition.outcome, len(outcomes))
        by_source: dict[str, list[ConditionConfig]] = {}
        for condition in self.flow.conditions:
            by_source.setdefault(condition.source_task, []).append(condition)
        for task in self.tasks:
            edges.extend(self._compile_task(task, by_source.get(task, []), outcomes))
        cleaner = self.flow.on_cancel
        for source in ("created", *self.tasks):
            cancelled = "cancelled" if cleaner is None or source in {"created", cleaner} else cleaner
            edges.append(Edge(trigger=ABORT, source=source, target="failed", label=ABORT))
            edges.append(Edge(trigger=CANCEL, source=source, target=cancelled, label=CANCEL))
        return edges

    def _compile_task(self, task: str, conditions: list[ConditionConfig], outcomes: dict[str, int]) -> list[Edge]:
        rules: list[Rule] = []
        asked: dict[str, int] = {}
        for condition in conditions:
            nth = asked[condition.outcome] = asked.get(condition.outcome, 0) + 1
            trigger = f"o{outcomes[condition.outcome]}" + (f"_{nth}" if nth > 1 else "")
            base = Edge(
                trigger=trigger,
                source=task,
                target=condition.target_task_success,
                label=condition.outcome,
                condition=condition.name,
            )
            rules.append(Rule(condition=condition, edges=_by_status(base, _statuses_of(condition.outcome))))
        last = conditions[-1] if conditions else None
        otherwise = Edge(
            trigger=OTHERWISE,
            source=task,
            target=last.target_task_failure if last else END,
            label=OTHERWISE,
            condition=last.name if last else None,
            met=False,
        )
        self.rules[task] = tuple(rules)
        self.otherwise[task] = _by_status(otherwise, tuple(TaskStatus))
        found = [edge for rule in rules for edge in rule.edges.values()] + list(self.otherwise[task].values())
        return list({edge.trigger: edge for edge in found}.values())

    def _lift(self) -> dict[tuple[str, str], str]:
        table: dict[tuple[str, str], str] = {}
        events: dict[str, Any] = self._machine.events
        for trigger, event in events.items():
            for source, found in event.transitions.items():
                table[self._labels[source], trigger] = self._labels[found[0].dest]
        return table


def _statuses_of(outcome: str) -> tuple[TaskStatus, ...]:
    """The statuses that may come with an outcome: success and failure do not contradict their words."""
    if outcome == "success":
        return (TaskStatus.SUCCESS, TaskStatus.SKIPPED)
    if outcome == "failure":
        return (TaskStatus.FAILURE, TaskStatus.SKIPPED)
    return tuple(TaskStatus)


def _by_status(edge: Edge, statuses: tuple[TaskStatus, ...]) -> dict[str, Edge]:
    """The edges, by the task's status: `end` completes or fails by it, every other target does not look at it."""
    found: dict[str, Edge] = {}
    for status in statuses:
        failed = edge.target == END_FAILURE or (edge.target == END and status is TaskStatus.FAILURE)
        target: str = edge.target
        if failed:
            target = FlowStatus.FAILED.value
        elif target in {END, END_SUCCESS}:
            target = FlowStatus.COMPLETED.value
        splits = edge.target == END and status is TaskStatus.FAILURE and len(statuses) > 1
        trigger = edge.trigger + _FAILED_SUFFIX if splits else edge.trigger
        found[status.value] = msgspec.structs.replace(edge, trigger=trigger, target=target)
    return found


def compile_flow(flow: FlowConfig) -> FlowMachine:
    """The machine of a flow that lints clean."""
    return FlowMachine(flow)
