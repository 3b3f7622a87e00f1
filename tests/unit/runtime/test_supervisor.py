from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from flowsm.errors import Fenced, LeaseHeld, LeaseLost, LogBroken
from flowsm.machine.state import Attempt, ExecutionState, Phase
from flowsm.projections.agenda import Owner
from flowsm.runtime.dispatcher import EmbeddedDispatcher
from flowsm.runtime.driving import Drive
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
        self.drives: dict[str, Drive] = {}
        self.draining = False
        self.asked: list[str] = []
        self.was_halted: list[str] = []
        self.answers, self.calls = list(answers), 0
        self.gate = asyncio.Event()
        self.gate.set()

    def is_mine(self, worker: str) -> bool:
        return worker == "me"

    def is_held(self, execution_id: str) -> bool:
        return False

    def halted(self, execution_id: str) -> None:
        self.was_halted.append(execution_id)

    def lost(self, execution_id: str, epoch: int, actual_epoch: int, owner: str) -> LeaseLost:
        return LeaseLost(execution_id, "me", epoch, actual_epoch, owner)

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


HELD = LeaseHeld("x", "w-2", "here", 7)


def owner(**fields: Any) -> Owner:
    """Whose `x` is: nobody's, unless the fields say so."""
    values = {"execution_id": "x", "seq": 3, "epoch": 1, "worker": "", "alive": False}
    return Owner(**{"host": None, "pid": None, "seen_at": None} | values | fields)


async def test_what_another_process_drives_is_waited_for(made: Make) -> None:
    """Whoever waits goes on waiting while its owner lives, and it is advanced here when it is nobody's."""
    advances = Advances(HELD, ENDED)
    supervisor = made(advances)
    waiting = asyncio.ensure_future(supervisor.finish("x"))
    await pass_turns()
    assert supervisor.of_interest() == ["x"]
    assert not supervisor.is_idle()
    supervisor.told([owner(worker="w-2", alive=True, seq=9)])
    await pass_turns()
    assert advances.calls == 1
    supervisor.told([owner(worker="w-2", alive=False, seq=9)])
    assert await waiting == ENDED
    assert supervisor.of_interest() == []
    supervisor.told([owner(worker="w-2")])
    assert supervisor.is_idle()


async def test_what_nobody_waits_for_any_more_is_not_joined(made: Make) -> None:
    """Another process's execution that was only kicked, or whose waiters left, is of no interest."""
    advances = Advances(HELD, HELD)
    advances.gate.clear()
    supervisor = made(advances)
    waiting = asyncio.ensure_future(supervisor.finish("x"))
    await pass_turns()
    waiting.cancel()
    advances.gate.set()
    await pass_turns()
    supervisor.kick("x")
    await pass_turns()
    assert (supervisor.of_interest(), advances.calls, supervisor.is_idle()) == ([], 2, True)


async def test_what_waits_is_looked_at_when_others_have_appended(made: Make) -> None:
    """A joined execution that waits is advanced when its log has gone on, and left alone when it has not."""
    advances = Advances(WAITING, ENDED)
    supervisor = made(advances)
    waiting = asyncio.ensure_future(supervisor.finish("x"))
    await pass_turns()
    supervisor.told([owner(seq=WAITING.seq)])
    await pass_turns()
    assert advances.calls == 1
    supervisor.told([owner(seq=WAITING.seq + 1)])
    assert await waiting == ENDED


async def test_what_was_lost_is_stopped(made: Make, caplog: pytest.LogCaptureFixture) -> None:
    """A running execution with a later epoch is another's: its task is cancelled, whoever waits gets LeaseLost."""
    advances = Advances(ENDED)
    advances.gate.clear()
    supervisor = made(advances)
    waiting = asyncio.ensure_future(supervisor.finish("x"))
    await pass_turns()
    drive = advances.drives["x"] = Drive(3, 1)
    drive.is_busy = True
    supervisor.told([owner(epoch=2, worker="w-2", alive=True)])
    drive.is_busy, drive.has_let_go = False, True
    supervisor.told([owner(epoch=2, worker="w-2", alive=True)])
    drive.has_let_go = False
    supervisor.told([owner(epoch=2, worker="w-2", alive=True)])
    assert not supervisor.interrupt("x")
    with pytest.raises(LeaseLost, match="taken over by worker w-2"):
        await waiting
    advances.gate.set()
    assert not supervisor.interrupt("x")
    assert await supervisor.finish("x") == ENDED


async def test_foreign_appends_are_passed_on(made: Make) -> None:
    """A running execution whose log went on beyond what its driver knows is named, others are not."""
    advances = Advances()
    supervisor = made(advances)
    told: list[list[str]] = []
    advances.drives["x"] = Drive(3, 1)
    supervisor.told([owner(seq=4)])
    supervisor.on_foreign = told.append
    supervisor.told([owner(seq=3)])
    supervisor.told([owner(seq=4)])
    assert told == [["x"]]


async def test_an_interrupted_execution_is_advanced_again(made: Make) -> None:
    """Without a reason to let go of it, what was cancelled is read on and advanced once more."""
    advances = Advances(ENDED)
    advances.gate.clear()
    supervisor = made(advances)
    waiting = asyncio.ensure_future(supervisor.finish("x"))
    await pass_turns()
    assert supervisor.interrupt("x")
    advances.gate.set()
    assert await waiting == ENDED
    assert (advances.calls, advances.was_halted) == (2, ["x"])


async def test_an_interrupt_that_comes_too_late_stops_nothing(made: Make) -> None:
    """A driver that comes to its answer in spite of an interrupt serves on."""

    class Stubborn(Advances):
        async def advance(self, execution_id: str) -> ExecutionState:
            try:
                await self.gate.wait()
            except asyncio.CancelledError:
                self.gate.set()
            return await super().advance(execution_id)

    advances = Stubborn(ENDED, ENDED)
    advances.gate.clear()
    supervisor = made(advances)
    waiting = asyncio.ensure_future(supervisor.finish("x"))
    await pass_turns()
    supervisor.interrupt("x", LogBroken("x", 1, "damaged"))
    assert await waiting == ENDED
    assert await supervisor.finish("x") == ENDED


async def test_what_is_told_while_it_is_looked_at_is_not_lost(made: Make) -> None:
    """A command that is recorded after a driver has read the log, and before it leaves, is seen: it looks again."""
    for stale in (WAITING, ENDED):  # an end is not the latest news either, where it was redriven since
        latest = ExecutionState(stream="x", phase=Phase.ENDED, redrives=1)
        advances = Advances(stale, latest)
        advances.gate.clear()
        supervisor = made(advances)
        waiter = asyncio.ensure_future(supervisor.finish("x"))
        await pass_turns()
        supervisor.was_told(WAITING)
        advances.gate.set()
        assert await asyncio.wait_for(waiter, 10) == latest
        assert advances.calls == 2


async def test_draining_lets_what_runs_come_to_its_end(made: Make) -> None:
    """While it drains nothing is begun, and the advancer knows."""
    advances = Advances(ENDED, ENDED)
    advances.gate.clear()
    supervisor = made(advances)
    waiting = asyncio.ensure_future(supervisor.finish("x"))
    await pass_turns()
    draining = asyncio.ensure_future(supervisor.drain(10))
    await pass_turns()
    assert advances.draining
    supervisor.kick("y")
    advances.gate.set()
    await draining
    assert (await waiting, advances.calls, advances.draining) == (ENDED, 1, False)
