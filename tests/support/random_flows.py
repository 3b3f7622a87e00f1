"""Random flows by seed, with outcomes that are scripted by task, visit and attempt.

A flow is put together by makers: `TASKS` gives a task its nature, `add_conditions` the ways on. Whatever a flow can
newly contain (a timer, a signal, a sub-flow) is another maker in `TASKS`, and, where its task has code, another play
of `Script`.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from flowsm import TaskContext, TaskFactory, TaskResult, TaskStatus
from flowsm.definition.load import check_flow
from flowsm.definition.model import FlowConfig
from flowsm.testing.clock import ManualClock

__all__ = ["TASKS", "HurriedClock", "Script", "random_flow"]

Document = dict[str, Any]
NAMES = ["a", "*", "=", "task b", "流れ-ü", "os.system"]
WORDS = ["success", "failure", "skipped", "approved", "to_x"]
TARGETS = ["end", "end_success", "end_failure"]
VALUES: list[Any] = [None, True, 0, 1, 2.5, "", "x", [], [1], {}, {"x": 1}]
RETRY_SECONDS = 2.0
"""No retry waits longer, no timeout is shorter: a hurried clock tells the two apart by it."""
LARGE = "large " * 12_000


class HurriedClock(ManualClock):
    """Time passes at once for whoever waits for a retry; timeouts wait until a task hangs."""

    async def sleep(self, seconds: float) -> None:
        """Move the clock on, where it is a retry's delay."""
        if 0 < seconds <= RETRY_SECONDS:
            self.advance(seconds)
            seconds = 0
        await super().sleep(seconds)


# -- flows --------------------------------------------------------------------------------------------


def plain(rng: random.Random, task: Document) -> None:
    """A task that is tried once."""


def retried(rng: random.Random, task: Document) -> None:
    """A task that is tried up to three times."""
    task["retry"] = {
        "max_attempts": rng.randint(2, 3),
        "initial_interval": rng.choice([0, 0.01, 1]),
        "max_interval": RETRY_SECONDS / 2,
        "non_retryable_errors": rng.choice([[], [], ["OSError"], ["TaskFailed"]]),
    }


def timed(rng: random.Random, task: Document) -> None:
    """A task that may hang, until its time is over."""
    task["timeout"] = rng.choice([10, 60])
    if rng.random() < 0.5:
        retried(rng, task)


TASKS: list[Callable[[random.Random, Document], None]] = [plain, plain, retried, timed]


def random_clauses(rng: random.Random, names: list[str]) -> list[Document]:
    """Up to two clauses; half of the time none."""
    found = []
    for _ in range(rng.choice([0, 0, 1, 2])):
        field = rng.choice(["data", "data/x", "status", "outcome", "error/type"])
        path = rng.choice(["/input", "/input/x", f"/results/{rng.choice(names)}/{field}"])
        op = rng.choice(["eq", "ne", "exists", "empty"])
        value = rng.random() < 0.5 if op in {"exists", "empty"} else rng.choice(VALUES)
        found.append({"path": path, "op": op, "value": value})
    return found


def add_conditions(rng: random.Random, flow: Document, names: list[str]) -> None:
    """The ways out of each task: to other tasks, back to earlier ones, to an end."""
    for name in names:
        for number in range(rng.choice([2, 1, 3, 0])):
            condition = {
                "name": f"{name}-{number}",
                "source_task": name,
                "outcome": rng.choice(WORDS),
                "target_task_success": rng.choice(names * 3 + TARGETS),
                "target_task_failure": rng.choice(names * 3 + TARGETS),
                "when": random_clauses(rng, names),
            }
            flow["conditions"].append(condition)


def random_flow(seed: int | str) -> Document:
    """A flow without errors, always the same for one seed."""
    rng = random.Random(f"flow {seed}")
    while True:
        names = rng.sample(NAMES, rng.randint(1, 5))
        flow: Document = {
            "id": "random",
            "name": f"Random {seed}",
            "start_task": rng.choice(names),
            "tasks": [],
            "conditions": [],
            "max_transitions": rng.randint(2, 12),
        }
        for name in names:
            task = {"name": name, "task_type": "scripted", "skip_when": random_clauses(rng, names)}
            rng.choice(TASKS)(rng, task)
            if rng.random() < 0.3:
                task["parameters"] = {"x": {"$from": f"/results/{rng.choice(names)}/data", "default": 0}}
            flow["tasks"].append(task)
        add_conditions(rng, flow, names)
        if check_flow(msgspec.convert(flow, FlowConfig)).flow is not None:
            return flow


# -- what their tasks do ------------------------------------------------------------------------------

Key = tuple[str, str, int, int]
"""An attempt: execution, task, visit, attempt."""


@dataclass(frozen=True)
class Entry:
    """What one attempt comes to."""

    status: str
    outcome: str
    data: Any
    hangs: bool = False
    raises: bool = False


class Script:
    """What the attempts of a flow's tasks come to, by execution, task, visit and attempt; `calls` keeps who ran.

    Executions whose ids begin alike, up to the first dot, go alike. `tasks` is the registry with the code.
    """

    def __init__(self, seed: int | str, flow: Document, clock: ManualClock) -> None:
        self.seed = seed
        self.clock = clock
        self.calls: list[Key] = []
        self.timeouts = {task["name"]: task["timeout"] for task in flow["tasks"] if "timeout" in task}
        self.tasks = TaskFactory()
        self.tasks.register_task("scripted", self._play)

    def entry(self, key: Key) -> Entry:
        """What this attempt comes to."""
        execution, task, visit, attempt = key
        rng = random.Random(f"script {self.seed} {execution.partition('.')[0]} {task} {visit} {attempt}")
        status = rng.choice(["success", "success", "failure", "skipped"])
        contradiction = {"success": "failure", "failure": "success"}.get(status)
        words = [status, status, *(word for word in WORDS if word != contradiction)]
        data = LARGE if rng.random() < 0.01 else rng.choice(VALUES)
        hangs = task in self.timeouts and rng.random() < 0.3
        return Entry(status, rng.choice(words), data, hangs, raises=status == "failure" and rng.random() < 0.3)

    async def _play(self, context: TaskContext, x: Any = None) -> TaskResult:
        key = (context.execution_id, context.task_name, context.visit, context.attempt)
        self.calls.append(key)
        entry = self.entry(key)
        await asyncio.sleep(0)
        if entry.hangs:
            self.clock.advance(self.timeouts[context.task_name])
            await asyncio.Event().wait()
        if entry.raises:
            raise OSError("the disk of the outside world")
        error = "broken" if entry.status == "failure" else None
        return TaskResult(status=TaskStatus(entry.status), outcome=entry.outcome, data=entry.data, error=error)
