"""How many recorded histories per second go through another version of their flow, and through a count of its ways.

    python tests/benchmarks/rehearse.py [--histories N]

The histories are of a flow of five tasks with conditions on recorded values (19 events each), made by the engine on a
file. Printed are histories and events per second of `whatif` and `coverage`, reading and checking included, of the
rehearsal alone, and by how much the process grew meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from flowsm import FlowManager, TaskContext, TaskFactory
from flowsm.definition.load import load_flow
from flowsm.replay.recording import record
from flowsm.replay.rehearse import Stage

KIB_PER_MIB = 1024
AT_ONCE = 50
NAMES = ["fetch", "check", "enrich", "store", "report"]


def flow_of(limit: int) -> dict[str, Any]:
    conditions = []
    for name, following in zip(NAMES, [*NAMES[1:], "end"], strict=True):
        clause = {"path": f"/results/{name}/data/total", "op": "lt", "value": limit}
        conditions.append(
            {"name": f"{name} fits", "source_task": name, "target_task_success": following, "when": [clause]}
        )
    tasks = [{"name": name, "task_type": "count"} for name in NAMES]
    return {"id": "bench", "name": "Bench", "start_task": NAMES[0], "tasks": tasks, "conditions": conditions}


async def prepare(manager: FlowManager, histories: int) -> None:
    flow = load_flow(flow_of(1_000))
    for first in range(0, histories, AT_ONCE):
        count = min(AT_ONCE, histories - first)
        await asyncio.gather(*[manager.run(flow, {"n": first + number}) for number in range(count)])


def told(what: str, seconds: float, histories: int, events: int) -> None:
    print(f"{what:24} {histories / seconds:8,.0f} histories/s {events / seconds:10,.0f} events/s")


async def measure(path: Path, histories: int) -> None:
    tasks = TaskFactory()

    @tasks.task("count")
    async def count(context: TaskContext) -> dict[str, int]:
        return {"total": context.input["n"] % 1_000}

    async with FlowManager(path, tasks=tasks, durability="normal") as manager:
        await prepare(manager, histories)
        page = await manager.executions(limit=AT_ONCE)
        samples = [await manager.events(row.execution_id) for row in page.items]
        events = histories * sum(map(len, samples)) // len(samples)
        begun, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        report = await manager.whatif(flow_of(500))
        told("whatif", time.perf_counter() - begun, histories, events)
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / KIB_PER_MIB
        print(f"{report.same} take the same path, {report.changed} do not; the process grew by {grown:.1f} MiB")
        begun = time.perf_counter()
        await manager.coverage()
        told("coverage", time.perf_counter() - begun, histories, events)
    stage = Stage(load_flow(flow_of(500)))
    begun = time.perf_counter()
    for sample in samples:
        stage.rehearse(record(sample[0].stream, sample))
    told("rehearsal alone", time.perf_counter() - begun, len(samples), sum(map(len, samples)))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--histories", type=int, default=10_000)
    histories = parser.parse_args().histories
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(Path(folder) / "flowsm.db", histories))


if __name__ == "__main__":
    main()
