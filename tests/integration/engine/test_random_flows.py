"""Random flows with scripted outcomes: the engine against an interpreter that shares no code with it.

`FLOWSM_RANDOM_FLOWS` says how many (1,000 by default); a fifth of them, 200 at the most, runs through the real manager.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st
from reference import reference

from flowsm import FlowManager
from flowsm.clock import timestamp
from flowsm.definition.load import check_flow
from flowsm.definition.model import FlowConfig
from flowsm.errors import IllegalEvent
from flowsm.events.codec import decode_fact, encode_fact
from flowsm.events.commands import Advance, Create, Driver, RecordResult, Resolve
from flowsm.events.facts import ErrorInfo, Fact, TransitionTaken
from flowsm.machine.compile import ABORT, FlowMachine, compile_flow
from flowsm.machine.decide import decide, step
from flowsm.machine.effect import Decide, Nothing, RunTask, Told, WaitUntil, next_effect
from flowsm.machine.evolve import evolve, fold
from flowsm.machine.state import ExecutionState, Phase, new_state
from flowsm.status import TaskStatus
from flowsm.tasks.factory import TaskFactory
from flowsm.tasks.result import TaskResult

FLOWS = int(os.environ.get("FLOWSM_RANDOM_FLOWS", "1000"))
RUNS = min(200, max(1, FLOWS // 5))
QUIET = settings(deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)

NAMES = ["a", "*", "=", "task b", "流れ-ü", "os.system"]
WORDS = ["success", "failure", "skipped", "approved", "to_x"]
TARGETS = ["end", "end_success", "end_failure"]
OPERATORS = ["eq", "ne", "lt", "le", "gt", "ge", "in", "not_in", "contains", "starts_with", "exists", "empty"]
VALUES = [None, True, False, 0, 1, 1.0, 2.5, "", "x", "xy", [], [1], ["x", 2.5], {}, {"x": 1}]
CLAUSES = [0, 0, 1, 2]


# -- random flows -------------------------------------------------------------------------------------


def pointer_to(name: str, rest: str) -> str:
    return f"/results/{name.replace('~', '~0').replace('/', '~1')}/{rest}"


@st.composite
def clauses(draw: st.DrawFn, names: list[str]) -> list[dict[str, Any]]:
    found = []
    for _ in range(draw(st.sampled_from(CLAUSES))):
        field = draw(st.sampled_from(["data", "data/x", "data/0", "status", "outcome", "error/type"]))
        paths = ["/input", "/input/x", pointer_to(draw(st.sampled_from(names)), field)]
        op = draw(st.sampled_from(OPERATORS))
        value = draw(st.sampled_from(VALUES))
        if op in {"in", "not_in"}:
            value = draw(st.lists(st.sampled_from(VALUES), max_size=3))
        elif op in {"exists", "empty"}:
            value = draw(st.booleans())
        elif op in {"lt", "le", "gt", "ge"}:
            value = draw(st.sampled_from([0, 1, 2.5, "x"]))
        elif op == "starts_with":
            value = draw(st.sampled_from(["", "x", "xy"]))
        found.append({"path": draw(st.sampled_from(paths)), "op": op, "value": value})
    return found


@st.composite
def flows(draw: st.DrawFn) -> dict[str, Any]:
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=5, unique=True))
    tasks: list[dict[str, Any]] = []
    for name in names:
        task: dict[str, Any] = {"name": name, "task_type": "scripted", "skip_when": draw(clauses(names))}
        if draw(st.booleans()):
            retry = {"max_attempts": draw(st.integers(1, 3)), "initial_interval": draw(st.sampled_from([0, 0.01]))}
            errors = draw(st.sampled_from([[], [], ["OSError"], ["TaskFailed"]]))
            task["retry"] = retry | {"non_retryable_errors": errors}
        tasks.append(task)
    conditions = []
    for name in names:
        for number in range(draw(st.sampled_from([2, 1, 3, 0]))):
            condition = {
                "name": f"{name}-{number}",
                "source_task": name,
                "outcome": draw(st.sampled_from(WORDS)),
                "target_task_success": draw(st.sampled_from(names * 3 + TARGETS)),
                "target_task_failure": draw(st.sampled_from(names * 3 + TARGETS)),
                "when": draw(clauses(names)),
            }
            conditions.append(condition)
    return {
        "id": "random",
        "name": "Random",
        "start_task": draw(st.sampled_from(names)),
        "tasks": tasks,
        "conditions": conditions,
        "max_transitions": draw(st.integers(1, 12)),
    }


@st.composite
def entries(draw: st.DrawFn) -> dict[str, Any]:
    status = draw(st.sampled_from(["success", "success", "failure", "skipped"]))
    contradiction = {"success": "failure", "failure": "success"}.get(status)
    words = [status, status, *(word for word in WORDS if word != contradiction)]
    return {"status": status, "outcome": draw(st.sampled_from(words)), "data": draw(st.sampled_from(VALUES))}


SCRIPTS = st.lists(entries(), min_size=1, max_size=12)
INPUTS = st.sampled_from([None, 1, "xy", {"x": 2.5}, [1]])


def machine_of(flow: dict[str, Any]) -> FlowMachine:
    """The machine of a document as it stands: lint would refuse those that loop for ever, the engine must bound them."""
    return compile_flow(msgspec.convert(flow, FlowConfig))


# -- the pure heart -----------------------------------------------------------------------------------


class Drive:
    """Drives the pure heart with scripted outcomes; `crashes` are the starts after which the owner is lost."""

    def __init__(self, machine: FlowMachine, script: list[dict[str, Any]], crashes: frozenset[int]) -> None:
        self.machine, self.script, self.crashes = machine, script, crashes
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.state = new_state("x")
        self.log: list[tuple[Fact, str]] = []
        self.results = self.starts = self.lost = 0

    def ask(self, command: Create | Advance | RecordResult | Resolve) -> None:
        """Decide twice, for it must come out the same; keep what a log would give back."""
        frozen = msgspec.json.encode(self.state)
        facts, after = step(self.machine, self.state, command, self.now)
        assert decide(self.machine, self.state, command, self.now) == facts
        assert msgspec.json.encode(self.state) == frozen
        for fact in facts:
            stored = decode_fact(fact.TYPE, fact.VERSION, encode_fact(fact))
            assert stored == fact
            self.log.append((stored, timestamp(self.now)))
        self.state = after
        self.now += timedelta(milliseconds=1)

    def run(self, value: Any) -> None:
        driver = Driver(worker="w")
        self.ask(Create(digest="d", input=value))
        while not isinstance(effect := next_effect(self.state), Nothing):
            if isinstance(effect, WaitUntil):
                self.ask(Advance(driver=driver))
                assert isinstance(next_effect(self.state), WaitUntil), "it goes on only when it is due"
                self.now = datetime.fromisoformat(effect.due)
            if isinstance(effect, Told):  # it was interrupted too often
                self.ask(Resolve(resolution="retry", actor="somebody"))
                continue
            if not isinstance(effect, RunTask):
                self.ask(Advance(driver=driver, chance=0.5))
                continue
            self.starts += 1
            if self.starts in self.crashes:
                self.lost += 1
                self.ask(Advance(driver=driver))
                continue
            entry = self.script[min(self.results, len(self.script) - 1)]
            self.results += 1
            error = ErrorInfo(type="TaskFailed", message="broken", types=("TaskFailed",))
            self.ask(
                RecordResult(
                    driver=driver,
                    task=effect.task,
                    visit=effect.visit,
                    attempt=effect.attempt,
                    error=error if entry["status"] == "failure" else None,
                    chance=0.5,
                    **entry,
                )
            )


def is_legal(machine: FlowMachine, state: ExecutionState) -> None:
    """What holds in every state that a log can lead to."""
    between = {Phase.INTERRUPTED, Phase.ASKING, Phase.AGAIN, Phase.BACKOFF}
    in_task = {Phase.ENTERED, Phase.RUNNING, Phase.DECIDED, *between}
    assert (state.node in machine.tasks) == (state.phase in in_task)
    assert state.current_task == (state.node if state.phase in in_task else None)
    assert sum(state.visits.values()) == len(state.path)
    assert set(state.results) <= set(state.visits) == set(state.path)
    expected = {
        Phase.RUNNING: RunTask,
        Phase.BACKOFF: WaitUntil,
        Phase.ASKING: Told,
        Phase.NEW: Nothing,
        Phase.ENDED: Nothing,
    }
    assert type(next_effect(state)) is expected.get(state.phase, Decide)
    assert (state.ended_at is not None) == (state.phase == Phase.ENDED)
    if state.phase in in_task:
        assert state.path[-1] == state.node
    if state.phase == Phase.DECIDED:
        assert list(state.results)[-1] == state.node


def fold_pairs(machine: FlowMachine, log: list[tuple[Fact, str]]) -> ExecutionState:
    state = new_state("x")
    for fact, at in log:
        state = evolve(machine, state, fact, at)
    return state


def aborts(fact: Fact) -> bool:
    """An abort is legal wherever no task runs, so that the machine alone does not notice what is missing before it."""
    return isinstance(fact, TransitionTaken) and fact.trigger == ABORT


@pytest.mark.many
@settings(QUIET, max_examples=FLOWS)
@given(
    flow=flows(), script=SCRIPTS, value=INPUTS, crashes=st.frozensets(st.integers(1, 10), max_size=3), data=st.data()
)
def test_the_route_is_that_of_the_reference(flow, script, value, crashes, data) -> None:
    """Decisions lead along the reference's route, and every prefix of their events folds to a legal state."""
    machine = machine_of(flow)
    drive = Drive(machine, script, crashes)
    drive.run(value)
    expected = reference(flow, script, value)
    state = drive.state
    event(f"{expected['status']}, {'several' if len(expected['path']) > 1 else 'one'} visited")
    assert list(state.path) == expected["path"]
    assert state.status == expected["status"]
    assert list(state.skipped) == expected["skipped"]
    assert (state.attempts, state.failures) == (expected["starts"] + drive.lost, expected["failures"])
    assert (state.transitions, state.interruptions) == (expected["transitions"], drive.lost)
    attempts = Counter(fact.task for fact, _ in drive.log if fact.TYPE == "task.completed")
    assert attempts == expected["attempts"]
    found = {name: (result.status, result.outcome, result.data) for name, result in state.results.items()}
    assert found == expected["results"]

    folded = thawed = new_state("x")
    cursor = machine.cursor()
    for seq, (fact, at) in enumerate(drive.log, 1):
        folded = evolve(machine, folded, fact, at)
        thawed = msgspec.json.decode(msgspec.json.encode(evolve(machine, thawed, fact, at)), type=ExecutionState)
        assert folded == thawed
        assert folded.seq == seq
        is_legal(machine, folded)
        step(machine, folded, Advance(driver=Driver(worker="other")), drive.now)
        if isinstance(fact, TransitionTaken):
            assert machine.fire(cursor, fact.trigger) == fact.target == folded.node
    assert folded == state

    lost = data.draw(
        st.sampled_from([hole for hole in range(len(drive.log) - 1) if not aborts(drive.log[hole + 1][0])])
    )
    with pytest.raises(IllegalEvent) as caught:
        fold_pairs(machine, [*drive.log[:lost], *drive.log[lost + 1 :]])
    assert caught.value.seq == lost + 1, "the machine and a log with a hole part at the hole"


