"""What continuous recovery costs and how prompt it is, in one run.

- Executions taken up per second by a process that finds them after another one was killed, beside executions started
  per second: from the first to the last whose task runs. Before it come the lease's end and the first look.
- Memory of a worker with none and with many executions asleep in its file; how long they took to make, their bytes.
- How late the event loop is, asked every millisecond, beside 100 executions in flight of ten tasks each.
- The time from an operator's command in one process to what it stops in another; promised are 500 ms.

Nothing is asserted: the figures are of this machine, the ratios of flowsm.

Run: python tests/benchmarks/recovery.py [--executions 2000] [--sleeping 100000] [--seconds 5] [--commands 50]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from flowsm import FlowManager, TaskFactory
from flowsm.limits import WATCH_SECONDS

LEASE_SECONDS = 1.0
IN_FLIGHT = 100
TASKS = 10
BOUND_MS = 500
KIB = 1024
LONG_SECONDS = 86_400
AT_ONCE = 500
SETTLE_SECONDS = 1.0

HANG = {"id": "hang", "name": "Hang", "start_task": "hang", "tasks": [{"name": "hang"}], "conditions": []}
SLEEP = {
    "id": "sleep",
    "name": "Sleep",
    "start_task": "sleep",
    "tasks": [{"name": "sleep", "task_type": "wait", "parameters": {"seconds": LONG_SECONDS}}],
    "conditions": [],
}
LOAD = {
    "id": "load",
    "name": "Load",
    "start_task": "step 0",
    "tasks": [{"name": f"step {n}", "task_type": "trivial"} for n in range(TASKS)],
    "conditions": [{"source_task": f"step {n}", "target_task_success": f"step {n + 1}"} for n in range(TASKS - 1)],
}


class Hanging:
    """A task that hangs; `begun` has when each was begun, `stopped` when each was cancelled (machine-wide seconds)."""

    def __init__(self) -> None:
        self.begun: list[float] = []
        self.stopped: dict[str, float] = {}
        self.tasks = TaskFactory()
        self.tasks.register_task("hang", self.hang)
        self.tasks.register_task("trivial", lambda: None)

    async def hang(self, context) -> None:
        self.begun.append(time.monotonic())
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            self.stopped[context.execution_id] = time.monotonic()
            raise

    async def all_begun(self, count: int) -> None:
        await until(lambda: len(self.begun) >= count, WATCH_SECONDS / 10)

    @property
    def rate(self) -> float:
        """How many were begun per second, from the first to the last."""
        return (len(self.begun) - 1) / max(1e-9, self.begun[-1] - self.begun[0])


async def pause(seconds: float) -> None:
    """Let so much time pass."""
    await asyncio.wait({asyncio.get_running_loop().create_future()}, timeout=seconds)


async def until(condition: Callable[[], bool], seconds: float = WATCH_SECONDS) -> None:
    """Return some time after the condition holds."""
    holds = False
    while not holds:
        await pause(seconds)
        holds = condition()


def say(**values: Any) -> None:
    print(json.dumps(values), flush=True)


# -- what children do ----------------------------------------------------------------------


async def start_many(path: str, count: int) -> None:
    """Start executions that hang, tell how many per second, and hang until this process is killed."""
    hanging = Hanging()
    async with FlowManager(path, tasks=hanging.tasks, concurrency=count + 1, lease_seconds=LEASE_SECONDS) as manager:
        flow = manager.load_flow_config(HANG)
        for first in range(0, count, AT_ONCE):
            numbers = range(first, min(first + AT_ONCE, count))
            await asyncio.gather(*(manager.start(flow, execution_id=f"x{n}") for n in numbers))
        await hanging.all_begun(count)
        say(rate=hanging.rate)
        await asyncio.get_running_loop().create_future()


async def take_up(path: str, count: int) -> None:
    """Take up what is due, and tell how many per second, and when the first one was."""
    hanging = Hanging()
    opened = time.monotonic()
    manager = FlowManager(path, tasks=hanging.tasks, concurrency=count + 1, lease_seconds=LEASE_SECONDS, recover=True)
    async with manager:
        await hanging.all_begun(count)
        say(rate=hanging.rate, first=hanging.begun[0] - opened)


async def work(path: str, seconds: float) -> None:
    """Look for work for a while, and tell the memory and the share of a processor that this took."""
    hanging = Hanging()
    async with FlowManager(path, tasks=hanging.tasks, recover=True):
        await pause(SETTLE_SECONDS)
        began, used = time.monotonic(), time.process_time()
        await pause(seconds)
        share = (time.process_time() - used) / (time.monotonic() - began)
        say(kib=resident_kib(), share=share)


async def be_told(path: str, count: int) -> None:
    """Drive executions that hang, and tell when each is stopped."""
    hanging = Hanging()
    async with FlowManager(path, tasks=hanging.tasks, concurrency=count + 1) as manager:
        for number in range(count):
            await manager.start(HANG, execution_id=f"x{number}")
        await hanging.all_begun(count)
        say(ready=True)
        await until(lambda: len(hanging.stopped) >= count)
        say(**hanging.stopped)


CHILDREN: dict[str, Callable[[str, Any], Coroutine[Any, Any, None]]] = {
    "start": start_many,
    "take": take_up,
    "work": work,
    "told": be_told,
}


# -- what is measured ----------------------------------------------------------------------


def child(what: str, path: Path, number: float) -> subprocess.Popen[str]:
    command = [sys.executable, __file__, "--child", what, str(path), str(number)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def answer(process: subprocess.Popen[str]) -> dict[str, Any]:
    line = process.stdout.readline() if process.stdout is not None else ""
    if not line:
        raise RuntimeError("a child has died: see its error above")
    return json.loads(line)


def resident_kib() -> int:
    status = Path("/proc/self/status")
    if status.exists():
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmRSS"))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def recovery(folder: Path, count: int) -> None:
    path = folder / "recovery.db"
    first = child("start", path, count)
    started = answer(first)["rate"]
    first.kill()
    first.communicate()
    second = child("take", path, count)
    told = answer(second)
    second.communicate()
    print(f"executions started per second:   {started:8,.0f}   ({count:,} of them, durability full)")
    print(f"taken up per second after kill:  {told['rate']:8,.0f}   {told['rate'] / started:.2f} of that")
    print(f"first one taken up after:        {told['first'] * 1000:8,.0f} ms (lease {LEASE_SECONDS:g} s)")


def sleepers(folder: Path, count: int, seconds: float) -> None:
    path = folder / "asleep.db"
    without = answer(done := child("work", path, seconds))
    done.communicate()
    empty_bytes = path.stat().st_size

    async def make() -> float:
        async with FlowManager(path, durability="normal") as manager:
            flow = manager.load_flow_config(SLEEP)
            began = time.monotonic()
            for first in range(0, count, AT_ONCE):
                await asyncio.gather(*(manager.start(flow) for _ in range(first, min(first + AT_ONCE, count))))
            while (await manager.summary()).status_counts.get("waiting", 0) < count:
                await until(lambda: True)
            return time.monotonic() - began

    took = asyncio.run(make())
    size = path.stat().st_size - empty_bytes
    with_them = answer(done := child("work", path, seconds))
    done.communicate()
    more = with_them["kib"] - without["kib"]
    print(f"{count:,} waiting executions:  made in {took:.1f} s ({count / took:,.0f} a second), ", end="")
    print(f"{size / count:,.0f} bytes each in the file")
    print(
        f"memory of a worker: {without['kib'] / KIB:.1f} MiB with none, {with_them['kib'] / KIB:.1f} MiB with them: ",
        end="",
    )
    print(f"{more * KIB / count:,.1f} bytes each; idle it takes {with_them['share']:.1%} of a processor ", end="")
    print(f"({without['share']:.1%} with none)")


def lateness(folder: Path, seconds: float) -> None:
    late: list[float] = []

    async def tick() -> None:
        while True:
            due = time.perf_counter() + 0.001
            await pause(0.001)
            late.append((time.perf_counter() - due) * 1000)

    async def load() -> int:
        tasks = Hanging().tasks
        async with FlowManager(folder / "load.db", tasks=tasks, concurrency=IN_FLIGHT) as manager:
            flow = manager.load_flow_config(LOAD)
            await manager.run(flow)
            end = time.monotonic() + seconds
            ended = 0

            async def one_after_the_other() -> None:
                nonlocal ended
                while time.monotonic() < end:
                    await manager.run(flow)
                    ended += 1

            ticking = asyncio.ensure_future(tick())
            await asyncio.gather(*(one_after_the_other() for _ in range(IN_FLIGHT)))
            ticking.cancel()
            return ended

    ended = asyncio.run(load())
    late.sort()
    at = {name: late[min(len(late) - 1, int(len(late) * share))] for name, share in QUANTILES.items()}
    print(
        f"the loop's lateness beside {IN_FLIGHT} executions in flight ({ended * TASKS / seconds:,.0f} tasks a second): ",
        end="",
    )
    print(", ".join(f"{name} {ms:.1f} ms" for name, ms in at.items()), f"({len(late):,} looks)")


QUANTILES = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999, "max": 1.0}


def commands(folder: Path, count: int) -> None:
    path = folder / "told.db"
    worker = child("told", path, count)
    answer(worker)

    async def cancel_all() -> dict[str, float]:
        asked: dict[str, float] = {}
        async with FlowManager(path) as manager:
            for number in range(count):
                await pause(random.uniform(0, 2 * WATCH_SECONDS))  # at any moment between the owner's looks
                asked[f"x{number}"] = time.monotonic()
                await manager.cancel(f"x{number}")
        return asked

    asked = asyncio.run(cancel_all())
    stopped = answer(worker)
    worker.communicate()
    took = [(stopped[name] - asked[name]) * 1000 for name in asked]
    print(f"from a command to what it stops in another process: median {statistics.median(took):.0f} ms, ", end="")
    print(f"max {max(took):.0f} ms of {count} (promised {BOUND_MS} ms)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--executions", type=int, default=2_000)
    parser.add_argument("--sleeping", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--commands", type=int, default=50)
    parser.add_argument("--child", nargs=3, metavar=("WHAT", "PATH", "NUMBER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        what, path, number = options.child
        asyncio.run(CHILDREN[what](path, float(number) if what == "work" else int(float(number))))
        return
    with tempfile.TemporaryDirectory(prefix="flowsm-recovery-") as name:
        folder = Path(name)
        recovery(folder, options.executions)
        sleepers(folder, options.sleeping, options.seconds)
        lateness(folder, options.seconds)
        commands(folder, options.commands)


if __name__ == "__main__":
    main()
