"""`run` says what an execution waits for that only a person gives, and how to give it."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
import threading
from pathlib import Path
from typing import Any

import pytest
from small_flows import flow_of, task_of, until

from flowsm import FlowManager, TaskFactory
from flowsm.cli import asking, main

WAITING = flow_of(task_of("ask", "wait_for_signal", parameters={"name": "go on", "timeout": 20}))


class Person:
    """Hears what is said, and does it, in a thread of its own."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.threads: list[threading.Thread] = []

    def talk(self, text: str) -> None:
        self.heard.append(text)
        command = shlex.split(text.partition("to let it go on: ")[2])[1:]
        self.threads.append(threading.Thread(target=main, args=(command,)))
        self.threads[-1].start()


@pytest.fixture
def person(monkeypatch: pytest.MonkeyPatch) -> Any:
    made = Person()
    monkeypatch.setattr(asking, "talk", made.talk)
    yield made
    for thread in made.threads:
        thread.join(30)


def test_a_run_says_what_it_waits_for(flowsm: Any, folder: Path, person: Person) -> None:
    """When the wait begins, once, with the command that ends it; the run goes on by that."""
    (folder / "waiting.json").write_text(json.dumps(WAITING))
    ran = flowsm("run", "waiting.json", "--id", "x", "--db", "other.db")
    assert ran.code == 0
    (said,) = person.heard
    assert re.fullmatch(
        r"flowsm: x waits: task 'ask' waits for signal 'go on', until \S+Z at most; "
        r"to let it go on: flowsm signal x 'go on' --db other\.db",
        said,
    )


def test_a_run_of_what_waits_already_says_so(flowsm: Any, folder: Path, person: Person) -> None:
    """So does one that goes on with an execution which is paused, and waits: for each there is a command."""

    async def stands() -> None:
        async with FlowManager(folder / "flowsm.db", durability="normal") as manager:
            await manager.start(WAITING, execution_id="x")
            await until(manager, "x", "waiting")
            await manager.pause("x", actor="Eve")

    asyncio.run(stands())
    assert flowsm("run", "x").code == 0
    paused, waits = person.heard
    assert re.fullmatch(r"flowsm: x waits: it is paused by Eve since \S+Z; to let it go on: flowsm resume x", paused)
    assert waits.endswith("flowsm signal x 'go on'")


def test_a_run_whose_child_waits_says_so(flowsm: Any, folder: Path, person: Person) -> None:
    """An execution that waits for another one waits for what that waits for."""
    parent = flow_of(task_of("sub", "subflow", parameters={"flow": WAITING}))
    (folder / "parent.json").write_text(json.dumps(parent))
    assert flowsm("run", "parent.json", "--id", "x").code == 0
    assert [text.partition("on: ")[2] for text in person.heard] == ["flowsm signal x:sub:1 'go on'"]


def test_a_run_that_asks_what_became_of_an_attempt_says_so(flowsm: Any, folder: Path, person: Person) -> None:
    """A crash left an attempt that nobody may run again by themselves: the command is that of `resolve`."""
    flow = flow_of(task_of("work", "hang_when_asked", on_interrupt="ask"), timeout=20)
    (folder / "hanging.py").write_text(
        "from flowsm import task\n\n@task('hang_when_asked')\ndef hang_when_asked():\n    raise AssertionError\n"
    )

    async def stands() -> None:
        tasks = TaskFactory()
        tasks.register_task("hang_when_asked", _hang)
        async with FlowManager(folder / "flowsm.db", tasks=tasks, durability="normal") as manager:
            await manager.start(flow, execution_id="x")
            await until(manager, "x", "running")

    asyncio.run(stands())
    ran = flowsm("run", "x", "--tasks", "hanging.py")
    (said,) = person.heard
    assert "somebody has to say whether attempt 1 of task 'work' was a success or a failure" in said
    assert said.endswith("flowsm resolve x --as success")
    assert ran.code == 0


async def _hang() -> None:
    await asyncio.Event().wait()
