from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from flowsm.errors import Fenced
from flowsm.machine.state import Attempt, ExecutionState, Phase
from flowsm.runtime.dispatcher import EmbeddedDispatcher
from flowsm.runtime.supervisor import Supervisor
from flowsm.testing.clock import ManualClock

ENDED = ExecutionState(stream="x", phase=Phase.ENDED)
WAITING = ExecutionState(
    stream="x",
    phase=Phase.BACKOFF,
    node="a",
    attempt=Attempt(visit=1, attempt=2, due="2026-01-31T12:00:05.000000Z"),
)


class Advances:
    """An advancer that gives what it is told to, one thing per call; an exception is raised."""

    def __init__(self, *answers: Any) -> None:
        self.answers, self.calls = list(answers), 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def advance(self, execution_id: str) -> ExecutionState:
        self.calls += 1
        await self.gate.wait()
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer


@pytest.fixture
async def made(clock: ManualClock) -> Any:
    made: list[Supervisor] = []

    def make(advances: Advances) -> Supervisor:
        made.append(Supervisor(advances, EmbeddedDispatcher(clock, 5)))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for supervisor in made:
        await supervisor.close()


Make = Callable[[Advances], Supervisor]


async def pass_turns() -> None:
    """Let everything that is ready run, some turns of the loop."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_those_who_wait_are_answered_at_the_end(made: Make) -> None:
    """Every one who waits gets the last state; one that is being advanced is not kicked again."""
    advances = Advances(ENDED)
    advances.gate.clear()
    supervisor = made(advances)
    assert supervisor.has_room()
    waiting = [asyncio.ensure_future(supervisor.finish("x")) for _ in range(3)]
    await pass_turns()
    waiting.append(asyncio.ensure_future(supervisor.finish("x")))
    await asyncio.sleep(0)
    waiting[0].cancel()
    advances.gate.set()
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(answers[0], asyncio.CancelledError)
    assert answers[1:] == [ENDED] * 3
    assert advances.calls == 1


async def test_what_waits_is_advanced_when_it_is_due(made: Make, clock: ManualClock) -> None:
    """A backoff sets an alarm; those who wait are answered after it."""
    supervisor = made(Advances(WAITING, ENDED))
    waiting = asyncio.ensure_future(supervisor.finish("x"))
    await clock.sleepers()
    assert not waiting.done()
    clock.advance(5)
    assert await waiting == ENDED


@pytest.mark.parametrize("error", [Fenced("x", 1, 2), RuntimeError("a bug")])
async def test_errors_reach_those_who_wait(made: Make, error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    """What stops a driver is raised in those who wait; a bug is logged with its traceback as well."""
    with pytest.raises(type(error)):
        await made(Advances(error)).finish("x")
    assert ("a bug" in caplog.text) == isinstance(error, RuntimeError)


async def test_errors_that_nobody_waits_for_are_logged(made: Make, caplog: pytest.LogCaptureFixture) -> None:
    """A driver that stops while nobody waits leaves a line in the log."""
    supervisor = made(Advances(Fenced("x", 1, 2)))
    supervisor.kick("x")
    await pass_turns()
    assert "execution x stopped: execution 'x' was taken over" in caplog.text


async def test_a_driver_that_is_cancelled_leaves_nobody_waiting(made: Make) -> None:
    """Those who wait are cancelled with it; closing cancels those who wait for what does not run."""
    with pytest.raises(asyncio.CancelledError):
        await made(Advances(asyncio.CancelledError())).finish("x")
    supervisor = made(Advances(WAITING))
    waiting = asyncio.ensure_future(supervisor.finish("x"))
    await pass_turns()
    await supervisor.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
