"""Replay of executions that really ran: any state, any step, every event in its place."""

from __future__ import annotations

import copy
import os
import random
from collections import Counter
from typing import Any

import msgspec
import pytest
from random_flows import HurriedClock, Script, random_flow

from flowsm import FlowManager, TaskContext, TaskFactory
from flowsm.definition.model import FlowConfig
from flowsm.events.facts import TransitionTaken
from flowsm.machine.decisions import draft
from flowsm.machine.state import ExecutionState
from flowsm.replay.decisions import decision_of
from flowsm.replay.difference import between, compare, json_patch, state_json
from flowsm.replay.explain import explain
from flowsm.replay.history import History
from flowsm.replay.timeline import timeline

EXECUTIONS = int(os.environ.get("FLOWSM_REPLAYED", "1000"))

Live = dict[str, dict[int, ExecutionState]]


class Runs:
    """Executions of random flows on one manager, and the states that the live engine came to."""

    def __init__(self) -> None:
        self.clock = HurriedClock()
        self.live: Live = {}
        self.scripts: dict[str, Script] = {}
        tasks = TaskFactory()
        tasks.register_task("scripted", self._play)
        self.manager = FlowManager(":memory:", tasks=tasks, clock=self.clock, durability="normal")

    async def _play(self, context: TaskContext, x: Any = None) -> Any:
        return await self.scripts[context.execution_id]._play(context, x)

    def spy(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Keep each state that a decision leads to, as the live engine has it."""
        real = draft.evolve

        def evolve(machine: Any, state: ExecutionState, fact: Any, at: str) -> ExecutionState:
            after = real(machine, state, fact, at)
            self.live.setdefault(after.stream, {})[after.seq] = after
            return after

        monkeypatch.setattr(draft, "evolve", evolve)

    async def run(self, seed: int) -> History:
        flow = random_flow(seed)
        execution_id = f"x{seed}"
        self.scripts[execution_id] = Script(seed, flow, self.clock)
        await self.manager.run(msgspec.convert(flow, FlowConfig), {"x": 1}, execution_id=execution_id)
        return await self.manager.replay(execution_id)


def patched(document: Any, patch: list[dict[str, Any]]) -> Any:
    """A JSON document after a JSON Patch of add, remove and replace (RFC 6902, section 4)."""
    root = {"": copy.deepcopy(document)}
    for change in patch:
        tokens = ["", *(token.replace("~1", "/").replace("~0", "~") for token in change["path"].split("/")[1:])]
        place: Any = root
        for token in tokens[:-1]:
            place = place[int(token) if isinstance(place, list) else token]
        key = int(tokens[-1]) if isinstance(place, list) else tokens[-1]
        if change["op"] == "remove":
            del place[key]
        elif isinstance(place, list) and change["op"] == "add":
            place.insert(key, change["value"])
        else:
            assert change["op"] == "add" or key in place or isinstance(place, list)
            place[key] = change["value"]
    return root[""]


def as_json(state: ExecutionState) -> Any:
    return msgspec.json.decode(msgspec.json.encode(state_json(state)))


def has_its_states(history: History, live: dict[int, ExecutionState], rng: random.Random) -> None:
    """Whichever way one gets to an event, the state is that which the live run had there."""
    assert set(live) == set(range(1, history.last + 1))
    for seq, state in live.items():
        assert history.state_at(seq) == state
    fresh = History(history.machine, history.events, history.stream)
    for seq in rng.choices(range(1, history.last + 1), k=10):
        assert fresh.state_at(seq) == live[seq]
    for step in fresh.steps():
        assert step.after == live[step.event.seq]


def changes_add_up(history: History, rng: random.Random) -> None:
    """The changes between any two states make the second of the first."""
    one, two = (history.state_at(rng.randint(0, history.last)) for _ in "ab")
    patch = msgspec.json.decode(msgspec.json.encode(json_patch(between(one, two))))
    assert patched(as_json(one), patch) == as_json(two)
    assert between(one, one) == []


def decisions_hold(history: History) -> None:
    """Each transition has the conditions up to the one that was taken, none of them met but that one."""
    for step in history.steps():
        decision = decision_of(history.machine, step)
        assert (decision is not None) == isinstance(step.event.fact, TransitionTaken)
        if decision is None or not decision.asked:
            continue
        assert [asked.met for asked in decision.asked[:-1]] == [False] * (len(decision.asked) - 1)
        assert decision.asked[-1].met == decision.met
        clauses = [clause for asked in decision.asked for clause in asked.clauses]
        assert tuple(clauses) == step.event.fact.operands
        if decision.met:
            assert all(clause.held for clause in decision.asked[-1].clauses)
            assert decision.asked[-1].target in {decision.target, "end", "end_success", "end_failure"}


async def fits_the_rows(manager: FlowManager, history: History) -> None:
    """Every event is in one entry; the attempts are those of the projection, which was derived in another way."""
    entries = timeline(history.steps())
    assert Counter(seq for entry in entries for seq in entry.seqs) == Counter(range(1, history.last + 1))
    assert "other" not in {entry.kind for entry in entries}
    rows = await manager.history(history.stream)
    found = [entry for entry in entries if entry.kind in {"attempt", "skipped"}]
    assert [(e.task, e.visit, e.attempt, e.status, e.outcome, e.duration_us) for e in found] == [
        (row.task, row.visit, row.attempt, row.status, row.outcome, row.duration_us) for row in rows
    ]


@pytest.mark.many
async def test_replay_is_what_was_live(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of random executions every state, change, entry and decision that replay tells is what really happened."""
    runs = Runs()
    runs.spy(monkeypatch)
    async with runs.manager as manager:
        before: History | None = None
        for seed in range(EXECUTIONS):
            rng = random.Random(f"replay {seed}")
            history = await runs.run(seed)
            live = runs.live.pop(history.stream)
            has_its_states(history, live, rng)
            changes_add_up(history, rng)
            decisions_hold(history)
            await fits_the_rows(manager, history)
            told = explain(history, rng.randint(0, history.last))
            assert told.headline
            if before is not None:
                beside = compare(before, history)
                assert (beside.parting is None) == (route(before) == route(history))
                assert compare(history, history).parting is None
            before = history


def route(history: History) -> list[tuple[str, str]]:
    """The transitions, read from the events alone."""
    facts = [event.fact for event in history.events]
    return [(fact.source, fact.target) for fact in facts if isinstance(fact, TransitionTaken)]
