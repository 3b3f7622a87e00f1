from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from flowsm.definition.load import load_flow
from flowsm.errors import (
    DefinitionNotFound,
    ExecutionNotFound,
    FlowsmError,
    IllegalEvent,
    LeaseHeld,
    LogBroken,
    LogUnavailable,
)
from flowsm.limits import ASIDE_SECONDS, ASIDE_TROUBLE_SECONDS
from flowsm.machine.compile import FlowMachine, compile_flow
from flowsm.projections.agenda import Due
from flowsm.runtime import recovery as module
from flowsm.runtime.dispatcher import EmbeddedDispatcher
from flowsm.runtime.recovery import Recovery
from flowsm.tasks.factory import TaskFactory
from flowsm.testing.clock import ManualClock

ONE = {"id": "one", "name": "One", "start_task": "a", "tasks": [{"name": "a"}]}


class Listed:
    """An agenda with a list, and notes of what it was asked."""

    def __init__(self, *names: str, workers: int = 1, wake_at: datetime | None = None) -> None:
        self.due_now = [Due(name, "d", wake_at, workers) for name in names]
        self.asked: list[tuple[int, list[str], list[str]]] = []

    async def due(self, limit: int, *, flows, aside, queues=()) -> list[Due]:
        self.asked.append((limit, list(flows), list(aside)))
        left = [due for due in self.due_now if due.flow_digest not in flows and due.execution_id not in aside]
        return left[:limit]


class Machines:
    """A loader that knows one flow."""

    def __init__(self) -> None:
        self.error: Exception | None = None

    async def machine(self, digest: str) -> FlowMachine:
        if self.error is not None:
            raise self.error
        return compile_flow(load_flow(ONE))


class Given:
    def __init__(self, clock: ManualClock, agenda: Listed, concurrency: int = 5, code: bool = True) -> None:
        self.agenda, self.machines, self.tasks = agenda, Machines(), TaskFactory()
        if code:
            self.tasks.register_task("a", lambda: 1)
        self.dispatcher = EmbeddedDispatcher(clock, concurrency)
        self.recovery = Recovery(agenda, self.machines, self.tasks, self.dispatcher, clock)  # type: ignore[arg-type]

    @property
    def kicked(self) -> list[str]:
        return list(self.dispatcher._ready)


async def test_what_is_due_is_kicked_as_far_as_there_is_room(clock: ManualClock) -> None:
    """No more are kicked than twice what runs at once; the rest is left, and none is kicked twice."""
    given = Given(clock, Listed(*"abcdefghijklmnop"), concurrency=3)
    assert await given.recovery.look()
    assert given.kicked == list("abcdef")
    assert await given.recovery.look()
    assert len(given.agenda.asked) == 1
    given.dispatcher._ready.clear()
    assert await given.recovery.look()
    assert given.kicked == list("ghijkl")


async def test_when_all_is_taken_nothing_is_left(clock: ManualClock) -> None:
    """A round that found no more than there was room for says so."""
    given = Given(clock, Listed("a", "b"))
    assert not await given.recovery.look()
    assert given.kicked == ["a", "b"]


async def test_those_who_share_take_different_ones(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where other workers look too, it is chance which ones are taken: they do not all take the same."""
    monkeypatch.setattr(module.random, "sample", lambda due, count: due[-count:])
    given = Given(clock, Listed(*"abcdef", workers=2), concurrency=1)
    await given.recovery.look()
    assert given.kicked == ["e", "f"]


async def test_what_is_due_soon_is_kicked_in_time(clock: ManualClock) -> None:
    """What is not due yet is handed over with its moment."""
    due = clock.now() + timedelta(seconds=1)
    given = Given(clock, Listed("a", wake_at=due))
    await given.recovery.look()
    assert given.kicked == []
    assert given.dispatcher._alarms == {"a": due}
    assert given.recovery.is_soon(due)
    assert not given.recovery.is_soon(due + timedelta(hours=1))
    await given.dispatcher.close()


async def test_flows_without_code_are_left_alone_until_it_comes(clock: ManualClock, caplog) -> None:
    """A flow whose task types are not registered is named once and not asked for; registering them is enough."""
    given = Given(clock, Listed("a", "b"), code=False)
    await given.recovery.look()
    await given.recovery.look()
    assert given.kicked == []
    assert [asked[1] for asked in given.agenda.asked] == [[], ["d"]]
    assert caplog.text.count("no code is registered here for a") == 1
    given.tasks.register_task("a", lambda: 1)
    await given.recovery.look()
    assert given.kicked == ["a", "b"]


@pytest.mark.parametrize(
    ("error", "back"),
    [
        (LogBroken("a", 3, "damaged"), False),
        (IllegalEvent("a", 3, "task.started", "no"), False),
        (LogUnavailable("f", "full"), True),
        (RuntimeError("a bug"), True),
    ],
)
async def test_what_cannot_be_driven_is_set_aside(clock: ManualClock, error: Exception, back: bool) -> None:
    """A broken log is set aside for good, what failed otherwise for a while: shortly where the file was in trouble."""
    given = Given(clock, Listed("a"))
    given.recovery.stopped("a", error)
    await given.recovery.look()
    assert given.kicked == []
    clock.advance(ASIDE_TROUBLE_SECONDS if isinstance(error, LogUnavailable) else ASIDE_SECONDS)
    await given.recovery.look()
    assert given.kicked == (["a"] if back else [])


@pytest.mark.parametrize("error", [LeaseHeld("a", "w-2", "here", 7), ExecutionNotFound("a")])
async def test_what_others_have_is_not_set_aside(clock: ManualClock, error: FlowsmError) -> None:
    """An execution that another worker took first may come back, and one that was asked for too early may come to be."""
    given = Given(clock, Listed("a"))
    given.recovery.stopped("a", error)
    await given.recovery.look()
    assert given.kicked == ["a"]


async def test_what_is_set_aside_is_bounded(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """The earliest is forgotten when there are too many."""
    monkeypatch.setattr(module, "ASIDE_EXECUTIONS_MAX", 2)
    given = Given(clock, Listed())
    for name in "abc":
        given.recovery.stopped(name, LogBroken(name, 1, "damaged"))
    await given.recovery.look()
    assert given.agenda.asked[0][2] == ["b", "c"]


async def test_a_flow_that_cannot_be_read_sets_its_execution_aside(clock: ManualClock, caplog) -> None:
    """Without its flow an execution is named once and set aside, the others go on."""
    given = Given(clock, Listed("a"))
    given.machines.error = DefinitionNotFound("d")
    await given.recovery.look()
    await given.recovery.look()
    assert given.kicked == []
    assert caplog.text.count("execution a is set aside, its flow cannot be read") == 1
