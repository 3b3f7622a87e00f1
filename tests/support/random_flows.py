"""Random flows by seed, with outcomes that are scripted by task, visit and attempt.

A flow is put together by makers: `TASKS` and `ALL_TASKS` give a task its nature, `add_conditions` the ways on. Whatever a
flow can newly contain is another maker in `ALL_TASKS`, and, where its task has code, another play of `Script`; what other
systems and people do to it (`outside.py`) is scripted here too.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import msgspec

from flowsm import TaskContext, TaskFactory, TaskResult, TaskStatus
from flowsm.definition.load import check_flow
from flowsm.definition.model import FlowConfig
from flowsm.tasks.base import BaseTask
from flowsm.testing.clock import ManualClock

__all__ = [
    "ALL_TASKS",
    "HURRIED_SECONDS",
    "TASKS",
    "Early",
    "HurriedClock",
    "Key",
    "Plan",
    "Script",
    "plain_id",
    "random_flow",
]

Document = dict[str, Any]
NAMES = ["a", "*", "=", "task b", "流れ-ü", "os.system"]
WORDS = ["success", "failure", "skipped", "approved", "to_x"]
TARGETS = ["end", "end_success", "end_failure"]
VALUES: list[Any] = [None, True, 0, 1, 2.5, "", "x", [], [1], {}, {"x": 1}]
SIGNALS = ["go", "task b"]
HURRIED_SECONDS = 2.0
"""No retry waits longer, no task's timeout is shorter: a hurried clock tells the two apart by it."""
FAR_SECONDS = 10_000_000
"""Longer than all lives of a trial together."""
LARGE = "large " * 12_000
_DIGEST = re.compile("[0-9a-f]{16}")


class HurriedClock(ManualClock):
    """Time passes at once for whoever waits not for long; tasks' timeouts wait until a task hangs."""

    async def sleep(self, seconds: float) -> None:
        """Move the clock on, where it is a retry's delay, or a short wait."""
        if 0 < seconds <= HURRIED_SECONDS:
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
        "max_interval": HURRIED_SECONDS / 2,
        "non_retryable_errors": rng.choice([[], [], ["OSError"], ["TaskFailed"]]),
    }


def timed(rng: random.Random, task: Document) -> None:
    """A task that may hang, until its time is over."""
    task["timeout"] = rng.choice([10, 60])
    if rng.random() < 0.5:
        retried(rng, task)


def unknown(rng: random.Random, task: Document) -> None:
    """A task whose interruptions are looked into: by a person, or by its own probe."""
    task["on_interrupt"] = rng.choice(["ask", "probe"])
    task["task_type"] = "probed"


def waits(rng: random.Random, task: Document) -> None:
    """A timer: over at once, soon, later, or too late for its timeout."""
    moments = ["2026-01-31T12:00:00Z", "2026-01-31T14:00:03+02:00", "2026-02-01T12:00:00Z"]
    task["task_type"] = "wait"
    if rng.random() < 0.3:
        task["parameters"] = {"until": rng.choice(moments)}
        return
    task["parameters"] = {"seconds": rng.choice([0, 0.5, HURRIED_SECONDS, 7200])}
    if rng.random() < 0.2:
        task["timeout"] = rng.choice([1, 3600])


def signalled(rng: random.Random, task: Document) -> None:
    """A wait for a signal, which may have come before, may come, or come never."""
    task["task_type"] = "wait_for_signal"
    parameters: Document = {}
    if rng.random() < 0.6:
        parameters["name"] = rng.choice(SIGNALS)
    if rng.random() < 0.5:
        parameters["timeout"] = rng.choice([1, HURRIED_SECONDS, FAR_SECONDS])
    if rng.random() < 0.3:
        parameters["schema"] = {"type": "object"}
    task["parameters"] = parameters


def nested(rng: random.Random, task: Document) -> None:
    """A sub-flow of one or two tasks, which may be a sub-flow of one with a signal."""
    is_deep = "/" in task["name"]  # ids have bounds
    names = [f"{task['name']}/{letter}" for letter in "cd"[: 1 if is_deep else rng.choice([1, 1, 2])]]
    tasks = []
    for name in names:
        child = {"name": name, "task_type": "scripted"}
        rng.choice([signalled] if is_deep else [plain, retried, timed, waits, signalled, signalled, nested])(rng, child)
        tasks.append(child)
    flow = {"id": "child", "name": "Child", "start_task": names[0], "tasks": tasks}
    flow["conditions"] = [{"source_task": one, "target_task_success": two} for one, two in pairwise(names)]
    task["task_type"] = "subflow"
    task["parameters"] = {"flow": flow, "input": rng.choice(VALUES)}
    if rng.random() < 0.3:
        task["retry"] = {"max_attempts": 2, "initial_interval": rng.choice([0, 1]), "jitter": 0}


