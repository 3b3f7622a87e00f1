"""The version that an execution ran takes the path that it took: with waits, people, sub-flows, cancellations, redrives.

`FLOWSM_REHEARSED` says how many random flows: a tenth of it (100 by default).
"""

from __future__ import annotations

import os
from collections import Counter

import pytest
from outside import World
from random_flows import ALL_TASKS, HurriedClock, Script, random_flow

from flowsm import FlowManager
from flowsm.machine.state import Phase
from flowsm.replay.recording import record
from flowsm.replay.rehearse import Stage
from flowsm.replay.upgrade import judge

FLOWS = int(os.environ.get("FLOWSM_REHEARSED", "1000")) // 10
BETWEEN = {Phase.NEW, Phase.AWAITED, Phase.DECIDED, Phase.ENDING}
"""In the midst of one append."""


async def every_moment_is_the_same(manager: FlowManager, execution_id: str, kinds: Counter[str]) -> None:
    """Wherever the execution was at any time, its own version would be there too, and could take it over."""
    history = await manager.replay(execution_id)
    stage = Stage(history.machine.flow)
    for seq in range(1, history.last + 1):
        state = history.state_at(seq)
        if state.phase in BETWEEN:
            continue
        recording = record(execution_id, history.events[:seq])
        found = stage.rehearse(recording)
        assert found.same, f"{execution_id} at {seq}: {found}"
        assert found.upto != "end" or found.end == found.status == state.status
        kinds[found.upto] += 1
        task = history.machine.tasks.get(state.node)
        verdict = judge(stage, recording, state, task)
        refusing = state.phase == Phase.ENDED or state.cancelling is not None or found.upto == "cut"
        assert verdict.safe == (not refusing), f"{execution_id} at {seq}: {verdict}"
        kinds["safe" if verdict.safe else "not safe"] += 1
    kinds["redrives"] += history.state_at(history.last).redrives


@pytest.mark.many
async def test_a_version_takes_the_path_that_it_took() -> None:
    """At every event of random executions, nothing of them differs from what their own version would do."""
    kinds: Counter[str] = Counter()
    for seed in range(FLOWS):
        clock, flow = HurriedClock(), random_flow(f"world {seed}", ALL_TASKS)
        script = Script(seed, flow, clock)
        async with FlowManager(":memory:", tasks=script.tasks, clock=clock, durability="normal") as manager:
            name = manager.create_flow_execution(flow, {"x": 1}, execution_id=f"x{seed}")
            await World(manager, script, clock, recovers=False).ends([name])
            for row in (await manager.executions()).items:
                await every_moment_is_the_same(manager, row.execution_id, kinds)
    print(f"{FLOWS} flows: {dict(kinds)}")
    assert min(kinds[kind] for kind in ("end", "present", "cut", "safe", "not safe", "redrives")) > 0
