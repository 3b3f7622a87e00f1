"""The one driver, over a log in memory that can be made to fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from flowsm.definition.load import load_flow
from flowsm.errors import AppendUnknown, Conflict, ExecutionNotFound, IllegalEvent, LeaseHeld, LeaseLost
from flowsm.events.commands import Create
from flowsm.events.facts import Fact, Unknown
from flowsm.limits import CONFLICT_RETRIES_MAX
from flowsm.log.memory import MemoryEventLog
from flowsm.log.port import Append, Appended
from flowsm.machine.compile import FlowMachine
from flowsm.machine.evolve import fold
from flowsm.machine.state import ExecutionState, Phase
from flowsm.runtime.advance import Advancer
from flowsm.runtime.attempt import AttemptRunner
from flowsm.runtime.loading import Prepared, StateLoader
from flowsm.status import FlowStatus
from flowsm.tasks.context import Permissions
from flowsm.tasks.factory import TaskFactory
from flowsm.testing.clock import ManualClock
from flowsm.testing.log_contract import worker_row

AT = "2026-01-31T12:00:00.000000Z"
LOOP = {
    "id": "loop",
    "name": "Loop",
    "start_task": "a",
    "max_transitions": 120,
    "tasks": [{"name": "a", "skip_when": [{"path": "/input", "op": "exists"}]}],
    "conditions": [{"source_task": "a", "outcome": "skipped", "target_task_success": "a"}],
}
ONE = {"id": "one", "name": "One", "start_task": "a", "tasks": [{"name": "a"}]}


class Log(MemoryEventLog):
    """Calls `before` ahead of each append, which may append something itself, or raise."""

    def __init__(self) -> None:
        super().__init__()
        self.before: Callable[[Append], None] = lambda batch: None
        self.after: Callable[[Append], None] = lambda batch: None
        self.facts: list[Fact] = []

    async def append(self, batch: Append) -> Appended:
        self.before(batch)
        appended = self.append_sync(batch)
        self.after(batch)
        return appended

    def append_sync(self, batch: Append) -> Appended:
        appended = super().append_sync(batch)
        self.facts += batch.facts
        return appended

    def note(self, stream: str = "x") -> None:
        """Something that another writer appends."""
        seq = self._heads[stream].seq
        fact = Unknown(type="note.taken", version=1, data=b"{}")
        self.append_sync(Append(stream=stream, expected_seq=seq, at=AT, facts=(fact,)))

    def types(self) -> list[str]:
        return [fact.type if isinstance(fact, Unknown) else fact.TYPE for fact in self.facts]


class Engine:
    """A driver with its parts."""

    def __init__(self, log: Log, worker: str = "w-1") -> None:
        self.log, self.loader = log, StateLoader(log)
        tasks, clock = TaskFactory(), ManualClock()
        tasks.register_task("a", lambda: "done", version="3")
        runner = AttemptRunner(tasks, clock, Permissions())
        self.advancer = Advancer(log, self.loader, runner, tasks, clock, worker)

    def prepared(self, document: dict[str, Any]) -> Prepared:
        return self.loader.prepare(load_flow(document))

    async def create(self, document: dict[str, Any] = ONE, *, start: bool = False) -> ExecutionState:
        prepared = self.prepared(document)
        return await self.advancer.create(prepared, Create(digest=prepared.digest, input=1), "x", start=start)


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def engine(log: Log) -> Engine:
    return Engine(log)


async def test_an_execution_is_claimed_and_driven_to_its_end(engine: Engine, log: Log) -> None:
    """Advance claims, decides, runs and records, until the execution has ended; the log folds to what it returns."""
    assert (await engine.create()).phase == Phase.CREATED
    state = await engine.advancer.advance("x")
    head = await log.head("x")
    assert head is not None
    assert (state.status, head.epoch, head.worker) == (FlowStatus.COMPLETED, 1, "")
    machine = engine.prepared(ONE).machine
    assert fold(machine, "x", await log.read("x", inflated=True)) == state
    assert (await log.read("x"))[3].fact.task_version == "3"
    assert await engine.advancer.advance("x") == state
    assert (await log.head("x")) == head


async def test_creation_may_start_the_first_task_in_the_same_commit(engine: Engine, log: Log) -> None:
    """With `start`, one append creates, claims and starts; the driver goes on from there."""
    batches: list[Append] = []
    log.before = batches.append
    assert (await engine.create(start=True)).phase == Phase.RUNNING
    assert (len(batches), batches[0].claim) == (1, True)
    assert (await engine.advancer.advance("x")).status is FlowStatus.COMPLETED
    assert "task.interrupted" not in log.types()
    with pytest.raises(Conflict):
        await engine.create(start=True)


async def test_what_is_cut_into_steps_is_driven_step_by_step(engine: Engine, log: Log) -> None:
    """A loop of skipped tasks, longer than a step, comes to its end."""
    await engine.create(LOOP)
    state = await engine.advancer.advance("x")
    assert (state.status, state.transitions) == (FlowStatus.FAILED, 120)


async def test_an_execution_that_is_not_there(engine: Engine) -> None:
    """An id without a stream cannot be advanced."""
    with pytest.raises(ExecutionNotFound):
        await engine.advancer.advance("x")


async def test_a_claim_that_comes_too_late_reads_on(engine: Engine, log: Log) -> None:
    """Somebody appended between read and claim: read on, decide again."""
    await engine.create()
    turns = iter([True, True, False])
    log.before = lambda batch: log.note() if next(turns, False) else None
    assert (await engine.advancer.advance("x")).status is FlowStatus.COMPLETED
    assert log.types()[1:3] == ["note.taken", "note.taken"]


async def test_a_claim_gives_up_in_the_end(engine: Engine, log: Log) -> None:
    """When each claim comes too late, the conflict is raised after a bounded number of tries."""
    await engine.create()
    log.before = lambda batch: log.note()
    with pytest.raises(Conflict):
        await engine.advancer.advance("x")
    assert log.types().count("note.taken") == CONFLICT_RETRIES_MAX


def fail_on(type_: str, error: Exception) -> Callable[[Append], None]:
    """Raises once, at the first batch that holds such a fact."""
    errors = [error]

    def hook(batch: Append) -> None:
        if errors and any(type_ == fact.TYPE for fact in batch.facts) and not batch.claim:
            raise errors.pop()

    return hook


@pytest.mark.parametrize("written", [True, False])
async def test_an_append_whose_fate_is_unknown_is_looked_up(engine: Engine, log: Log, written: bool) -> None:
    """The log says whether it was recorded: if so the driver goes on, if not it records again; never twice."""
    hook = fail_on("task.completed", AppendUnknown("x", "lost"))
    setattr(log, "after" if written else "before", hook)
    await engine.create()
    assert (await engine.advancer.advance("x")).status is FlowStatus.COMPLETED
    assert log.types().count("task.completed") == 1


@pytest.mark.parametrize("written", [True, False])
async def test_a_step_whose_fate_is_unknown_is_looked_up_too(engine: Engine, log: Log, written: bool) -> None:
    """Likewise for a step without a result: the task that it started is run, not taken for lost."""
    skip = {"task_type": "a", "skip_when": LOOP["tasks"][0]["skip_when"]}
    skipped = [{"name": f"s{number}", **skip} for number in range(60)]
    targets = [task["name"] for task in skipped[1:]] + ["a"]
    conditions = [
        {"source_task": task["name"], "outcome": "skipped", "target_task_success": target}
        for task, target in zip(skipped, targets, strict=True)
    ]
    flow = ONE | {"start_task": "s0", "tasks": [*skipped, {"name": "a"}], "conditions": conditions}
    await engine.create(flow)
    setattr(log, "after" if written else "before", fail_on("task.started", AppendUnknown("x", "lost")))
    assert (await engine.advancer.advance("x")).status is FlowStatus.COMPLETED
    assert log.types().count("task.started") == 1
    assert "task.interrupted" not in log.types()


async def test_recording_gives_up_in_the_end(engine: Engine, log: Log) -> None:
    """When the fate of every append is unknown, the last error is raised after a bounded number of tries."""
    await engine.create()
    tries: list[Append] = []

    def unknown(batch: Append) -> None:
        if not batch.claim:
            tries.append(batch)
            raise AppendUnknown("x", "lost")

    log.before = unknown
    with pytest.raises(AppendUnknown):
        await engine.advancer.advance("x")
    assert len(tries) == CONFLICT_RETRIES_MAX


async def test_a_replaced_owner_stops(engine: Engine, log: Log) -> None:
    """Another owner's claim while the task runs: LeaseLost, and nothing more of this one."""
    await engine.create()
    other = Engine(log, "w-2")

    def replace(batch: Append) -> None:
        if not batch.claim:
            log.before = lambda batch: None
            log.append_sync(Append(stream="x", expected_seq=0, at=AT, claim=True, worker="w-2"))

    log.before = replace
    with pytest.raises(LeaseLost):
        await engine.advancer.advance("x")
    assert log.types()[-1] == "task.started"
    assert (await other.advancer.advance("x")).interruptions == 1