Maker = Callable[[random.Random, Document], None]
TASKS: list[Maker] = [plain, plain, retried, timed]
"""Flows of these come to their ends by themselves."""
ALL_TASKS: list[Maker] = [*TASKS, unknown, waits, signalled, signalled, nested]
"""Flows of these need a world around them: see `outside.py`."""


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


def random_flow(seed: int | str, makers: Sequence[Maker] = TASKS) -> Document:
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
            "max_transitions": rng.randint(2, 9),
        }
        for name in names:
            task = {"name": name, "task_type": "scripted", "skip_when": random_clauses(rng, names)}
            rng.choice(makers)(rng, task)
            if task["task_type"] in {"scripted", "probed"} and rng.random() < 0.3:
                task["parameters"] = {"x": {"$from": f"/results/{rng.choice(names)}/data", "default": 0}}
            flow["tasks"].append(task)
        if signalled in makers and rng.random() < 0.4:
            flow["on_cancel"] = rng.choice(names)
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


@dataclass(frozen=True)
class Plan:
    """What is done to an execution that waits for a signal, by whoever sends it."""

    verb: str
    payload: Any
    outcome: str | None


@dataclass(frozen=True)
class Early:
    """A signal that is sent before the execution begins."""

    name: str
    payload: Any
    outcome: str | None


def plain_id(execution: str) -> str:
    """An execution's id without what tells one life's from another's: what follows the lane's dot, and digests."""
    root, *below = execution.split(":")
    return ":".join([root.partition(".")[0], *(word for word in below if not _DIGEST.fullmatch(word))])


class Script:
    """What the attempts of a flow's tasks come to, by execution, task, visit and attempt; `calls` keeps who ran.

    Executions go alike whose ids begin alike, up to the first dot, and have the same ancestors. `tasks` is the registry
    with the code.
    """

    def __init__(self, seed: int | str, flow: Document, clock: ManualClock) -> None:
        self.seed = seed
        self.clock = clock
        self.calls: list[Key] = []
        self.timeouts = dict(_timeouts(flow))
        self.tasks = TaskFactory()
        self.tasks.register_task("scripted", self._play)
        self.tasks.register_task("probed", self._probed())

    def entry(self, key: Key) -> Entry:
        """What this attempt comes to."""
        execution, task, visit, attempt = key
        rng = self._chance("script", execution, task, visit, attempt)
        status = rng.choice(["success", "success", "failure", "skipped"])
        contradiction = {"success": "failure", "failure": "success"}.get(status)
        words = [status, status, *(word for word in WORDS if word != contradiction)]
        large = rng.random() < 0.01 and ":" not in execution  # else its parent's result has another size in each life
        data = LARGE if large else rng.choice(VALUES)
        hangs = task in self.timeouts and rng.random() < 0.3
        return Entry(status, rng.choice(words), data, hangs, raises=status == "failure" and rng.random() < 0.3)

    def plan(self, execution: str, task: str, visit: int, attempt: int) -> Plan:
        """What is done to an execution that waits there for a signal."""
        rng = self._chance("plan", execution, task, visit, attempt)
        verb = rng.choice(["signal", "signal", "signal", "pause", "cancel", "cancel the whole"])
        return Plan(verb, rng.choice(VALUES), rng.choice([None, "success", "approved", "to_x", "failure"]))

    def early(self, execution: str) -> list[Early]:
        """The signals that are sent before an execution begins, if it is created paused."""
        rng = self._chance("early", execution)
        outcomes = [None, "approved", "failure"]
        return [
            Early(rng.choice(SIGNALS), rng.choice(VALUES), rng.choice(outcomes)) for _ in range(rng.choice([0, 1, 3]))
        ]

    def afterwards(self, execution: str) -> tuple[bool, bool]:
        """Whether an execution that failed is redriven, and whether a signal comes after its end."""
        rng = self._chance("afterwards", execution)
        return rng.random() < 0.4, rng.random() < 0.3

    def _chance(self, what: str, execution: str, *place: object) -> random.Random:
        words = " ".join(str(word) for word in (plain_id(execution), *place))
        return random.Random(f"{what} {self.seed} {words}")

    def _probed(self) -> type[BaseTask]:
        play = self._play

        class Probed(BaseTask):
            """A scripted task that cannot have been done when it was interrupted."""

            async def execute(self, context: TaskContext) -> TaskResult:
                return await play(context)

            async def probe(self, context: TaskContext) -> None:
                await asyncio.sleep(0)

        return Probed

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


def _timeouts(flow: Document) -> Iterator[tuple[str, float]]:
    """The timeouts of a flow's tasks, and of those of its sub-flows, which have other names."""
    for task in flow["tasks"]:
        if "timeout" in task:
            yield task["name"], task["timeout"]
        if task["task_type"] == "subflow":
            yield from _timeouts(task["parameters"]["flow"])
