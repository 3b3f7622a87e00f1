"""One attempt of a task: from its recorded start to the command that records its result."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import msgspec

from flowsm.clock import Clock
from flowsm.definition.user_schema import schema_misfits
from flowsm.errors import TransactionTimeout
from flowsm.events.commands import Driver, RecordProbe, RecordResult
from flowsm.events.facts import ErrorInfo
from flowsm.ids import idempotency_key
from flowsm.limits import ABANDON_AFTER_SECONDS
from flowsm.machine.compile import FlowMachine
from flowsm.machine.state import Attempt, ExecutionState
from flowsm.runtime.driver_task import DriverTask, forgive, is_cancelled, leave_behind, settle
from flowsm.runtime.execution import json_copy
from flowsm.runtime.previous import PreviousResults
from flowsm.runtime.secrets import Secrets, veiled
from flowsm.runtime.transaction import TransactionEnd
from flowsm.status import TaskStatus
from flowsm.tasks.base import BaseTask
from flowsm.tasks.context import Permissions, TaskContext
from flowsm.tasks.factory import TaskFactory
from flowsm.tasks.outcome import Normalised, TaskError, failure, normalise
from flowsm.tasks.result import TaskResult
from flowsm.tasks.transaction import Transaction, TransactionDesk
from flowsm.tasks.veil import Veil

__all__ = ["AttemptRunner"]

_Found = TypeVar("_Found")
_Given = Normalised | Transaction[Any]
"""What an attempt's code came to."""


class ResultSchemaMissed(ValueError):
    """The result's data does not fit the task's `result_schema`."""


class TaskTimeout(TimeoutError):
    """The attempt took longer than the task's timeout."""


class SelfCancelled(RuntimeError):
    """The task's code cancelled the asyncio task that it runs in."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the code of task {name!r} cancelled the asyncio task that it runs in")


class FlowTimeout(TimeoutError):
    """The execution took longer than the flow's timeout, which this attempt was running into."""


