"""The verbs of operators and other systems, as `FlowManager` has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from flowsm.events.commands import Cancel, Command, Pause, Redrive, Remove, Resolution, Resolve, Resume, Signal
from flowsm.events.facts import SignalReceived
from flowsm.projections.queries import Queries
from flowsm.runtime.arguments import checked_flag, given_overrides
from flowsm.runtime.bulk import BulkReport, BulkVerb, Chosen, Operated, check_chosen, command_all, command_of
from flowsm.runtime.execution import FlowExecution
from flowsm.runtime.operating import Answer, Operating
from flowsm.runtime.signalling import Signalled, signalled
from flowsm.status import FlowStatus

__all__ = ["OperatorVerbs"]


class OperatorVerbs:
    """Each verb is an event with its actor and reason; what the present state does not allow is a conflict.

    They may be asked in any process that has the file: whoever drives the execution sees them.
    """

    _queries: Queries
    _operating: Operating

    async def operate(self, execution_id: str, command: Command, *, expected_seq: int | None = None) -> FlowExecution:
        """Record a command, if the execution is still at that seq, and have whoever drives the execution see it."""
        raise NotImplementedError

    async def _answered(self, execution_id: str, command: Command, expected_seq: int | None = None) -> Answer:
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
        expected_seq: int | None = None,
    ) -> Signalled:
        """Tell an execution something: the first wait for a signal of that name takes it, now or later.

        One that comes after the end is recorded, and of no use: then the answer's `used` is False. Its `warning` says
        so, or that no task of the flow waits for such a name, with the nearest one that a task waits for.

        Args:
            execution_id: whom to tell.
            name: the signal's name.
            payload: any JSON value, of 64 MiB and 200 levels at most: the waiting task's result.
            outcome: the word that the waiting task ends with, `success` by default.
            idempotency_key: a second signal with the same key and content changes nothing.
            actor: who says so.
            expected_seq: only if the execution is still there.

        Raises:
            UsageError: an argument that cannot be recorded.
            ExecutionNotFound: there is no such execution.
            Conflict: the execution is not at `expected_seq`.
            SignalConflict: the key came with another content.
            SignalRefused: the payload does not fit the wait that is open, or too many signals wait to be taken.
            IllegalCommand: the execution was removed.
        """
        command = Signal(name=name, payload=payload, outcome=outcome, idempotency_key=idempotency_key, actor=actor)
        answer = await self._answered(execution_id, command, expected_seq)
        told = next((fact for fact in answer.facts if isinstance(fact, SignalReceived)), None)
        if told is not None:
            used = told.used
        else:
            used = answer.state.ended_at is None or await self._operating.came_in_time(execution_id, idempotency_key)
        return signalled(answer.machine, answer.state, name, recorded=told is not None, used=used)

    async def cancel(self, execution_id: str, *, reason: str = "", actor: str = "") -> FlowExecution:
        """End an execution: what runs is stopped, then the flow's `on_cancel` cleans up.

        While `on_cancel` is at work, a second `cancel` gives that up: it is stopped, and the execution ends.

        Raises:
            UsageError: an argument that cannot be recorded.
            ExecutionNotFound: there is no such execution.
            IllegalCommand: it has ended, or is being cancelled, and does not clean up yet.
        """
        return await self.operate(execution_id, Cancel(reason=reason, actor=actor))

    async def pause(self, execution_id: str, *, now: bool = False, reason: str = "", actor: str = "") -> FlowExecution:
        """Stop before the next task; with `now` the running attempt is stopped too, and run again on `resume`.

        Raises:
            UsageError: an argument that cannot be recorded.
            ExecutionNotFound: there is no such execution.
            IllegalCommand: it has ended, is being cancelled, or was paused before.
        """
        return await self.operate(execution_id, Pause(reason=reason, actor=actor, now=now))

    async def resume(self, execution_id: str, *, reason: str = "", actor: str = "") -> FlowExecution:
        """Let a paused execution go on.

        Raises:
            UsageError: an argument that cannot be recorded.
            ExecutionNotFound: there is no such execution.
            IllegalCommand: it is not paused.
        """
        return await self.operate(execution_id, Resume(reason=reason, actor=actor))

    async def retry(
        self,
        execution_id: str,
        *,
        task: str | None = None,
        overrides: Mapping[str, Any] | None = None,
        reason: str = "",
        actor: str = "",
    ) -> FlowExecution:
        """Let a failed execution go on from the task that failed, or from `task`; earlier results are kept.

        Args:
            execution_id: which.
            task: where it goes on; by default the task that failed.
            overrides: values for the tasks that come after, by their places: `input.customer`,
                `results.fetch.data.total`, or JSON Pointers. What is there must have been there; of results that is
                `data` and what is in it, `outcome` and `message`. They are put there in their order, so one may lie
                within the one before it. What was recorded stays in the events.
            reason: why; recorded.
            actor: who asks; recorded.

        Raises:
            UsageError: an argument that cannot be recorded.
            ExecutionNotFound: there is no such execution.
            IllegalCommand: it has not failed, or never came to that task.
            OverrideRefused: a value cannot stand where it is to be: with the place, and why.
        """
        command = Redrive(task=task, overrides=given_overrides(overrides), reason=reason, actor=actor)
        return await self.operate(execution_id, command)

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
            UsageError: an argument that cannot be recorded.
            ExecutionNotFound: there is no such execution.
            IllegalCommand: it does not ask.
            ResolutionRefused: the data of a success does not fit the task's `result_schema`.
        """
        command = Resolve(
            resolution=resolution, outcome=outcome, data=data, message=message, reason=reason, actor=actor
        )
        return await self.operate(execution_id, command)

    async def remove_flow(self, execution_id: str, *, reason: str = "", actor: str = "") -> None:
        """Take an ended execution out of the lists; its history stays.

        Raises:
            UsageError: an argument that cannot be recorded.
            ExecutionNotFound: there is no such execution.
            IllegalCommand: it has not ended, or was removed before.
        """
        await self.operate(execution_id, Remove(reason=reason, actor=actor))

    async def in_bulk(
        self,
        verb: BulkVerb,
        *,
        status: FlowStatus | str | None = None,
        flow: str | None = None,
        since: datetime | None = None,
        everything: bool = False,
        now: bool = False,
        task: str | None = None,
        overrides: Mapping[str, Any] | None = None,
        reason: str = "",
        actor: str = "",
        dry_run: bool = False,
        each: Callable[[Operated], object] | None = None,
    ) -> BulkReport:
        """Ask all executions that fit, the newest first: `cancel`, `pause`, `resume`, `retry` or `remove`.

        What one of them refuses is named in the report, and leaves the others alone.

        Args:
            verb: what is asked.
            status: only those with this status.
            flow: only those of the flow with this id or name.
            since: only those created then (aware) or later.
            everything: all of them: one of these four has to be given.
            now: `pause` stops running attempts too.
            task: where `retry` goes on; by default the task that failed.
            overrides: with which values `retry` goes on, by their places; see there.
            reason: why; recorded with each.
            actor: who asks; recorded with each.
            dry_run: find out what would be done, and do nothing.
            each: is called for each of them as it is done, in place of the report's list, which takes memory.

        Raises:
            UsageError: no filter, or an argument that cannot be used.
            LogUnavailable: the log cannot be read, or written; what was done before stays.
        """
        checked_flag("dry_run", dry_run)
        chosen = Chosen(status=status, flow=flow, since=since)
        check_chosen(chosen, everything=everything)
        command = command_of(verb, now=now, task=task, overrides=given_overrides(overrides), reason=reason, actor=actor)

        async def ask(execution_id: str, command: Command) -> str:
            if dry_run:
                return (await self._operating.would(execution_id, command)).status.value
            return (await self.operate(execution_id, command)).status.value

        report = BulkReport(verb=verb, dry_run=dry_run)
        await command_all(self._queries, ask, command, chosen, each, report)
        return report
