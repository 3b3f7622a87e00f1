"""The power goes at any moment: what the files may hold then is opened again, and holds every acknowledged event.

`FLOWSM_POWER_CASES` says how many cases are tried (50 by default), `FLOWSM_POWER_SEED` from which seed on; a seed that
ever failed is kept in `KEPT`. The calls of a process are recorded once per durability: its timing is its own each time,
so that a failure also names the file with the record.
"""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import syscalls
from fast_folder import fast_folder
from power_loss import acknowledged, after_power_loss, moments
from syscalls import Op, read_record

from flowsm import FlowManager, TaskFactory
from flowsm.errors import ExecutionNotFound

CASES = int(os.environ.get("FLOWSM_POWER_CASES", "50"))
SEED = int(os.environ.get("FLOWSM_POWER_SEED", "1"))
SHARDS = 2
KEPT = [18]
"""Seeds that failed once."""

FLOW = {
    "id": "loop",
    "name": "Loop",
    "start_task": "a",
    "tasks": [{"name": "a", "task_type": "turn"}, {"name": "b", "task_type": "turn"}],
    "conditions": [
        {"source_task": "a", "target_task_success": "b"},
        {"source_task": "b", "outcome": "again", "target_task_success": "a"},
    ],
}

PROGRAM = """
import asyncio, os, sys
from flowsm import FlowManager, TaskFactory, TaskResult, TaskStatus
from flowsm.storage import open

open._CHECKPOINT_PAGES = 40  # so that several checkpoints fall into a short run
path, durability = sys.argv[1:]
tasks = TaskFactory()
FLOW = %r

@tasks.task("turn")
async def turn(context):
    data = "x" * (100_000 if context.execution_id == "x3" else 10)
    return TaskResult(status=TaskStatus.SUCCESS, outcome="again" if context.visit < 3 else None, data=data)

def say(batch, appended):
    os.write(1, f"{batch.stream} {appended.seq} {appended.digest}\\n".encode())
    return appended

def told(manager):
    log = manager._log
    append, append_sync = log.append, log.append_sync

    async def tell(batch):
        return say(batch, await append(batch))

    log.append, log.append_sync = tell, lambda batch: say(batch, append_sync(batch))
    return manager

async def live(numbers, rebuilds):
    async with told(FlowManager(path, tasks=tasks, durability=durability)) as manager:
        handles = [await manager.start(FLOW, execution_id=f"x{n}") for n in numbers]
        for handle in handles:
            await handle
        last = manager.create_flow_execution(FLOW, execution_id=f"y{numbers[0]}")
        if rebuilds:
            await manager.rebuild()
        await manager.execute_flow(last)

asyncio.run(live([0, 1, 2, 3], True))
asyncio.run(live([4, 5, 6], False))
""" % (FLOW,)  # noqa: UP031 (the program is full of braces)


def record_of(durability: str, folder: Path) -> Path:
    """Run the program, and record its calls."""
    assert syscalls.is_supported(), "the power tests record system calls: they need Linux on x86-64 or ARM64"
    files, record = folder / "files", folder / "record"
    files.mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    command = [sys.executable, syscalls.__file__, record, files, sys.executable, "-c", PROGRAM, files / "flow.db"]
    done = subprocess.run(
        [*map(str, command), durability], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return record


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The record of a run that syncs every commit."""
    return record_of("full", tmp_path_factory.mktemp("full"))


@pytest.fixture(scope="module")
def normal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The record of a run that does not."""
    return record_of("normal", tmp_path_factory.mktemp("normal"))


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where the files are opened again."""
    with fast_folder() as folder:
        yield folder


TASKS = TaskFactory()
TASKS.register_task("turn", lambda: None)


async def reopened(path: Path, acks: list[list[str]]) -> list[str]:
    """Open what is found, see that it is whole and can be gone on with; gives the acknowledged events it lacks."""
    async with FlowManager(path, tasks=TASKS, durability="normal") as manager:
        lost = []
        for stream, seq, digest in acks:
            try:
                (event,) = await manager.events(stream, after=int(seq) - 1, limit=1)
            except (ExecutionNotFound, ValueError):
                lost.append(f"{stream} {seq}")
            else:
                assert event.digest == digest
        report = await manager.verify()
        assert report.ok, report.problems
        assert manager.create_flow_execution(FLOW, execution_id="later") == "later"
        return lost


def case(record: Path, ops: list[Op], seed: int, folder: Path) -> list[str]:
    """Lose the power at a moment by chance, and open what is left; gives what was acknowledged and is not there."""
    rng = random.Random(f"power {seed}")
    moment = rng.choice(moments(ops))
    here = folder / str(seed)
    here.mkdir()
    for name, content in after_power_loss(ops, moment, rng).items():
        (here / name).write_bytes(content)
    try:
        return asyncio.run(reopened(here / "flow.db", acknowledged(ops, moment)))
    except BaseException as error:
        error.add_note(f"seed {seed}, moment {moment} of {len(ops)}: FLOWSM_POWER_SEED={seed}, the record is {record}")
        raise
    finally:
        for file in here.iterdir():
            file.unlink()


@pytest.mark.parametrize("shard", range(SHARDS))
def test_what_was_acknowledged_survives_a_loss_of_power(shard: int, full: Path, folder: Path) -> None:
    """With durability `full`, whatever part of the unsynced writes is lost: the log is whole, and nothing is missing."""
    ops = read_record(full)
    seeds = [*KEPT[shard::SHARDS], *range(SEED + shard, SEED + CASES, SHARDS)]
    for seed in seeds:
        assert case(full, ops, seed, folder) == [], f"FLOWSM_POWER_SEED={seed}, the record is {full}"
    print(f"{len(seeds)} losses of power in {len(ops)} calls")


def test_without_syncs_something_is_lost(full: Path, normal: Path, folder: Path) -> None:
    """With durability `normal` the log is whole as well, but its end may be missing: so the model does take."""
    ops = read_record(normal)
    lost = [case(normal, ops, seed, folder) for seed in range(SEED, SEED + 40)]
    assert any(lost)
    syncs = [sum(op.kind == "fsync" for op in read_record(record)) for record in (normal, full)]
    assert 2 * syncs[0] < syncs[1]