class AttemptRunner:
    """Runs the code of attempts.

    Args:
        tasks: the registry of task types.
        clock: measures durations and deadlines.
        permissions: what the built-in tasks may touch.
        transactional: whether attempts may end with a transaction in the log's file.
        secrets: where the values of secrets are from; without it tasks are given their names.
    """

    def __init__(
        self,
        tasks: TaskFactory,
        clock: Clock,
        permissions: Permissions,
        *,
        transactional: bool = False,
        secrets: Secrets | None = None,
    ) -> None:
        self._tasks = tasks
        self._clock = clock
        self._permissions = permissions
        self._transactional = transactional
        self._secrets = secrets
        self._random = random.Random()  # noqa: S311 (it spreads retries, and is recorded)

    async def run(
        self, machine: FlowMachine, state: ExecutionState, attempt: Attempt, driver: Driver
    ) -> RecordResult | TransactionEnd:
        """Run the attempt that `state` says is running; whatever its code does becomes a result.

        Raises:
            asyncio.CancelledError: the driver was cancelled; nothing is to be recorded.
        """
        name = state.node
        driving = _running()
        timed_out = False
        veil = Veil()
        conclude = partial(self._command, driver, name, attempt, self._clock.monotonic(), veil)
        try:
            deadline, late = self._deadline(machine, state, attempt)
            task = self._make(machine, name, attempt, veil)
            context = self._context(state, attempt, deadline, veil)
            if late is None:
                given = await _perform(task, context, driving)
                await settle()
            else:
                given = await self._within(_perform(task, context), deadline, late)
            if driving is not None and driving.cancelling():
                raise asyncio.CancelledError  # noqa: TRY301 (the task's code kept it to itself)
            if isinstance(given, Transaction):
                return self._in_transaction(machine, name, attempt, given, deadline, late, conclude)
            ended = self._checked(machine, name, given)
        except (TaskTimeout, FlowTimeout) as expired:
            timed_out = True
            ended = failure(expired, name)
        except BaseException as raised:  # noqa: BLE001 (whatever a task raises is its result)
            own = await forgive() if isinstance(raised, asyncio.CancelledError) else False
            ended = failure(SelfCancelled(name), name) if own else _failure_of(raised, name, driving)
        return conclude(ended, timed_out=timed_out)

    async def probe(self, machine: FlowMachine, state: ExecutionState, attempt: Attempt, driver: Driver) -> RecordProbe:
        """Ask the task what became of its interrupted attempt.

        Raises:
            asyncio.CancelledError: the driver was cancelled; nothing is to be recorded.
        """
        name = state.node
        asked = partial(RecordProbe, driver=driver, task=name, visit=attempt.visit, attempt=attempt.attempt)
        driving = _running()
        began = self._clock.monotonic()
        veil = Veil()
        try:
            deadline, late = self._deadline(machine, state, attempt)
            task = self._make(machine, name, attempt, veil)
            context = self._context(state, attempt, deadline, veil)
            try:
                found = await self._within(_asked(task, context), deadline, late)
            finally:
                await settle()
            if isinstance(found, Transaction):
                raise TypeError("a probe only looks: it cannot end with context.transaction")  # noqa: TRY301
        except BaseException as raised:  # noqa: BLE001 (whatever a task raises)
            own = await forgive() if isinstance(raised, asyncio.CancelledError) else False
            problem = failure(SelfCancelled(name), name) if own else _failure_of(raised, name, driving)
            return asked(problem=f"its probe could not tell: {veiled(problem, veil).result.message}")
        if found is None:
            return asked()
        ended = self._checked(machine, name, found)
        return asked(result=self._command(driver, name, attempt, began, veil, ended, timed_out=False))

    def _command(
        self,
        driver: Driver,
        name: str,
        attempt: Attempt,
        began: float,
        veil: Veil,
        given: Normalised,
        *,
        timed_out: bool,
    ) -> RecordResult:
        """What records the end of an attempt that began then, without its secrets."""
        ended = veiled(given, veil)
        result = ended.result
        return RecordResult(
            driver=driver,
            task=name,
            visit=attempt.visit,
            attempt=attempt.attempt,
            status=result.status._value_,
            outcome=result.outcome or result.status._value_,
            duration_us=round((self._clock.monotonic() - began) * 1_000_000),
            message=result.message,
            data=result.data,
            error=_as_info(ended.error),
            warnings=tuple(result.warnings),
            timed_out=timed_out,
            chance=self._random.random(),
        )

    def _in_transaction(
        self,
        machine: FlowMachine,
        name: str,
        attempt: Attempt,
        transaction: Transaction[Any],
        deadline: datetime | None,
        late: TimeoutError | None,
        conclude: Callable[..., RecordResult],
    ) -> TransactionEnd:
        """The end of an attempt whose function is yet to be run: it has the attempt's time, if that is shorter."""
        seconds = transaction.timeout_seconds
        left = math.inf if deadline is None else (deadline - self._clock.now()).total_seconds()

        def result_of(value: Any, failed: BaseException | None) -> RecordResult:
            if failed is None:
                return conclude(self._checked(machine, name, normalise(value, name)), timed_out=False)
            if isinstance(failed, TransactionTimeout) and late is not None and left < seconds:
                return conclude(failure(late, name), timed_out=True)
            return conclude(failure(failed, name), timed_out=False)

        return TransactionEnd(
            task=name,
            visit=attempt.visit,
            attempt=attempt.attempt,
            function=transaction.run,
            seconds=min(seconds, left),
            result_of=result_of,
        )

    def _checked(self, machine: FlowMachine, name: str, ended: Normalised) -> Normalised:
        """A success whose data misses the task's `result_schema` is a failure."""
        schema = machine.tasks[name].result_schema
        if schema is None or ended.result.status is not TaskStatus.SUCCESS:
            return ended
        misfits = schema_misfits(schema, ended.result.data)
        if not misfits:
            return ended
        listed = "; ".join(f"at {misfit.pointer or 'the whole result'}: {misfit.message}" for misfit in misfits)
        return failure(ResultSchemaMissed(f"the result does not fit the task's result_schema: {listed}"), name)

    def _make(self, machine: FlowMachine, name: str, attempt: Attempt, veil: Veil) -> BaseTask:
        parameters = json_copy(attempt.parameters)
        if self._secrets is not None and name in machine.secrets:
            self._secrets.put(parameters, machine.secrets[name], veil)
        config = msgspec.structs.replace(machine.tasks[name], parameters=parameters)
        task = self._tasks.create(config)
        if task.validate_parameters() is False:
            raise ValueError(f"the parameters of task {name!r} were refused by its validate_parameters()")
        return task

    def _deadline(
        self, machine: FlowMachine, state: ExecutionState, attempt: Attempt
    ) -> tuple[datetime | None, TimeoutError | None]:
        """When the attempt is stopped, and the error that says whose time was over."""
        seconds = attempt.timeout_seconds
        deadline: datetime | None = None
        late: TimeoutError | None = None
        if seconds is not None:
            deadline = self._clock.now() + timedelta(seconds=seconds)
            message = f"task {state.node!r} took longer than its timeout of {seconds:g} s"
            late = TaskTimeout(message)
        if state.deadline is not None:
            end = datetime.fromisoformat(state.deadline)
            if deadline is None or end < deadline:
                message = f"the execution took longer than its timeout of {machine.flow.timeout:g} s"
                return end, FlowTimeout(message)
        return deadline, late

    def _context(self, state: ExecutionState, attempt: Attempt, deadline: datetime | None, veil: Veil) -> TaskContext:
        return TaskContext(
            execution_id=state.stream,
            flow_id=state.flow_id,
            flow_name=state.flow_name,
            task_name=state.node,
            input=json_copy(state.input),
            previous_results=PreviousResults(state.results),
            attempt=attempt.attempt,
            visit=attempt.visit,
            idempotency_key=idempotency_key(state.stream, state.node, attempt.visit),
            deadline=deadline,
            seq=attempt.started_seq,
            traceparent=state.traceparent,
            permissions=self._permissions,
            _desk=TransactionDesk() if self._transactional else None,
            _veil=veil,
        )

    async def _within(
        self, work: Coroutine[Any, Any, _Found], deadline: datetime | None, late: TimeoutError | None
    ) -> _Found:
        """Await the work; past the deadline cancel it, and leave it behind if it does not stop.

        The deadline is wall time: an alarm that rings before it, for clocks differ, is set again. A task's own
        timeout is over at the latest after that many seconds, although the wall clock was set back meanwhile.
        """
        if deadline is None or late is None:
            return await work
        task = asyncio.ensure_future(work)
        task.add_done_callback(_drop)
        driving = _running()
        if isinstance(driving, DriverTask):
            driving.inner = task
        last = self._clock.monotonic() + (deadline - self._clock.now()).total_seconds()
        try:
            while not task.done() and (seconds := (deadline - self._clock.now()).total_seconds()) > 0:
                if isinstance(late, TaskTimeout):
                    seconds = min(seconds, last - self._clock.monotonic())
                    if seconds <= 0:
                        break
                await self._wait(task, seconds)
            if task.done():
                return task.result()
        finally:
            if not task.done():
                await self._stop(task)
            if isinstance(driving, DriverTask):
                driving.inner = None
        raise late

    async def _stop(self, task: asyncio.Task[Any]) -> None:
        """Cancel it; once the grace is over, or nobody waits for that, leave it behind."""
        task.cancel()
        try:
            await self._wait(task, ABANDON_AFTER_SECONDS)
        finally:
            if not task.done():
                leave_behind(task)

    async def _wait(self, task: asyncio.Task[Any], seconds: float) -> None:
        alarm = asyncio.ensure_future(self._clock.sleep(seconds))
        try:
            await asyncio.wait({task, alarm}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            alarm.cancel()


def _drop(task: asyncio.Task[Any]) -> None:
    """Take note of what a task left behind came to, so that nobody is told that it was never asked."""
    if not task.cancelled():
        task.exception()


async def _asked(task: BaseTask, context: TaskContext) -> Normalised | None:
    """What the task's probe found, None if the work was not done."""
    found = await task.probe(context)
    return None if found is None else normalise(found, context.task_name)


async def _perform(task: BaseTask, context: TaskContext, within: asyncio.Task[Any] | None = None) -> _Given:
    """What the task's code comes to, in this asyncio task or that; a check that does not pass is the result."""
    name = context.task_name
    performing = within or _running()
    try:
        checked = await task.check(context)
        if isinstance(checked, TaskResult) and checked.status != TaskStatus.SUCCESS:
            return normalise(checked, name)
        given: Any = await task.execute(context)
        desk = context._desk or TransactionDesk()  # noqa: SLF001 (the context hides it from tasks)
        return desk.concluded(given) or normalise(given, name)
    except BaseException as raised:  # noqa: BLE001 (likewise)
        return _failure_of(raised, name, performing)


def _failure_of(raised: BaseException, name: str, within: asyncio.Task[Any] | None) -> Normalised:
    """The failure that a task raised, whatever it raised, running within an asyncio task.

    Raises:
        BaseException: it was not the task's own: the driver is cancelled or closed, or somebody pressed Ctrl-C.
    """
    if isinstance(raised, KeyboardInterrupt):
        raise raised
    if isinstance(raised, GeneratorExit) and (within is None or _running() is not within):
        raise raised
    if isinstance(raised, asyncio.CancelledError) and is_cancelled():
        raise raised
    return failure(raised, name)


def _running() -> asyncio.Task[Any] | None:
    """The asyncio task that runs; none where a coroutine is closed because its loop has ended."""
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None


def _as_info(error: TaskError | None) -> ErrorInfo | None:
    if error is None:
        return None
    return ErrorInfo(type=error.type, message=error.message, types=error.types, traceback=error.traceback)
