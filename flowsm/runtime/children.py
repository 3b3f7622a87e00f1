"""The executions that `subflow` tasks start: each exists once, and its end is told to its parent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from flowsm.clock import Clock, timestamp
from flowsm.definition.digest import flow_from_canonical
from flowsm.definition.load import load_flow
from flowsm.definition.references import is_reference
from flowsm.definition.subflows import all_secrets_of
from flowsm.errors import (
    Conflict,
    ExecutionExists,
    ExecutionNotFound,
    FlowNotFound,
    FlowsmError,
    IllegalCommand,
    NotAllowed,
)
from flowsm.events.commands import Cancel, Create, Driver, RecordChild
from flowsm.events.facts import ErrorInfo, ParentRef
from flowsm.log.port import EventLog
from flowsm.machine.effect import AwaitChild
from flowsm.machine.state import Attempt, ExecutionState
from flowsm.runtime.batch import creation_of
from flowsm.runtime.input import checked_input
from flowsm.runtime.loading import Prepared, StateLoader
from flowsm.runtime.operating import Operating
from flowsm.status import FlowStatus
from flowsm.tracing import Tracing, creating

__all__ = ["Children"]

FindFlow = Callable[[str], Awaitable[str | None]]
"""A flow's id to the digest of the one stored last with it."""


