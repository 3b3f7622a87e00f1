"""Random executions that are upgraded midway, again and again: replay is what was live, and the rows follow from it.

`FLOWSM_UPGRADED` says how many flows (100 by default).
"""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from crash_points import family, tables
from mutated_flows import mutated_flow
from outside import World
from random_flows import ALL_TASKS, VALUES, HurriedClock, Script, random_flow

from flowsm import FlowManager, TaskContext, TaskResult
from flowsm.definition.digest import canonical_json
from flowsm.definition.pointer import join_pointer
from flowsm.errors import OverrideRefused
from flowsm.events.facts import ExecutionUpgraded, Fact
from flowsm.log.port import Append, Appended
from flowsm.machine.decisions import draft
from flowsm.machine.state import ExecutionState
from flowsm.replay.explain import explain
from flowsm.replay.history import History
from flowsm.replay.recording import record
from flowsm.replay.rehearse import Stage
from flowsm.replay.testgen import generate_test
from flowsm.replay.timeline import timeline
from flowsm.replay.upgrade import Upgrade

FLOWS = int(os.environ.get("FLOWSM_UPGRADED", "100"))


class Spy:
    """The states that the live engine came to by the facts that it recorded, by stream and seq."""

    def __init__(self, manager: FlowManager, monkeypatch: pytest.MonkeyPatch) -> None:
        self.live: dict[str, dict[int, ExecutionState]] = {}
        self._decided: dict[int, tuple[Fact, ExecutionState]] = {}
        real, log = draft.evolve, manager._log
        append, append_sync = log.append, log.append_sync

        def evolve(machine: Any, state: ExecutionState, fact: Any, at: str) -> ExecutionState:
            after = real(machine, state, fact, at)
            self._decided[id(fact)] = fact, after
            return after

        async def appending(batch: Append) -> Appended:
            appended = await append(batch)
            self._recorded(batch)
            return appended

        def appending_sync(batch: Append) -> Appended:
            appended = append_sync(batch)
            self._recorded(batch)
            return appended

        monkeypatch.setattr(draft, "evolve", evolve)
        monkeypatch.setattr(log, "append", appending)
        monkeypatch.setattr(log, "append_sync", appending_sync)

    def _recorded(self, batch: Append) -> None:
        for number, fact in enumerate(batch.facts, batch.expected_seq + 1):
            kept, after = self._decided[id(fact)]
            assert kept is fact
            assert after.seq == number
            self.live.setdefault(batch.stream, {})[number] = after


class Upgrading(World):
    """A world that also upgrades executions to mutations of their flows: while their tasks run, and where they wait."""

    def __init__(self, seed: int, manager: FlowManager, script: Script, clock: HurriedClock) -> None:
        super().__init__(manager, script, clock, recovers=False)
        self.rng = random.Random(f"upgrades {seed}")
        self.kinds: Counter[str] = Counter()
        self._play = script._play
        script.tasks.register_task("scripted", self._played, replace=True)
        self._retry, manager.retry = manager.retry, self._redrive  # type: ignore[method-assign]

    async def _played(self, context: TaskContext, x: Any = None) -> TaskResult:
        if self.rng.random() < 0.4:
            await self.try_to_upgrade(context.execution_id)
        return await self._play(context, x)

    async def _look(self, execution_id: str) -> None:
        if self.rng.random() < 0.4:
            await self.try_to_upgrade(execution_id)
        await super()._look(execution_id)

    async def _redrive(self, execution_id: str, **said: Any) -> Any:
        """With other values in the place of recorded ones, if they can stand there."""
        state, _ = await self.manager._loader.load(execution_id)
        places = ["/input", "/input/x", *(join_pointer(("results", task, "data")) for task in state.results)]
        overrides = {place: self.rng.choice(VALUES) for place in self.rng.sample(places, 2)}
        try:
            found = await self._retry(execution_id, overrides=overrides, **said)
        except OverrideRefused:
            self.kinds["override refused"] += 1
            return await self._retry(execution_id, **said)
        self.kinds["overridden"] += 1
        return found

    async def try_to_upgrade(self, execution_id: str) -> None:
        if not await self.manager._queries.executions(limit=1):
            return
        machine = await self.manager.machine_of(execution_id)
        version = mutated_flow(f"{self.rng.random()}", {"conditions": []} | json.loads(canonical_json(machine.flow)))
        report = await self.manager.upgrade_in_bulk(version, execution_ids=[execution_id], actor="somebody")
        (found,) = report.executions
        self.kinds[_kind(found)] += 1


