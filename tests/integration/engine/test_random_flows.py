"""Random flows with scripted outcomes: the engine against an interpreter that shares no code with it.

`FLOWSM_RANDOM_FLOWS` says how many (1,000 by default); a fifth of them, 200 at the most, runs through the real manager.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from flowsm import FlowManager
from flowsm.clock import timestamp
from flowsm.definition.model import FlowConfig
from flowsm.errors import IllegalEvent
from flowsm.events.codec import decode_fact, encode_fact
from flowsm.events.commands import Advance, Create, Driver, RecordResult
from flowsm.events.facts import ErrorInfo, Fact, TransitionTaken
from flowsm.machine.compile import FlowMachine, compile_flow
from flowsm.machine.decide import decide, step
from flowsm.machine.effect import Decide, Nothing, RunTask, WaitUntil, next_effect
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


# -- the reference: the routing of design.md, over the JSON document ----------------------------------


def ref_value(scope: Any, pointer: str) -> tuple[bool, Any]:
    for token in pointer.split("/")[1:]:
        word = token.replace("~1", "/").replace("~0", "~")
        if isinstance(scope, dict) and word in scope:
            scope = scope[word]
        elif isinstance(scope, list) and word.isdigit() and int(word) < len(scope):
            scope = scope[int(word)]
        else:
            return False, None
    return True, scope


def ref_same(one: Any, other: Any) -> bool:
    """Equality of JSON: the texts are the same once numbers are written in one way."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items()}
        if isinstance(value, list):
            return [plain(item) for item in value]
        return value if isinstance(value, bool) or not isinstance(value, int | float) else float(value)

    return json.dumps(plain(one), sort_keys=True) == json.dumps(plain(other), sort_keys=True)


def ref_holds(clause: dict[str, Any], scope: Any) -> bool:
    there, seen = ref_value(scope, clause["path"])
    op, wanted = clause["op"], clause.get("value")
    if op == "exists":
        return there == (wanted is not False)
    if op == "empty":
        return (not there or json.dumps(seen) in {"null", '""', "[]", "{}"}) == (wanted is not False)
    if op in {"ne", "not_in"}:
        positive = {"ne": "eq", "not_in": "in"}[op]
        return not (there and ref_compare(positive, seen, wanted))
    return there and ref_compare(op, seen, wanted)


def ref_compare(op: str, seen: Any, wanted: Any) -> bool:
    if op == "eq":
        return ref_same(seen, wanted)
    if op == "in":
        return any(ref_same(seen, item) for item in wanted)
    if op == "contains":
        if isinstance(seen, list):
            return any(ref_same(item, wanted) for item in seen)
        return isinstance(seen, str | dict) and isinstance(wanted, str) and wanted in seen
    if op == "starts_with":
        return isinstance(seen, str) and isinstance(wanted, str) and seen[: len(wanted)] == wanted
    numbers = [isinstance(value, int | float) and not isinstance(value, bool) for value in (seen, wanted)]
    if not all(numbers) and not (isinstance(seen, str) and isinstance(wanted, str)):
        return False
    return {"lt": seen < wanted, "le": seen <= wanted, "gt": seen > wanted, "ge": seen >= wanted}[op]


def reference(flow: dict[str, Any], script: list[dict[str, Any]], value: Any) -> dict[str, Any]:
    """The route of a flow whose n-th attempt comes to the n-th entry of the script (the last one again and again)."""
    tasks = {task["name"]: task for task in flow["tasks"]}
    results: dict[str, Any] = {}
    path, attempts, transitions, starts, failures, here = [], Counter(), 0, 0, 0, flow["start_task"]
    while True:
        path.append(here)
        task, scope = tasks[here], {"input": value, "results": results}
        skip = task.get("skip_when", [])
        if skip and all(ref_holds(clause, scope) for clause in skip):
            results[here] = {"status": "skipped", "outcome": "skipped", "message": None, "data": None, "error": None}
        else:
            for _ in range(task.get("retry", {}).get("max_attempts", 1)):
                attempts[here] += 1
                given = script[min(starts, len(script) - 1)]
                starts += 1
                failed = given["status"] == "failure"
                error = {"type": "TaskFailed", "message": "broken"} if failed else None
                results[here] = {"message": None, "error": error} | given
                failures += failed
                if not failed or "TaskFailed" in task.get("retry", {}).get("non_retryable_errors", []):
                    break
        ended = results[here]
        status = None
        if transitions >= flow["max_transitions"]:
            status = "failed"
        else:
            transitions += 1
            asked = [condition for condition in flow["conditions"] if condition["source_task"] == here]
            target = asked[-1].get("target_task_failure", "end") if asked else "end"
            for condition in asked:
                met = condition.get("outcome", "success") == ended["outcome"]
                if met and all(ref_holds(clause, scope) for clause in condition.get("when", [])):
                    target = condition["target_task_success"]
                    break
            if target in tasks:
                here = target
                continue
            fails = target == "end_failure" or (target == "end" and ended["status"] == "failure")
            status = "failed" if fails else "completed"
        never = [name for name in tasks if name not in path]
        return {
            "path": path,
            "status": status,
            "skipped": never,
            "attempts": dict(attempts),
            "starts": starts,
            "failures": failures,
            "transitions": transitions,
            "results": {
                name: (result["status"], result["outcome"], result["data"]) for name, result in results.items()
            },
        }


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

    def ask(self, command: Create | Advance | RecordResult) -> None:
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
    in_task = {Phase.ENTERED, Phase.RUNNING, Phase.INTERRUPTED, Phase.DECIDED, Phase.BACKOFF}
    assert (state.node in machine.tasks) == (state.phase in in_task)
    assert state.current_task == (state.node if state.phase in in_task else None)
    assert sum(state.visits.values()) == len(state.path)
    assert set(state.results) <= set(state.visits) == set(state.path)
    expected = {Phase.RUNNING: RunTask, Phase.BACKOFF: WaitUntil, Phase.NEW: Nothing, Phase.ENDED: Nothing}
    assert type(next_effect(state)) is expected.get(state.phase, Decide)
    assert (state.ended_at is not None) == (state.phase is Phase.ENDED)
    if state.phase in in_task:
        assert state.path[-1] == state.node
    if state.phase is Phase.DECIDED:
        assert list(state.results)[-1] == state.node


def fold_pairs(machine: FlowMachine, log: list[tuple[Fact, str]]) -> ExecutionState:
    state = new_state("x")
    for fact, at in log:
        state = evolve(machine, state, fact, at)
    return state


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

    lost = data.draw(st.integers(0, len(drive.log) - 2))
    with pytest.raises(IllegalEvent) as caught:
        fold_pairs(machine, [*drive.log[:lost], *drive.log[lost + 1 :]])
    assert caught.value.seq == lost + 1, "the machine and a log with a hole part at the hole"


# -- the whole engine ---------------------------------------------------------------------------------


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
            runner.run(check(flow, script, value))

        agrees()
        runner.run(manager.close())
    assert len(scripts) >= RUNS
