"""Rehearsals of random histories with a changed flow, side by side with a real run of that flow.

`FLOWSM_REHEARSED` says how many histories (1,000 by default).
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec
import pytest
from mutated_flows import mutated_flow
from random_flows import HurriedClock, Script, random_flow

from flowsm import FlowManager, TaskContext, TaskFactory
from flowsm.definition.model import FlowConfig
from flowsm.errors import LogBroken
from flowsm.events.envelope import Recorded
from flowsm.replay.rehearse import Rehearsal

HISTORIES = int(os.environ.get("FLOWSM_REHEARSED", "1000"))
PER_FLOW = 5

Attempt = tuple[str, int, int]


class Verdict(NamedTuple):
    """What a change means for one history: after so many turns in common another one, a lack, an end."""

    common: int | None
    turns: tuple[Any, Any] | None
    need: Attempt | None
    end: str | None


class Runs:
    """Executions of random flows on one manager; the outcome of an attempt depends on its execution, up to a dot."""

    def __init__(self) -> None:
        self.clock = HurriedClock()
        self.scripts: dict[str, Script] = {}
        tasks = TaskFactory()
        tasks.register_task("scripted", self._play)
        self.manager = FlowManager(":memory:", tasks=tasks, clock=self.clock, durability="normal")

    async def _play(self, context: TaskContext, x: Any = None) -> Any:
        return await self.scripts[context.execution_id]._play(context, x)

    async def run(self, execution_id: str, flow: dict[str, Any], script: Script) -> list[Recorded]:
        self.scripts[execution_id] = script
        await self.manager.run(msgspec.convert(flow, FlowConfig), {"x": 1}, execution_id=execution_id)
        del self.scripts[execution_id]
        return await self.manager.events(execution_id)


def turns_of(events: Iterable[Recorded], known: set[Attempt] | None = None) -> tuple[list[Any], Attempt | None]:
    """The turns of a real run, up to the first attempt whose outcome is not among the known; and that attempt."""
    turns: list[Any] = []
    for event in events:
        fact: Any = event.fact
        if event.type == "transition.taken":
            turns.append((fact.source, fact.target, fact.trigger == "abort"))
        elif event.type == "task.skipped":
            turns.append((fact.task, "skipped"))
        elif event.type == "task.started":
            attempt = fact.task, fact.visit, fact.attempt
            if fact.attempt == 1:
                turns.append((fact.task, "runs"))
            if known is not None and attempt not in known and not is_unresolved(events, event.seq):
                return turns, attempt
    return turns, None


def is_unresolved(events: Iterable[Recorded], seq: int) -> bool:
    """Whether the attempt that this event began failed at once, for its parameters refer to nothing."""
    after: Any = next(event.fact for event in events if event.seq == seq + 1)
    error = getattr(after, "error", None)
    return error is not None and error.type == "UnresolvedReference"


def brute_force(before: list[Recorded], after: list[Recorded], calls: set[Attempt]) -> Verdict:
    """The verdict by two real runs: the recorded, and one of the changed flow."""
    old, _ = turns_of(before)
    new, need = turns_of(after, calls)
    common = next((place for place, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), None)
    turns = None if common is None else (old[common], new[common])
    return Verdict(common, turns, need, None if need else after[-1].type.partition(".")[2])


def plain_turn(turn: Any) -> Any:
    if turn.kind in {"runs", "skips"}:
        return (turn.source, {"runs": "runs", "skips": "skipped"}[turn.kind])
    return (turn.source, turn.target, turn.kind == "aborts")


def told(found: Rehearsal) -> Verdict:
    """The verdict of a rehearsal."""
    parted, need = found.parted, found.need
    return Verdict(
        parted.common if parted else None,
        (plain_turn(parted.recorded), plain_turn(parted.rehearsed)) if parted else None,
        (need.task, need.visit, need.attempt) if need else None,
        found.end,
    )


@pytest.mark.many
async def test_a_rehearsal_tells_what_a_real_run_would_do() -> None:
    """For random flows, changed at random, each history's rehearsal is what a run with the same outcomes comes to."""
    runs = Runs()
    kinds: Counter[str] = Counter()
    async with runs.manager as manager:
        for seed in range(-(-HISTORIES // PER_FLOW)):
            original = random_flow(seed) | {"id": f"flow{seed}"}
            versions = [original, mutated_flow(seed, original)]
            flow, changed = versions if seed % 2 else reversed(versions)
            expected: dict[str, Verdict] = {}
            for number in range(PER_FLOW):
                name = f"x{seed}-{number}"
                script = Script(seed, original, runs.clock)
                before = await runs.run(name, flow, script)
                calls = {call[1:] for call in script.calls}
                after = await runs.run(
                    f"{name}.changed", changed | {"id": "changed"}, Script(seed, original, runs.clock)
                )
                expected[name] = brute_force(before, after, calls)
            found = {one.execution_id: one async for one in rehearsals(manager, changed)}
            assert {name: told(one) for name, one in found.items()} == expected, f"seed {seed}"
            for one in found.values():
                kinds["same" if one.same else "changed"] += 1
                kinds["parted"] += one.parted is not None
                kinds["needs"] += one.need is not None
                kinds["needs only"] += one.need is not None and one.parted is None
                kinds["ends differently"] += one.ends_differently
            report = await manager.whatif(msgspec.convert(changed, FlowConfig))
            assert (report.histories, report.same) == (PER_FLOW, sum(one.same for one in found.values()))
            assert report.changed == sum(group.count for group in report.parting) + sum(
                one.parted is None and not one.same for one in found.values()
            )
    print(f"{HISTORIES} histories: {dict(kinds)}")
    assert min(kinds[kind] for kind in ("same", "parted", "needs", "needs only", "ends differently")) > 0


async def rehearsals(manager: FlowManager, flow: dict[str, Any]) -> Any:
    async for one in manager.rehearse(msgspec.convert(flow, FlowConfig)):
        assert not isinstance(one, LogBroken)
        yield one
