"""A script: how each attempt ends, handed out one by one."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final

from flowsm.events.commands import Driver, RecordChild
from flowsm.events.facts import ErrorInfo
from flowsm.machine.effect import AwaitChild
from flowsm.machine.state import ExecutionState
from flowsm.runtime.children import Children
from flowsm.status import FlowStatus, TaskStatus
from flowsm.tasks.outcome import Normalised, error_info, normalise
from flowsm.testing.outcomes import Ending, Fails, Scripted

__all__ = ["Script", "ScriptedChildren", "Unscripted", "said"]

_UNTOLD: Final = object()


class Unscripted(AssertionError):
    """The execution came to an attempt that the script says nothing of, or to an end that cannot be there."""


class Script:
    """What is scripted for each task, and how much of it is used.

    Args:
        results: by task: a list for successive attempts, over all visits; anything else for each of them.
    """

    def __init__(self, results: Mapping[str, Scripted | list[Scripted]]) -> None:
        self._results = results
        self._used: dict[str, int] = {}

    def next(self, task: str, visit: int, attempt: int) -> Scripted:
        """How this attempt ends.

        Raises:
            Unscripted: the script does not say.
        """
        planned = self._results.get(task, _UNTOLD)
        place = f"attempt {attempt} in visit {visit} of task {task!r}"
        if planned is _UNTOLD:
            raise Unscripted(
                f"the flow came to {place}, and nothing is scripted for it: give results={{{task!r}: ...}}"
            )
        if not isinstance(planned, list):
            return planned
        used = self._used.get(task, 0)
        if used >= len(planned):
            raise Unscripted(f"the flow came to {place}, and the {len(planned)} results scripted for it are used up")
        self._used[task] = used + 1
        return planned[used]

    def unused(self) -> dict[str, int]:
        """How many of the results listed for a task were not asked for; no entry where all were."""
        left = {
            task: len(planned) - self._used.get(task, 0)
            for task, planned in self._results.items()
            if isinstance(planned, list)
        }
        return {task: count for task, count in left.items() if count}


async def said(scripted: Scripted, context: Any) -> Scripted:
    """What a function of the context says; anything else is itself."""
    if not callable(scripted) or isinstance(scripted, type):
        return scripted
    found = scripted(context)
    return await found if inspect.isawaitable(found) else found


class ScriptedChildren(Children):
    """Sub-flows that are not run: each ends as its script says.

    Args:
        script: says how.
        is_held: whether something is to be done to their parent first, at this seq of its.
    """

    def __init__(self, script: Script, is_held: Callable[[int], bool]) -> None:
        self._script = script
        self._is_held = is_held
        self.asked = []
        self._planned: dict[str, Scripted] = {}

    async def look(
        self, parent: ExecutionState, effect: AwaitChild, driver: Driver, chance: float, _at: str
    ) -> RecordChild | None:
        """The end that is scripted; None while it does not come."""
        attempt = parent.attempt
        if attempt is None or self._is_held(parent.seq):
            return None
        if effect.child not in self._planned:
            self._planned[effect.child] = self._script.next(parent.node, attempt.visit, attempt.attempt)
        planned = self._planned[effect.child]
        if planned is Ending.TIMES_OUT and not effect.cancel:
            return None
        if isinstance(planned, Ending):
            return RecordChild(driver=driver, child=effect.child, status=FlowStatus.CANCELLED.value, chance=chance)
        status, data, error = _child_end(planned, parent.node)
        return RecordChild(driver=driver, child=effect.child, status=status, data=data, error=error, chance=chance)


def _child_end(planned: Scripted, task: str) -> tuple[str, Any, ErrorInfo | None]:
    if isinstance(planned, Fails):
        status = FlowStatus.CANCELLED if planned.outcome == "cancelled" else FlowStatus.FAILED
        error = ErrorInfo(type=planned.type, message=planned.message, types=planned.types) if planned.type else None
        return status.value, planned.data, error
    ended = _result_of(planned, task)
    result = ended.result
    if result.status is TaskStatus.SUCCESS:
        return FlowStatus.COMPLETED.value, result.data, None
    found = ended.error
    info = None if found is None else ErrorInfo(type=found.type, message=found.message, types=found.types)
    status = FlowStatus.CANCELLED if result.outcome == "cancelled" else FlowStatus.FAILED
    return status.value, result.data, info


def _result_of(planned: Scripted, task: str) -> Normalised:
    """A value, a result or an exception as the engine would record it."""
    if isinstance(planned, type) and issubclass(planned, BaseException):
        planned = planned()
    if isinstance(planned, BaseException):
        info = error_info(planned)
        ended = normalise(None, task).result
        ended.status, ended.outcome = TaskStatus.FAILURE, TaskStatus.FAILURE.value
        return Normalised(ended, info)
    return normalise(planned, task)