class Children:
    """Starts children, cancels them with their parents, and reads how they ended.

    Args:
        log: where they are recorded.
        loader: folds streams, and prepares flows.
        clock: the time of decisions.
        find_flow: the digest of a stored flow, by its id.
        tracing: makes the spans of their creation; None for none.
    """

    def __init__(
        self, log: EventLog, loader: StateLoader, clock: Clock, find_flow: FindFlow, tracing: Tracing | None = None
    ) -> None:
        self._log = log
        self._loader = loader
        self._clock = clock
        self._find_flow = find_flow
        self._tracing = tracing
        self._operating = Operating(log, loader, clock)
        self.asked: list[str] = []
        """Those that were asked to end because their parents do not wait any longer: whoever drives them is to see it."""

    async def look(
        self, parent: ExecutionState, effect: AwaitChild, driver: Driver, chance: float, at: str
    ) -> RecordChild | None:
        """What is to be recorded of the child; None while it goes on. One that does not exist is started.

        One whose time is over at the moment `at` is cancelled before the parent records that, so that a crash in
        between leaves no orphan: its cancellation is no result, the timeout is.
        """
        is_late = not effect.cancel and effect.due is not None and at >= effect.due
        try:
            child, _ = await self._loader.load(effect.child)
        except ExecutionNotFound:
            if effect.cancel:
                return _ended(effect.child, FlowStatus.CANCELLED, driver, chance)
            return None if is_late else await self._start(parent, effect, driver, chance)
        if child.parent is None or (child.parent.execution_id, child.parent.task) != (parent.stream, parent.node):
            message = f"an execution with the id of the child, {effect.child!r}, exists already, and is another's"
            info = ErrorInfo(type=ExecutionExists.__name__, message=message, types=(ExecutionExists.__name__,))
            return _ended(effect.child, FlowStatus.FAILED, driver, chance, error=info)
        if child.ended_at is None and effect.cancel and child.cancelling is None:
            child = await self._cancel(child, parent, "was cancelled")
        elif child.ended_at is None and is_late and child.cancelling is None:
            whose = "" if parent.deadline == effect.due else f"in task {parent.node!r} "
            child = await self._cancel(child, parent, f"{whose}took longer than its timeout")
            self.asked.append(child.stream)
        if child.ended_at is None or (is_late and _was_cancelled_late(child, effect)):
            return None
        data = {
            "execution_id": child.stream,
            "status": child.status.value,
            "results": {task: result.data for task, result in child.results.items()},
        }
        return _ended(child.stream, child.status, driver, chance, data=data, error=child.error)

    async def _start(
        self, parent: ExecutionState, effect: AwaitChild, driver: Driver, chance: float
    ) -> RecordChild | None:
        attempt = parent.attempt
        if attempt is None:
            raise AssertionError("a child without the attempt that asks for it")
        try:
            prepared = await self._prepare(parent, attempt.parameters["flow"])
            given = checked_input(prepared.machine.flow, attempt.parameters.get("input"))
            child = await self._create(parent, attempt, effect.child, prepared, given)
        except Conflict:
            return None  # somebody else was faster
        except FlowsmError as error:
            info = ErrorInfo(type=type(error).__name__, message=str(error), types=(type(error).__name__,))
            return _ended(effect.child, FlowStatus.FAILED, driver, chance, error=info)
        await self._stop_if_orphaned(child, parent.stream, effect)
        return None

    async def _prepare(self, parent: ExecutionState, flow: Any) -> Prepared:
        """The flow that a task names, or carries.

        Raises:
            FlowsmError: there is none, it has errors, or it comes by data and asks for secrets.
        """
        if isinstance(flow, dict):
            prepared = self._loader.prepare(load_flow(flow))
            if is_reference((await self._loader.machine(parent.digest)).tasks[parent.node].parameters.get("flow")):
                for _, name in all_secrets_of(prepared.flow):
                    way_out = (
                        "a sub-flow that comes by data has none: write it into the task, or run it once and name it"
                    )
                    raise NotAllowed("secret", name, way_out)
            return prepared
        digest = await self._find_flow(flow)
        if digest is None:
            raise FlowNotFound(flow)
        return self._loader.prepare(flow_from_canonical(await self._log.definition(digest)))

    async def _create(
        self, parent: ExecutionState, attempt: Attempt, child_id: str, prepared: Prepared, given: Any
    ) -> ExecutionState:
        now = self._clock.now()
        name, digest = prepared.flow.name, prepared.digest
        with creating(self._tracing, name, child_id, digest, parent.traceparent) as traceparent:
            command = Create(
                digest=digest,
                input=given,
                start_at=timestamp(now),
                parent=ParentRef(execution_id=parent.stream, task=parent.node, visit=attempt.visit),
                depth=parent.depth + 1,
                traceparent=traceparent,
            )
            batch, after = creation_of(prepared, command, child_id, now)
            appended = await self._log.append(batch)
        self._loader.recorded(batch.facts, after, appended)
        return after

    async def _stop_if_orphaned(self, child: ExecutionState, parent_id: str, effect: AwaitChild) -> None:
        """Cancel a child whose parent went on, or is about to, while it was created: who made it go on saw no child."""
        parent, _ = await self._loader.load(parent_id)
        is_late = effect.due is not None and timestamp(self._clock.now()) >= effect.due
        if parent.child == child.stream and parent.cancelling is None and not is_late:
            return
        await self._cancel(child, parent, "does not wait for it any more")
        self.asked.append(child.stream)

    async def _cancel(self, child: ExecutionState, parent: ExecutionState, why: str) -> ExecutionState:
        """Ask for the child's end; whoever drives it sees that."""
        command = Cancel(reason=f"its parent {parent.stream} {why}", actor=parent.stream, once=True)
        try:
            return await self._operating.ask(child.stream, command)
        except IllegalCommand:
            return (await self._loader.load(child.stream))[0]


def _was_cancelled_late(child: ExecutionState, effect: AwaitChild) -> bool:
    """Whether the child was stopped after its time was over."""
    ended, due = child.ended_at, effect.due
    return child.status is FlowStatus.CANCELLED and ended is not None and due is not None and ended >= due


def _ended(
    child: str,
    status: FlowStatus,
    driver: Driver,
    chance: float,
    *,
    data: Any = None,
    error: ErrorInfo | None = None,
) -> RecordChild:
    return RecordChild(driver=driver, child=child, status=status.value, data=data, error=error, chance=chance)
