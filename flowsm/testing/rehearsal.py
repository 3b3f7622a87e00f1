"""What became of an execution that was rehearsed, and what a test may assert of it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Self

from flowsm.events.envelope import Recorded
from flowsm.machine.state import ExecutionState
from flowsm.replay.decisions import Decision, decision_of
from flowsm.replay.history import History, Step
from flowsm.runtime.execution import FlowExecution, execution_of
from flowsm.status import FlowStatus

__all__ = ["Rehearsal"]


class Rehearsal:
    """An execution that was rehearsed: its events, and every state that it was in.

    Args:
        history: what was recorded.
        refused: what was to be done from outside, and was not possible then.
        unused: by task, how many of the listed results were not asked for.
    """

    def __init__(self, history: History, *, refused: tuple[str, ...], unused: dict[str, int]) -> None:
        self.history = history
        self.refused = refused
        self.unused = unused

    @cached_property
    def _steps(self) -> list[Step]:
        return list(self.history.steps())

    @property
    def events(self) -> list[Recorded]:
        """All events, in order."""
        return list(self.history.events)

    @property
    def states(self) -> list[ExecutionState]:
        """The state after each event."""
        return [step.after for step in self._steps]

    @property
    def state(self) -> ExecutionState:
        """The state at last."""
        return self._steps[-1].after

    @cached_property
    def execution(self) -> FlowExecution:
        """The execution, as `FlowManager.run` would give it."""
        return execution_of(self.state)

    @property
    def path(self) -> list[str]:
        """Every task entered, in order, repeats included."""
        return list(self.state.path)

    @property
    def status(self) -> FlowStatus:
        """Its status at last."""
        return self.state.status

    @cached_property
    def decisions(self) -> list[Decision]:
        """The transitions taken, each with its reasons."""
        found = (decision_of(step.machine, step) for step in self._steps)
        return [decision for decision in found if decision is not None]

    # -- assertions --------------------------------------------------------------------------

    def assert_path(self, expected: Sequence[str]) -> Self:
        """Fail unless exactly these tasks were entered, in this order; says where the ways part, and why it went there."""
        path, wanted = self.path, list(expected)
        if path != wanted:
            raise AssertionError(self._parting(path, wanted))
        return self

    def assert_status(self, expected: FlowStatus | str) -> Self:
        """Fail unless that is its status."""
        if self.status != expected:
            because = f": {self.state.error.message}" if self.state.error is not None else ""
            raise AssertionError(
                f"expected the status {str(expected)!r}, it is {self.status.value!r}{because}{self._odd()}"
            )
        return self

    def assert_outcomes(self, task: str, expected: Sequence[str]) -> Self:
        """Fail unless the attempts of the task that have a result ended with these outcomes, in order."""
        found = [
            event.fact.outcome if hasattr(event.fact, "outcome") else "failure"
            for event in self.events
            if event.type in {"task.completed", "task.timed_out"} and getattr(event.fact, "task", None) == task
        ]
        if found != list(expected):
            raise AssertionError(f"expected {task!r} to end with {list(expected)}, it ended with {found}{self._odd()}")
        return self

    def assert_data(self, task: str, expected: Any) -> Self:
        """Fail unless that is the data of the task's latest result."""
        result = self.state.results.get(task)
        if result is None:
            raise AssertionError(
                f"expected task {task!r} to have a result; those that have are {list(self.state.results)}"
            )
        if result.data != expected:
            raise AssertionError(f"expected the data {expected!r} of task {task!r}, found {result.data!r}")
        return self

    def assert_events(self, expected: Sequence[str]) -> Self:
        """Fail unless the events of these types come in this order; others may stand between them."""
        rest = iter(event.type for event in self.events)
        for number, wanted in enumerate(expected):
            if wanted not in rest:
                found = [event.type for event in self.events]
                raise AssertionError(
                    f"expected {wanted!r} (number {number + 1} of {len(expected)}) in {found}{self._odd()}"
                )
        return self

    def _parting(self, path: list[str], wanted: list[str]) -> str:
        same = next(
            (at for at, pair in enumerate(zip(path, wanted, strict=False)) if pair[0] != pair[1]),
            min(len(path), len(wanted)),
        )
        here = repr(path[same]) if same < len(path) else f"its end ({self.status.value})"
        there = repr(wanted[same]) if same < len(wanted) else "its end"
        into = [one for one in self.decisions if one.target in self.history.machine.tasks]
        after = into[same] if same < len(into) else self.decisions[-1] if self.decisions else None
        why = f"\n  because:  {after.reason}" if after is not None else ""
        return (
            f"the path parts at step {same + 1}: expected {there}, it came to {here}"
            f"\n  expected: {' → '.join(wanted)}\n  went:     {' → '.join(path)}{why}{self._odd()}"
        )

    def _odd(self) -> str:
        """What else went otherwise than scripted."""
        lines = [f"\n  refused:  {refused}" for refused in self.refused]
        lines += [f"\n  unused:   {count} of the results scripted for {task!r}" for task, count in self.unused.items()]
        return "".join(lines)
