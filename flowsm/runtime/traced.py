"""Driving with spans: what `Advancer`, `LimitedAdvancer` and `AttemptRunner` do, and a span around it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec

from flowsm.events.commands import Create, Driver, RecordProbe, RecordResult
from flowsm.machine.compile import FlowMachine
from flowsm.machine.state import Attempt, ExecutionState
from flowsm.runtime.advance import Advancer
from flowsm.runtime.attempt import AttemptRunner
from flowsm.runtime.driving import Drive
from flowsm.runtime.limited import HeldBack, LimitedAdvancer
from flowsm.runtime.loading import Prepared
from flowsm.runtime.transaction import TransactionEnd
from flowsm.tasks.context import TaskContext
from flowsm.tasks.veil import Veil
from flowsm.tracing import AttemptSpan, Tracing

__all__ = ["TracedAdvancer", "TracedLimitedAdvancer", "TracedRunner"]


class TracedRunner(AttemptRunner):
    """Runs the code of attempts, each within a span: `tracing` makes them, other arguments as those of `AttemptRunner`."""

    def __init__(self, *parts: Any, tracing: Tracing, **options: Any) -> None:
        super().__init__(*parts, **options)
        self._tracing = tracing
        self._open: dict[str, AttemptSpan] = {}

    async def run(
        self, machine: FlowMachine, state: ExecutionState, attempt: Attempt, driver: Driver
    ) -> RecordResult | TransactionEnd:
        """Run the attempt; see `AttemptRunner.run`."""
        with self._tracing.attempting(state, attempt) as span:
            ended = await super().run(machine, state, attempt, driver)
            if isinstance(ended, TransactionEnd):
                span.is_kept = True
                self._open[state.stream] = span
                return replace(ended, result_of=_ending(span, ended.result_of))
            span.end(ended)
            return ended

    async def probe(self, machine: FlowMachine, state: ExecutionState, attempt: Attempt, driver: Driver) -> RecordProbe:
        """Ask the task; see `AttemptRunner.probe`."""
        with self._tracing.attempting(state, attempt, f"probe {state.node}") as span:
            found = await super().probe(machine, state, attempt, driver)
            span.end(found.result, "unknown" if found.problem else "not done")
            return found

    def leave(self, execution_id: str) -> None:
        """The execution is driven on no more: nobody learns what an attempt came to whose end was not recorded."""
        span = self._open.pop(execution_id, None)
        if span is not None:
            span.end(None, "not recorded")

    def _context(self, state: ExecutionState, attempt: Attempt, deadline: datetime | None, veil: Veil) -> TaskContext:
        context = super()._context(state, attempt, deadline, veil)
        return msgspec.structs.replace(context, traceparent=self._tracing.current() or context.traceparent)


class _TracedDrives(Advancer):
    """Drives within a span, and creates within one."""

    tracing: Tracing
    _runner: TracedRunner

    async def create(self, prepared: Prepared, command: Create, execution_id: str, *, start: bool) -> ExecutionState:
        """Record a new execution, which keeps the span of that; see `Advancer.create`."""
        name, digest = prepared.machine.flow.name, command.digest
        with self.tracing.creating(name, execution_id, digest, command.traceparent) as traceparent:
            command = msgspec.structs.replace(command, traceparent=traceparent)
            return await super().create(prepared, command, execution_id, start=start)

    async def _drive_on(self, machine: FlowMachine, state: ExecutionState, drive: Drive) -> ExecutionState:
        if drive.epoch < 0:  # it waits, and is nobody's
            return await super()._drive_on(machine, state, drive)
        held: HeldBack | None = None
        with self.tracing.driving(state) as span:
            try:
                after = await super()._drive_on(machine, state, drive)
            except HeldBack as back:
                held, after = back, back.state
            finally:
                self._runner.leave(state.stream)
            span.left(after)
        if held is not None:
            raise held
        return after


class TracedAdvancer(_TracedDrives):
    """Drives executions as `Advancer` does; `tracing` makes the spans."""

    def __init__(self, *parts: Any, tracing: Tracing) -> None:
        super().__init__(*parts)
        self.tracing = tracing


class TracedLimitedAdvancer(_TracedDrives, LimitedAdvancer):
    """Drives executions as `LimitedAdvancer` does; `tracing` makes the spans."""

    def __init__(self, *parts: Any, tracing: Tracing, limits: Any) -> None:
        super().__init__(*parts, limits=limits)
        self.tracing = tracing


def _ending(
    span: AttemptSpan, result_of: Callable[[Any, BaseException | None], RecordResult]
) -> Callable[[Any, BaseException | None], RecordResult]:
    def told(value: Any, failed: BaseException | None) -> RecordResult:
        command = result_of(value, failed)
        span.end(command)
        return command

    return told
