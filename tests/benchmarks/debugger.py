"""What it costs to look: the fold's rate from the file, and the time to open a stream and to jump to its middle.

    python tests/benchmarks/debugger.py [--stream 100000] [--log 1000000]

A log of so many events is written first: executions of `--stream` events each, which loop over two tasks, the first of
which is tried six times each time. Printed are, for the only stream of a log and then beside all the others:

- open: from the path to the first event shown (the manager, the head, one page);
- to the middle: from there to the state in the middle; nothing was folded before, and there is no snapshot;
- back: a step back from there, and a jump to where it was before;
- fold: events per second, read from the file, checked against the chain and folded, from the first to the last.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from flowsm import FlowManager, TaskFactory
from flowsm.definition.digest import canonical_digest, canonical_json
from flowsm.definition.load import load_flow
from flowsm.events.facts import (
    ErrorInfo,
    ExecutionCreated,
    ExecutionStarted,
    Fact,
    RetryScheduled,
    TaskCompleted,
    TaskStarted,
    TransitionTaken,
)
from flowsm.log.port import Append
from flowsm.log.sqlite import SqliteEventLog
from flowsm.machine.compile import FlowMachine, compile_flow
from flowsm.projections.tables import PROJECTION_MIGRATIONS, ROW_STATEMENTS
from flowsm.replay.debugger import Debugger

AT = "2026-01-31T12:00:00.000000Z"
BATCH = 1_000
TRIES = 6
FLOW = {
    "id": "bench",
    "name": "Bench",
    "start_task": "fetch",
    "max_transitions": 10_000,
    "tasks": [
        {"name": "fetch", "task_type": "fetch", "retry": {"max_attempts": TRIES, "initial_interval": 0}},
        {"name": "store", "task_type": "store"},
    ],
    "conditions": [
        {"name": "fetched", "source_task": "fetch", "target_task_success": "store"},
        {"name": "more", "source_task": "store", "target_task_success": "fetch"},
    ],
}
ERROR = ErrorInfo(type="OSError", message="not now", types=("OSError", "Exception"))


def facts_of(machine: FlowMachine, digest: str) -> Iterator[Fact]:
    """What an execution that never ends would record."""
    edges = {(edge.source, edge.target): edge for edge in machine.transitions if edge.met}
    yield ExecutionCreated(flow_id="bench", flow_name="Bench", digest=digest, input={"n": 1})
    yield ExecutionStarted(worker="w-bench")
    yield TransitionTaken(source="created", target="fetch", trigger=edges["created", "fetch"].trigger)
    visit = 0
    while True:
        visit += 1
        for task, tries, target in (("fetch", TRIES, "store"), ("store", 1, "fetch")):
            for attempt in range(1, tries):
                place = {"task": task, "visit": visit, "attempt": attempt}
                yield TaskStarted(**place, worker="w-bench")
                yield TaskCompleted(**place, status="failure", outcome="failure", duration_us=12, error=ERROR)
                yield RetryScheduled(task=task, visit=visit, attempt=attempt + 1, delay_seconds=0, due=AT)
            place = {"task": task, "visit": visit, "attempt": tries}
            yield TaskStarted(**place, worker="w-bench")
            yield TaskCompleted(**place, status="success", outcome="success", duration_us=12, data={"total": visit})
            edge = edges[task, target]
            yield TransitionTaken(
                source=task, target=target, trigger=edge.trigger, outcome="success", condition=edge.condition
            )


def write(path: Path, streams: int, length: int) -> None:
    """Streams of so many events each."""
    flow = load_flow(FLOW)
    canonical = canonical_json(flow)
    digest = canonical_digest(canonical)
    machine = compile_flow(flow)
    log = SqliteEventLog(path, durability="normal", row_statements=ROW_STATEMENTS, migrations=PROJECTION_MIGRATIONS)
    for number in range(streams):
        facts = islice(facts_of(machine, digest), length)
        seq = 0
        while batch := tuple(islice(facts, BATCH)):
            definition = (digest, canonical) if seq == 0 else None
            log.append_sync(Append(stream=f"x{number}", expected_seq=seq, at=AT, facts=batch, definition=definition))
            seq += len(batch)
    log.release()


async def look(path: Path, stream: str) -> dict[str, float]:
    """Seconds for each thing that is measured; `fold` is events per second."""
    took: dict[str, float] = {}

    def lap(name: str) -> None:
        nonlocal began
        took[name] = time.perf_counter() - began
        began = time.perf_counter()

    began = time.perf_counter()
    async with FlowManager(path, tasks=TaskFactory()) as manager:
        debugger = Debugger(await manager.browse(stream))
        debugger.step()
        lap("open")
        middle = debugger.history.last // 2
        debugger.goto(middle)
        lap("to the middle")
        debugger.reverse_step()
        assert debugger.state.seq == middle - 1
        debugger.goto(middle // 2)
        lap("back")
        fresh = await manager.browse(stream)
        began = time.perf_counter()
        assert fresh.state_at(fresh.last).seq == fresh.last
        took["fold"] = fresh.last / (time.perf_counter() - began)
    return took


def report(words: str, took: dict[str, float]) -> str:
    times = ", ".join(f"{name} {1000 * seconds:,.0f} ms" for name, seconds in took.items() if name != "fold")
    return f"{words}: {times}; fold {took['fold']:,.0f} events/s"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--stream", type=int, default=100_000)
    parser.add_argument("--log", type=int, default=1_000_000)
    options = parser.parse_args()
    streams = max(1, options.log // options.stream)
    with tempfile.TemporaryDirectory() as folder:
        for count in (1, streams):
            path = Path(folder) / f"{count}.db"
            write(path, count, options.stream)
            size = f"a stream of {options.stream:,} events in a log of {count * options.stream:,}"
            print(report(size, asyncio.run(look(path, f"x{count // 2}"))), flush=True)


if __name__ == "__main__":
    main()
