"""What a change of a flow would have meant: the rehearsals of many histories, counted and grouped by place."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from flowsm.definition.model import FlowConfig, TaskConfig
from flowsm.limits import REHEARSAL_NAMED_EXECUTIONS
from flowsm.replay.recording import Turn
from flowsm.replay.rehearse import Rehearsal

__all__ = ["Counting", "EndGroup", "NeedGroup", "PartGroup", "WhatIf", "changed_tasks", "turn_text"]

_CODE_FIELDS: Final = ("task_type", "parameters", "timeout", "result_schema")


class _Group(msgspec.Struct, kw_only=True):
    """Some histories of one kind; `examples` are the first few."""

    count: int = 0
    examples: list[str] = []

    def add(self, execution_id: str) -> None:
        """One more."""
        self.count += 1
        if len(self.examples) < REHEARSAL_NAMED_EXECUTIONS:
            self.examples.append(execution_id)


class PartGroup(_Group, kw_only=True):
    """Histories that part at one place in one way, in words (`recorded`, `rehearsed`) and by the conditions."""

    task: str
    recorded: str
    rehearsed: str
    recorded_condition: str | None = None
    rehearsed_condition: str | None = None


class NeedGroup(_Group, kw_only=True):
    """Histories that come to a halt at a task, for its outcome was never recorded."""

    task: str
    why: str


class EndGroup(_Group, kw_only=True):
    """Histories that ended in one status, and would end in another."""

    recorded: str
    rehearsed: str


class WhatIf(msgspec.Struct, kw_only=True):
    """What the change would have meant for `histories`, of which `in_flight` were compared up to where they are.

    Each of them is counted once in `same` or `changed`. `changed_tasks` are tasks whose code, parameters, timeout or
    result schema differ: their recorded outcomes were taken all the same. `unreadable` could not be read.
    """

    flow_id: str
    digest: str
    histories: int = 0
    in_flight: int = 0
    cut: int = 0
    """Compared up to where somebody cancelled them, or the flow's time was over."""
    same: int = 0
    changed: int = 0
    parting: list[PartGroup] = []
    needing: list[NeedGroup] = []
    ending: list[EndGroup] = []
    changed_tasks: list[str] = []
    unreadable: int = 0
    unreadable_examples: list[str] = []

    @property
    def ok(self) -> bool:
        """Whether every history could be read, and takes the same path."""
        return not self.changed and not self.unreadable


class Counting:
    """Counts rehearsals, and forgets them."""

    def __init__(self, flow_id: str, digest: str) -> None:
        self._report = WhatIf(flow_id=flow_id, digest=digest)
        self._parting: dict[Any, PartGroup] = {}
        self._needing: dict[Any, NeedGroup] = {}
        self._ending: dict[Any, EndGroup] = {}
        self._unreadable = _Group()

    def add(self, found: Rehearsal) -> None:
        """One more history."""
        report, name = self._report, found.execution_id
        report.histories += 1
        report.in_flight += found.status == "in flight"
        report.cut += found.upto == "cut"
        report.same += found.same
        report.changed += not found.same
        if found.parted is not None:
            self._part(found.parted.task, found.parted.recorded, found.parted.rehearsed).add(name)
        if found.need is not None:
            need = found.need
            place = need.task, need.why
            self._needing.setdefault(place, NeedGroup(task=need.task, why=need.why)).add(name)
        if found.ends_differently and found.end is not None:
            ends = found.status, found.end
            self._ending.setdefault(ends, EndGroup(recorded=found.status, rehearsed=found.end)).add(name)

    def unreadable(self, execution_id: str) -> None:
        """A history that could not be read."""
        self._unreadable.add(execution_id)

    def tasks_changed(self, names: set[str]) -> None:
        """Tasks that differ from those of a recorded version."""
        self._report.changed_tasks = sorted({*self._report.changed_tasks, *names})

    def report(self) -> WhatIf:
        """What was counted; the largest groups first."""
        report = self._report
        report.unreadable, report.unreadable_examples = self._unreadable.count, self._unreadable.examples
        report.parting = sorted(self._parting.values(), key=_by_size)
        report.needing = sorted(self._needing.values(), key=_by_size)
        report.ending = sorted(self._ending.values(), key=_by_size)
        return report

    def _part(self, task: str, recorded: Turn, rehearsed: Turn) -> PartGroup:
        key = task, recorded.way, recorded.condition, rehearsed.way, rehearsed.condition, rehearsed.met
        group = self._parting.get(key)
        if group is None:
            group = self._parting[key] = PartGroup(
                task=task,
                recorded=turn_text(recorded),
                rehearsed=turn_text(rehearsed),
                recorded_condition=recorded.condition,
                rehearsed_condition=rehearsed.condition,
            )
        return group


def turn_text(turn: Turn) -> str:
    """A turn in a few words: `to 'store', by condition 'some'`."""
    if turn.kind == "goes":
        why = f", by condition {turn.condition!r}" if turn.condition is not None and turn.met else ""
        missed = ", no condition met" if turn.condition is not None and not turn.met else ""
        return f"to {turn.target!r}{why}{missed}"
    refused = "the input" if turn.source == "created" else "the values that it was redriven with"
    return {
        "runs": "runs it",
        "skips": "skips it",
        "aborts": "fails: max_transitions are used up",
        "redriven": f"is redriven from {turn.source!r}",
        "refuses": f"refuses {refused} ({turn.note})",
        "stands": "goes no further",
    }[turn.kind]


def changed_tasks(recorded: FlowConfig, rehearsed: FlowConfig) -> set[str]:
    """The tasks of both versions that would not do the same with the same results before them."""
    before = {task.name: _code_of(task) for task in recorded.tasks}
    return {task.name for task in rehearsed.tasks if before.get(task.name, _code_of(task)) != _code_of(task)}


def _code_of(task: TaskConfig) -> list[Any]:
    return [getattr(task, field) for field in _CODE_FIELDS]


def _by_size(group: _Group) -> int:
    return -group.count