# -- the whole engine ---------------------------------------------------------------------------------


async def rebuilt_is_live(manager: FlowManager) -> None:
    """Rows that were derived anew are the live ones, byte for byte, and the log verifies."""
    tables = ("executions", "attempts", "statistics")
    live = [await manager._log.query(f"SELECT * FROM {table}_{{g}} ORDER BY 1, 2, 3") for table in tables]
    assert (await manager.rebuild()).ok
    assert [await manager._log.query(f"SELECT * FROM {table}_{{g}} ORDER BY 1, 2, 3") for table in tables] == live
    assert (await manager.verify()).ok


@pytest.mark.many
def test_the_manager_takes_the_route_of_the_reference() -> None:
    """Through the public API, with real tasks, retries and SQLite: the same route; the log folds to the live state."""
    scripts: dict[str, list[dict[str, Any]]] = {}
    counts: Counter[str] = Counter()

    async def scripted(context) -> TaskResult:
        script = scripts[context.execution_id]
        entry = script[min(counts[context.execution_id], len(script) - 1)]
        counts[context.execution_id] += 1
        error = "broken" if entry["status"] == "failure" else None
        return TaskResult(**entry | {"status": TaskStatus(entry["status"])}, error=error)

    registry = TaskFactory()
    registry.register_task("scripted", scripted)
    manager = FlowManager(":memory:", tasks=registry, durability="normal")

    async def check(flow: dict[str, Any], script: list[dict[str, Any]], value: Any) -> None:
        execution_id = f"x{len(scripts)}"
        scripts[execution_id] = script
        config = msgspec.convert(flow, FlowConfig)
        result = await manager.run(config, value, execution_id=execution_id)
        expected = reference(flow, script, value)
        assert result.path == expected["path"]
        assert result.status == expected["status"]
        assert result.skipped_tasks == expected["skipped"]
        given_back = {name: (r.status, r.outcome, r.data) for name, r in result.task_results.items()}
        assert given_back == expected["results"]
        rows = await manager.history(execution_id)
        assert Counter(row.task for row in rows if row.attempt) == expected["attempts"]
        row = (await manager.executions(limit=1)).items[0]
        assert (row.execution_id, row.status, row.path) == (execution_id, result.status, result.path)
        assert (row.attempts, row.failures) == (expected["starts"], expected["failures"])
        live, machine = await manager._loader.load(execution_id)
        assert fold(machine, execution_id, await manager.events(execution_id)) == live

    with asyncio.Runner() as runner:

        @settings(QUIET, max_examples=RUNS)
        @given(flow=flows(), script=SCRIPTS, value=INPUTS)
        def agrees(flow, script, value) -> None:
            assume(check_flow(msgspec.convert(flow, FlowConfig)).flow is not None)
            runner.run(check(flow, script, value))

        agrees()
        runner.run(rebuilt_is_live(manager))
        runner.run(manager.close())
    assert len(scripts) >= RUNS
