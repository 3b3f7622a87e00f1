"""The verbs of operators and other systems, as `FlowManager` has them."""

from __future__ import annotations

from typing import Any

from flowsm.events.commands import Cancel, Command, Pause, Redrive, Remove, Resolution, Resolve, Resume, Signal
from flowsm.runtime.execution import FlowExecution

__all__ = ["OperatorVerbs"]


class OperatorVerbs:
    """Each verb is an event with its actor and reason; what the present state does not allow is a conflict.

    They may be asked in any process that has the file: whoever drives the execution sees them.
    """

    async def operate(self, execution_id: str, command: Command) -> FlowExecution:
        """Record a command, and have whoever drives the execution see it."""
        raise NotImplementedError

    async def signal(
        self,
        execution_id: str,
        name: str,
        payload: Any = None,
        *,
        outcome: str | None = None,
        idempotency_key: str | None = None,
        actor: str = "",
    ) -> FlowExecution:
        """Tell an execution something: the first wait for a signal of that name takes it, now or later.

        Args:
            execution_id: whom to tell.
            name: the signal's name.
            payload: any JSON value: the waiting task's result.
            outcome: the word that the waiting task ends with, `success` by default.
            idempotency_key: a second signal with the same key and content changes nothing.
            actor: who says so.

        Raises:
            ExecutionNotFound: there is no such execution.
            SignalConflict: the key came with another content.
            SignalRefused: the payload does not fit the wait that is open, or too many signals wait to be taken.
            IllegalCommand: the execution was removed.
        """
        command = Signal(name=name, payload=payload, outcome=outcome, idempotency_key=idempotency_key, actor=actor)
        return await self.operate(execution_id, command)

    async def cancel(self, execution_id: str, *, reason: str = "", actor: str = "") -> FlowExecution:
        """End an execution: what runs is stopped, then the flow's `on_cancel` cleans up.

        Raises:
            ExecutionNotFound: there is no such execution.
            IllegalCommand: it has ended, or is being cancelled.
        """
        return await self.operate(execution_id, Cancel(reason=reason, actor=actor))

    async def pause(self, execution_id: str, *, now: bool = False, reason: str = "", actor: str = "") -> FlowExecution:
        """Stop before the next task; with `now` the running attempt is stopped too, and run again on `resume`.

        Raises:
            ExecutionNotFound: there is no such execution.
            IllegalCommand: it has ended, is being cancelled, or was paused before.
        """
        return await self.operate(execution_id, Pause(reason=reason, actor=actor, now=now))

    async def resume(self, execution_id: str, *, reason: str = "", actor: str = "") -> FlowExecution:
        """Let a paused execution go on.

        Raises:
            ExecutionNotFound: there is no such execution.
            IllegalCommand: it is not paused.
        """
        return await self.operate(execution_id, Resume(reason=reason, actor=actor))

    async def retry(
        self, execution_id: str, *, task: str | None = None, reason: str = "", actor: str = ""
    ) -> FlowExecution:
        """Let a failed execution go on from the task that failed, or from `task`; earlier results are kept.

        Raises:
            ExecutionNotFound: there is no such execution.
            IllegalCommand: it has not failed, or never came to that task.
        """
        return await self.operate(execution_id, Redrive(task=task, reason=reason, actor=actor))

    async def resolve(
        self,
        execution_id: str,
        resolution: Resolution,
        *,
        outcome: str | None = None,
        data: Any = None,
        message: str | None = None,
        reason: str = "",
        actor: str = "",
    ) -> FlowExecution:
        """Say what became of an interrupted attempt that a person is asked about: success, failure, or retry.

        Raises:
            ExecutionNotFound: there is no such execution.
            IllegalCommand: it does not ask.
        """
        command = Resolve(
            resolution=resolution, outcome=outcome, data=data, message=message, reason=reason, actor=actor
        )
        return await self.operate(execution_id, command)

    async def remove_flow(self, execution_id: str, *, reason: str = "", actor: str = "") -> None:
        """Take an ended execution out of the lists; its history stays.

        Raises:
            ExecutionNotFound: there is no such execution.
            IllegalCommand: it has not ended, or was removed before.
        """
        await self.operate(execution_id, Remove(reason=reason, actor=actor))
