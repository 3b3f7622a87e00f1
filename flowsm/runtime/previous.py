"""The results of earlier tasks, shown to a task as a read-only mapping that converts what is looked at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from flowsm.machine.state import StoredResult
from flowsm.runtime.execution import task_result_of
from flowsm.tasks.result import TaskResult

__all__ = ["PreviousResults"]


class PreviousResults(Mapping[str, TaskResult]):
    """Task names to their latest results, in the order in which those were recorded."""

    __slots__ = ("_seen", "_stored")

    def __init__(self, stored: Mapping[str, StoredResult]) -> None:
        self._stored = stored
        self._seen: dict[str, TaskResult] = {}

    def __getitem__(self, task: str) -> TaskResult:
        seen = self._seen.get(task)
        if seen is None:
            seen = self._seen[task] = task_result_of(self._stored[task])
        return seen

    def __iter__(self) -> Iterator[str]:
        return iter(self._stored)

    def __len__(self) -> int:
        return len(self._stored)

    def __repr__(self) -> str:
        return f"PreviousResults({list(self._stored)})"