async def test_a_machine_that_goes_elsewhere_than_the_fold_is_found_out(
    engine: Engine, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The live machine is driven along: where it parts from the table, nothing is recorded."""
    await engine.create()
    monkeypatch.setattr(FlowMachine, "fire", lambda self, cursor, trigger: "elsewhere")
    with pytest.raises(IllegalEvent, match="the machine goes to 'elsewhere'"):
        await engine.advancer.advance("x")
    assert log.types() == ["execution.created"]


async def test_a_living_owner_keeps_what_it_has(engine: Engine, log: Log) -> None:
    """What belongs to another worker that is alive is not claimed, and nothing is recorded."""
    await engine.create(start=True)
    await log.beat(worker_row("w-1"))
    before = len(log.facts)
    with pytest.raises(LeaseHeld):
        await Engine(log, "w-2").advancer.advance("x")
    assert len(log.facts) == before


async def test_a_drive_is_known_while_it_runs(engine: Engine, log: Log) -> None:
    """While an attempt runs it is known how far its driver has come; afterwards nothing is."""
    seen: list[tuple[int, int, bool]] = []

    def look() -> None:
        drive = engine.advancer.drives["x"]
        seen.append((drive.seq, drive.epoch, drive.is_busy))

    engine.advancer._tasks.register_task("a", look, replace=True)
    await engine.create()
    await engine.advancer.advance("x")
    assert seen == [(4, 1, False)]
    assert engine.advancer.drives == {}


TWO = {
    "id": "two",
    "name": "Two",
    "start_task": "a",
    "tasks": [{"name": "a"}, {"name": "b", "task_type": "a"}],
    "conditions": [{"source_task": "a", "target_task_success": "b"}],
}


async def test_one_that_drains_starts_nothing_more(engine: Engine, log: Log) -> None:
    """A result that comes while it drains is recorded with its transition, without the next start, and given up."""
    engine.advancer._tasks.register_task("a", lambda: setattr(engine.advancer, "draining", True), replace=True)
    await engine.create(TWO)
    state = await engine.advancer.advance("x")
    head = await log.head("x")
    assert head is not None
    assert (state.phase, state.node, head.worker) == (Phase.ENTERED, "b", "")
    assert log.types()[-2:] == ["task.completed", "transition.taken"]
    other = Engine(log, "w-2")
    assert (await other.advancer.advance("x")).status is FlowStatus.COMPLETED
    assert "task.interrupted" not in log.types()
