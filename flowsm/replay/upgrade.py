"""Whether an execution in flight could go on with another version of its flow."""

from __future__ import annotations

import msgspec

from flowsm.definition.model import TaskConfig
from flowsm.machine.state import AT_WORK, ExecutionState, Phase
from flowsm.replay.recording import Recording
from flowsm.replay.rehearse import Rehearsal, Stage
from flowsm.replay.whatif import turn_text

__all__ = ["Upgrade", "judge"]


class Upgrade(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict: `safe`, or `reasons` in sentences. `task` is where the execution stands.

    `seq` is that of the event which upgraded it; None where none was recorded: it is not safe, has that version
    already, or was only looked at.
    """

    execution_id: str
    status: str
    task: str | None
    safe: bool
    reasons: list[str]
    seq: int | None = None


def judge(stage: Stage, recording: Recording, state: ExecutionState, task: TaskConfig | None) -> Upgrade:
    """Safe is what took a path that the version takes too, and stands in an attempt or a wait that it has too.

    `task` is the one where it stands, in its own version.
    """
    reasons = list(_reasons(stage, recording, state, task))
    return Upgrade(
        execution_id=state.stream,
        status=state.status.value,
        task=state.current_task,
        safe=not reasons,
        reasons=reasons,
    )


def _reasons(stage: Stage, recording: Recording, state: ExecutionState, present: TaskConfig | None) -> list[str]:
    if state.phase in {Phase.ENDING, Phase.ENDED}:
        return [f"it has ended ({state.status}): only what is in flight can be upgraded"]
    if state.flow_id != stage.flow.id:
        return [f"it is an execution of flow {state.flow_id!r}, the document is of flow {stage.flow.id!r}"]
    if state.cancelling is not None:
        return ["it is being cancelled"]
    if recording.upto == "cut":
        why = "the flow's time was over once, and it was redriven, or it was forked with other values"
        return [f"{why}: its path cannot be rehearsed beyond that"]
    found = stage.rehearse(recording)
    reasons = [*_of_path(found)]
    if not reasons:
        reasons = _of_present(stage, found, state, present)
    return reasons


def _of_path(found: Rehearsal) -> list[str]:
    parted, need = found.parted, found.need
    if parted is not None:
        recorded, rehearsed = turn_text(parted.recorded), turn_text(parted.rehearsed)
        return [f"its path parts at {parted.task!r}: recorded {recorded}; the version {rehearsed}"]
    if need is not None:
        return [f"the version asks for attempt {need.attempt} of visit {need.visit} of {need.task!r}: {need.why}"]
    return []


def _of_present(stage: Stage, found: Rehearsal, state: ExecutionState, present: TaskConfig | None) -> list[str]:
    attempt = state.attempt
    if present is None or attempt is None or not attempt.started_seq:
        return []  # it will begin with what the version says
    what = "wait" if attempt.waiting is not None else "attempt"
    task = stage.machine.tasks[present.name]
    if task.task_type != present.task_type:
        return [
            f"its present {what}, of task {task.name!r}, is of type {present.task_type!r}; there it is {task.task_type!r}"
        ]
    if found.parameters is not None and found.parameters != attempt.parameters:
        return [f"its present {what}, of task {task.name!r}, was begun with other parameters"]
    if state.phase in AT_WORK and task.result_schema != present.result_schema:
        return [
            f"its present attempt, of task {task.name!r}, was begun with another result_schema: upgrade it after that"
        ]
    return []
