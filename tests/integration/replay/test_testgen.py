"""Tests made of recorded executions: they pass as generated, and fail when the flow goes another way."""

from __future__ import annotations

import copy
import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from crash_points import CrashPoint, Lives, Mortal, family
from fast_folder import fast_folder
from outside import World
from random_flows import ALL_TASKS, HurriedClock, Script, random_flow

from flowsm import FlowManager, check_flow
from flowsm.definition.digest import canonical_json
from flowsm.definition.model import FlowConfig
from flowsm.errors import ExecutionNotFound
from flowsm.replay.history import History
from flowsm.replay.testgen import generate_test

EXECUTIONS = int(os.environ.get("FLOWSM_GENERATED", "50"))
ROOT = Path(__file__).parents[3]
Document = dict[str, Any]


class Recording:
    """One random execution, which a crash has interrupted, with all sub-flows below it."""

    def __init__(self, seed: int, folder: Path) -> None:
        folder.mkdir()
        self.rng = random.Random(f"recorded {seed}")
        document = random_flow(seed, ALL_TASKS)
        if self.rng.random() < 0.4:
            document["timeout"] = self.rng.choice([3, 70, 4000])
        self.flow = msgspec.convert(document, FlowConfig)
        self.clock = HurriedClock()
        self.script = Script(seed, document, self.clock)
        self.lives = Lives(folder, self.script, self.clock)
        self.root = f"lane.{seed}"
        self.histories: list[History] = []

    def make(self) -> list[History]:
        if not self.lives.live(self.crashing):
            self.lives.live(self.recovering)
        return self.histories

    async def crashing(self, manager: FlowManager, mortal: Mortal) -> None:
        mortal.dies_at(CrashPoint(self.rng.randint(2, 12), self.rng.choice(["before", "after"])))
        await self.recovering(manager, mortal)

    async def recovering(self, manager: FlowManager, mortal: Mortal) -> None:
        world = World(manager, self.script, self.clock, recovers=False)
        try:
            await manager.events(self.root)
        except ExecutionNotFound:
            paused = self.rng.random() < 0.3
            await manager.start(self.flow, {"x": 2.5}, execution_id=self.root, paused=paused)
        await world.ends([self.root])
        await mortal.alive()
        self.histories = [await manager.replay(name) for name in await family(manager, self.root)]


def document_of(history: History) -> Document:
    found: Document = json.loads(canonical_json(history.machine.flow))
    return found


def changed(history: History, rng: random.Random) -> Document:
    """The flow, changed so that this execution's path is another: a transition that it took leads to another task."""
    document = document_of(history)
    names = [task["name"] for task in document["tasks"]]
    taken = [
        (event.fact.condition, event.fact.met, event.fact.target)
        for event in history.events
        if event.type == "transition.taken" and event.fact.condition is not None
    ]
    rng.shuffle(taken)
    for name, met, target in taken:
        for other in rng.sample(names, len(names)):
            attempt = copy.deepcopy(document)
            condition = next(one for one in attempt["conditions"] if one.get("name", one) == name)
            condition["target_task_success" if met else "target_task_failure"] = other
            if other != target and check_flow(attempt).flow is not None:
                return attempt
    document["tasks"].append({"name": "a new one", "task_type": "scripted"})
    document.setdefault("conditions", []).append(
        {"source_task": "a new one", "target_task_success": document["start_task"]}
    )
    document["start_task"] = "a new one"
    return document


def recordings(folder: Path, count: int) -> list[History]:
    found: list[History] = []
    seed = 0
    while len(found) < count:
        seed += 1
        made = Recording(seed, folder / str(seed)).make()
        found += [history for history in made if history.state_at(history.last).path]  # else there is nothing to differ
    return found[:count]


def outcomes(folder: Path) -> dict[str, str]:
    """What pytest says of each test in a folder."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-rA",
        "--tb=no",
        "--assert=plain",
        "-p",
        "no:cacheprovider",
        "--rootdir=.",
        "-c",
        os.devnull,
    ]
    environment = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
    environment["PYTHONPATH"] = str(ROOT)
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120)
    lines = [
        line.split(" ", 2) for line in ran.stdout.splitlines() if line.startswith(("PASSED ", "FAILED ", "ERROR "))
    ]
    return {name.partition("::")[0]: said for said, name, *_ in lines}


@pytest.mark.many
def test_generated_tests_pass_and_notice_another_path(tmp_path: Path) -> None:
    """The tests of random executions pass as generated, and each fails once its flow takes another path."""
    folder = tmp_path / "generated"
    folder.mkdir()
    with fast_folder() as work:
        histories = recordings(Path(work), EXECUTIONS)
    for number, history in enumerate(histories):
        generated = generate_test(history, flow_file=f"flow_{number}.json")
        assert generated.notes == ()
        (folder / f"test_file_{number}.py").write_text(generated.source, "utf-8")
        (folder / f"flow_{number}.json").write_text(json.dumps(document_of(history)), "utf-8")
        (folder / f"test_whole_{number}.py").write_text(generate_test(history).source, "utf-8")
    expected = [f"test_{kind}_{number}.py" for kind in ("file", "whole") for number in range(len(histories))]
    assert outcomes(folder) == dict.fromkeys(expected, "PASSED")
    for number, history in enumerate(histories):
        (folder / f"flow_{number}.json").write_text(json.dumps(changed(history, random.Random(number))), "utf-8")
        (folder / f"test_whole_{number}.py").unlink()
    assert outcomes(folder) == dict.fromkeys(expected[: len(histories)], "FAILED")