def _kind(found: Upgrade) -> str:
    if not found.safe:
        return "refused"
    return "the same" if found.seq is None else f"upgraded while {found.status}"


def replay_is_live(history: History, live: dict[int, ExecutionState], rng: random.Random) -> None:
    """Whichever way one gets to an event, the state is that which the live engine had there."""
    assert set(live) == set(range(1, history.last + 1))
    fresh = History(history._machine, history.events, history.stream)
    for seq in rng.choices(range(1, history.last + 1), k=5):
        assert fresh.state_at(seq) == live[seq]
    for step in fresh.steps():
        assert step.after == live[step.event.seq]
    for step in fresh.steps_back(history.last):
        assert step.after == live[step.event.seq]


def it_is_told(history: History) -> int:
    """Every upgrade is told as one; every event stands in one entry. Gives the number of upgrades."""
    entries = timeline(history.steps())
    assert Counter(seq for entry in entries for seq in entry.seqs) == Counter(range(1, history.last + 1))
    upgrades = [event.seq for event in history.events if isinstance(event.fact, ExecutionUpgraded)]
    told = [entry for entry in entries if entry.kind == "operator" and entry.text.startswith("upgraded from version ")]
    assert [entry.seqs for entry in told] == [[seq] for seq in upgrades]
    assert len(explain(history).upgrades) == len(upgrades) == history.state_at(history.last).upgrades
    assert generate_test(history).source
    return len(upgrades)


async def its_last_version_would_go_there_too(history: History) -> None:
    """What was upgraded is where the version that it has would have brought it from the beginning."""
    found = Stage(history.machine.flow).rehearse(record(history.stream, history.events))
    assert found.same, f"{history.stream}: {found}"


@pytest.mark.many
async def test_what_is_upgraded_midway_is_replayed_as_it_was_live(monkeypatch: pytest.MonkeyPatch) -> None:
    """Live states equal replayed ones at every event, live rows those of a rebuild, whatever was upgraded when."""
    kinds: Counter[str] = Counter()
    for seed in range(FLOWS):
        clock, flow = HurriedClock(), random_flow(f"upgraded {seed}", ALL_TASKS)
        script = Script(seed, flow, clock)
        with monkeypatch.context() as patching:
            async with FlowManager(":memory:", tasks=script.tasks, clock=clock, durability="normal") as manager:
                spy = Spy(manager, patching)
                world = Upgrading(seed, manager, script, clock)
                root = manager.create_flow_execution(flow, {"x": 1}, execution_id=f"x{seed}")
                await world.ends([root])
                rng = random.Random(seed)
                for name in await family(manager, root):
                    history = await manager.replay(name)
                    replay_is_live(history, spy.live[name], rng)
                    if it_is_told(history):
                        await its_last_version_would_go_there_too(history)
                kinds += world.kinds
                rows = await tables(manager)
                assert (await manager.verify()).ok
                assert (await manager.rebuild()).ok
                assert await tables(manager) == rows
    print(f"{FLOWS} flows: {dict(kinds)}")
    assert min(kinds["overridden"], kinds["override refused"]) > 0
    assert min(kinds[kind] for kind in ("refused", "upgraded while running", "upgraded while waiting")) > FLOWS / 20


async def test_an_upgraded_execution_goes_into_a_file_and_comes_back(tmp_path: Path) -> None:
    """An export holds all versions that its executions had: it verifies elsewhere, and folds to the same."""
    upgrades = 0
    for seed in range(max(10, FLOWS // 10)):
        clock, flow = HurriedClock(), random_flow(f"upgraded {seed}", ALL_TASKS)
        script = Script(seed, flow, clock)
        async with FlowManager(tmp_path / f"{seed}.db", tasks=script.tasks, clock=clock, durability="normal") as one:
            root = one.create_flow_execution(flow, {"x": 1}, execution_id=f"x{seed}")
            await Upgrading(seed, one, script, clock).ends([root])
            for number, name in enumerate(await family(one, root)):
                path = tmp_path / f"{seed}-{number}.flowrun"
                await one.export(name, path)
                async with FlowManager(":memory:", clock=clock) as other:
                    await other.import_archive(path)
                    assert (await other.verify(name)).ok
                    live, read = await one.replay(name), await other.replay(name)
                    assert read.state_at(read.last) == live.state_at(live.last)
                    assert canonical_json(list(read.steps())[-1].machine.flow) == canonical_json(live.machine.flow)
                    upgrades += read.state_at(read.last).upgrades
    assert upgrades > 0
