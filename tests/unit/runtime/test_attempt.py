"""One attempt: given a state that says it runs, when its code is run, then this command records what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from flowsm.definition.load import load_flow
from flowsm.events.commands import Driver, RecordResult
from flowsm.machine.compile import compile_flow
from flowsm.machine.state import Attempt, ExecutionState, Phase
from flowsm.runtime.attempt import AttemptRunner
from flowsm.tasks.base import BaseTask
from flowsm.tasks.context import Permissions
from flowsm.tasks.factory import TaskFactory
from flowsm.tasks.result import TaskResult
from flowsm.testing.clock import ManualClock

NOON = "2026-01-31T12:00:{:09.6f}Z"


class Given:
    """A runner, and an execution whose task `a` runs."""

    def __init__(self, clock: ManualClock, code: Any, **task: Any) -> None:
        self.clock = clock
        tasks = TaskFactory()
        tasks.register_task("a", code)
        flow = {"id": "f", "name": "F", "start_task": "a", "tasks": [{"name": "a", **task}], "timeout": 60}
        self.machine = compile_flow(load_flow(flow))
        self.attempt = Attempt(visit=1, attempt=2, timeout_seconds=self.machine.timeouts["a"])
        self.state = ExecutionState(stream="x", phase=Phase.RUNNING, node="a", attempt=self.attempt, visits={"a": 1})
        self.runner = AttemptRunner(tasks, clock, Permissions())

    async def when_it_runs(self) -> RecordResult:
        return await self.runner.run(self.machine, self.state, self.attempt, Driver(worker="w"))


Make = Callable[..., Given]


@pytest.fixture
def given(clock: ManualClock) -> Make:
    return lambda code, **task: Given(clock, code, **task)


async def test_a_result_becomes_the_command_that_records_it(given: Make, clock: ManualClock) -> None:
    """Status, outcome, data, message, warnings and duration are those of the task; the attempt is named."""

    async def work(context):
        clock.advance(1.5)
        return TaskResult(
            status="success", outcome="fine", message="m", data=(context.attempt, context.visit), warnings=["w"]
        )

    command = await given(work).when_it_runs()
    assert (command.task, command.visit, command.attempt) == ("a", 1, 2)
    assert (command.status, command.outcome, command.message, command.data) == ("success", "fine", "m", [2, 1])
    assert (command.warnings, command.duration_us, command.error, command.timed_out) == (("w",), 1_500_000, None, False)
    assert 0 <= command.chance < 1


class Refusing(BaseTask):
    """Refuses its parameters."""

    def validate_parameters(self) -> bool:
        return False

    async def execute(self, context) -> TaskResult:
        raise AssertionError("it was executed")


class Checking(BaseTask):
    """Its check says what `answer` is."""

    answer: Any = None

    async def check(self, context):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def execute(self, context) -> Any:
        return "executed"


async def test_parameters_that_are_refused_fail_the_attempt(given: Make) -> None:
    """`validate_parameters` that gives False is a failure, in words; the code is not run."""
    command = await given(Refusing).when_it_runs()
    assert (command.status, command.error.type) == ("failure", "ValueError")
    assert "refused by its validate_parameters()" in command.error.message


@pytest.mark.parametrize(
    ("answer", "status", "data"),
    [
        (None, "success", "executed"),
        (TaskResult(status="success"), "success", "executed"),
        (TaskResult(status="skipped", data=1), "skipped", 1),
        (TaskResult(status="failure", error="full"), "failure", None),
        (True, "success", "executed"),
        (OSError("the disk is full"), "failure", None),
    ],
)
async def test_a_check_comes_before_the_work(given: Make, answer: Any, status: str, data: Any) -> None:
    """A check that raises, skips or fails is the attempt's result; anything else lets the work begin."""
    command = await given(type("Checks", (Checking,), {"answer": answer})).when_it_runs()
    assert (command.status, command.data) == (status, data)


async def test_data_that_misses_the_schema_is_a_failure_but_only_of_a_success(given: Make) -> None:
    """`result_schema` is asked of what succeeded; what was skipped has no data to miss it."""
    missed = await given(lambda: "x", result_schema={"type": "integer"}).when_it_runs()
    assert (missed.status, missed.error.type) == ("failure", "ResultSchemaMissed")
    skipped = await given(lambda: TaskResult(status="skipped"), result_schema={"type": "integer"}).when_it_runs()
    assert skipped.status == "skipped"


@pytest.mark.parametrize(
    ("seconds", "end", "expected"), [(5, 3, "FlowTimeout"), (3, 5, "TaskTimeout"), (None, 4, "FlowTimeout")]
)
async def test_the_earlier_deadline_is_the_one_that_stops(
    given: Make, clock: ManualClock, seconds: float | None, end: int, expected: str
) -> None:
    """The task's timeout and the execution's deadline: the earlier stops the attempt, and is named."""
    made = given(asyncio.Event().wait, timeout=seconds)
    made.state = msgspec.structs.replace(made.state, deadline=NOON.format(end))
    running = asyncio.ensure_future(made.when_it_runs())
    await clock.sleepers()
    clock.advance(min(seconds or 99, end))
    command = await running
    assert (command.timed_out, command.error.type, command.status) == (True, expected, "failure")


async def test_a_deadline_that_is_over_stops_before_the_start(given: Make) -> None:
    """Where no time is left, the code is not begun."""
    made = given(lambda: pytest.fail("it began"))
    made.state = msgspec.structs.replace(made.state, deadline=NOON.format(0))
    assert (await made.when_it_runs()).timed_out


@pytest.mark.parametrize("seconds", [None, 30])
async def test_a_cancelled_driver_records_nothing(given: Make, seconds: float | None) -> None:
    """Cancelling the driver stops the code, also code that swallows it, and gives no command."""
    stopped = []
    began = asyncio.Event()

    async def swallow():
        began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            stopped.append(True)
            return "swallowed"

    running = asyncio.ensure_future(given(swallow, timeout=seconds).when_it_runs())
    await began.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert stopped == [True]


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, GeneratorExit])
def test_an_interrupt_is_nobodys_result(given: Make, interrupt: type[BaseException]) -> None:
    """Ctrl-C while a task's code runs goes up to who pressed it."""

    async def interrupted():
        raise interrupt

    with pytest.raises(interrupt):
        given(interrupted).when_it_runs().send(None)
