"""The debugger's core over executions that really ran: whichever way one goes, the states are those that were live."""

from __future__ import annotations

import os
import random
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from random_flows import HurriedClock, Script, random_flow

from flowsm import FlowManager, TaskContext, TaskFactory
from flowsm.definition.model import FlowConfig
from flowsm.definition.pointer import MISSING
from flowsm.errors import ExecutionNotFound, LogBroken, UsageError
from flowsm.machine.decisions import draft
from flowsm.machine.state import ExecutionState, new_state
from flowsm.replay import history as histories
from flowsm.replay import pages
from flowsm.replay.debugger import Debugger, Stop
from flowsm.replay.difference import state_json

EXECUTIONS = int(os.environ.get("FLOWSM_DEBUGGED", "1000"))
MOTIONS = 40
BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "debugger.py"
ENDS = {"task.completed", "task.timed_out", "task.interrupted", "task.skipped"}
BEGINS = {"task.started", "task.skipped"}
PATHS = ["status", "node", "path", "attempt.attempt", "input.x", "/results", "/visits"]
LOOP = {
    "id": "f",
    "name": "F",
    "start_task": "a",
    "max_transitions": 500,
    "tasks": [{"name": "a", "task_type": "again"}],
    "conditions": [{"name": "again", "source_task": "a", "target_task_success": "a"}],
}


def looping_tasks() -> TaskFactory:
    tasks = TaskFactory()
    tasks.register_task("again", lambda: 1)
    return tasks


class Watched:
    """One execution by what was live: its states as JSON data, its events, and what is to be stopped at."""

    def __init__(self, live: dict[int, ExecutionState], events: list[dict[str, Any]]) -> None:
        self.states = {0: new_state(next(iter(live.values())).stream), **live}
        self.json = {seq: msgspec.json.decode(msgspec.json.encode(state_json(s))) for seq, s in self.states.items()}
        self.events = {event["seq"]: event for event in events}
        self.last = len(events)
        self.stops: list[Callable[[int], bool]] = []

    def value(self, path: str, seq: int) -> Any:
        value = self.json[seq]
        for token in path.replace("/", ".").strip(".").split("."):
            value = value.get(token, MISSING) if isinstance(value, dict) else MISSING
        return value

    def changes(self, path: str) -> Callable[[int], bool]:
        return lambda seq: self.value(path, seq) != self.value(path, seq - 1)

    def has_type(self, *types: str) -> Callable[[int], bool]:
        return lambda seq: self.events[seq]["type"] in types

    def begins(self, task: str) -> Callable[[int], bool]:
        return lambda seq: self.events[seq]["type"] in BEGINS and self.events[seq]["data"]["task"] == task

    def first(self, seqs: range, until: Callable[[int], bool], edge: int) -> tuple[int, bool]:
        """Where a motion along these events stops, and whether at something that was to be stopped at."""
        for seq in seqs:
            hit = any(stop(seq) for stop in self.stops)
            if hit or until(seq):
                return seq, hit
        return edge, False

    def expected(self, motion: str, seq: int) -> tuple[int, bool]:
        until = {
            "step": lambda _: True,
            "next": self.has_type(*ENDS),
            "continue_": lambda _: False,
            "finish": self.has_type("transition.taken"),
            "reverse_next": self.has_type(*BEGINS),
        }.get(motion, lambda _: motion == "reverse_step")
        if motion.startswith("reverse"):
            return self.first(range(seq - 1, 0, -1), until, 0)
        return self.first(range(seq + 1, self.last + 1), until, self.last)


def set_stops(debugger: Debugger, watched: Watched, rng: random.Random) -> None:
    """Some breakpoints and watches, or none, for the debugger and for what it is compared with."""
    for path in rng.sample(PATHS, rng.choice([0, 0, 1, 2])):
        debugger.add_watch(path)
        watched.stops.append(watched.changes(path))
    if rng.random() < 0.4:
        type_ = rng.choice(["task.started", "transition.taken", "retry.scheduled"])
        debugger.add_break("type", type_)
        watched.stops.append(watched.has_type(type_))
    if rng.random() < 0.4:
        task = rng.choice([name for name in debugger.history.machine.tasks if not {"*", "["} & set(name)] or ["*"])
        debugger.add_break("task", task)
        watched.stops.append(watched.begins(task) if task != "*" else watched.has_type(*BEGINS))


def wander(debugger: Debugger, watched: Watched, rng: random.Random) -> None:
    """Go forth and back at random; every stop is where it was to be, in the state that was live there."""
    motions = ["step", "reverse_step", "next", "reverse_next", "continue_", "reverse_continue", "finish", "goto"]
    for _ in range(MOTIONS):
        before = debugger.seq
        motion = rng.choice(motions)
        if motion == "goto":
            seq = rng.randint(0, watched.last)
            assert debugger.goto(seq) == Stop(seq=seq, came_from=before, why="arrived")
        elif motion == "finish" and debugger.state.current_task is None:
            with pytest.raises(UsageError, match="no visit to finish"):
                debugger.finish()
        else:
            stop = getattr(debugger, motion)()
            seq, hit = watched.expected(motion, before)
            assert (stop.seq, stop.came_from, stop.why == "hit", bool(stop.hits)) == (seq, before, hit, hit)
        assert debugger.state == watched.states[debugger.seq]
        assert (debugger.event.seq if debugger.event is not None else 0) == debugger.seq


@pytest.mark.many
async def test_any_way_forth_and_back_gives_the_live_states(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over random executions each motion stops where the events and the live states say, in the state that was live.

    Pages are a few events long, and few states are kept, so that both run out.
    """
    monkeypatch.setattr(pages, "READ_PAGE_EVENTS", 7)
    monkeypatch.setattr(pages, "_PAGES_KEPT", 3)
    monkeypatch.setattr(histories, "_STATE_KEPT_EVERY", 4)
    monkeypatch.setattr(histories, "_STATES_KEPT_MAX", 5)
    live: dict[str, dict[int, ExecutionState]] = {}
    real = draft.evolve

    def evolve(machine: Any, state: ExecutionState, fact: Any, at: str) -> ExecutionState:
        after = real(machine, state, fact, at)
        live.setdefault(after.stream, {})[after.seq] = after
        return after

    monkeypatch.setattr(draft, "evolve", evolve)
    clock, scripts, tasks = HurriedClock(), {}, TaskFactory()

    async def scripted(context: TaskContext, x: Any = None) -> Any:
        return await scripts[context.execution_id]._play(context, x)

    tasks.register_task("scripted", scripted)
    async with FlowManager(":memory:", tasks=tasks, clock=clock, durability="normal") as manager:
        for seed in range(EXECUTIONS):
            rng = random.Random(f"debug {seed}")
            name, flow = f"x{seed}", random_flow(seed)
            scripts[name] = Script(seed, flow, clock)
            await manager.run(msgspec.convert(flow, FlowConfig), {"x": 1}, execution_id=name)
            watched = Watched(live.pop(name), [event.as_dict() for event in await manager.events(name)])
            debugger = Debugger(await manager.browse(name), rng.choice([0, watched.last]))
            set_stops(debugger, watched, rng)
            wander(debugger, watched, rng)
            forth = list_of_stops(debugger, 0, debugger.continue_)
            back = list_of_stops(debugger, watched.last, debugger.reverse_continue)
            assert [seq for seq in forth if seq < watched.last] == back[::-1]
            debugger.delete()
            assert (debugger.continue_().seq, debugger.reverse_continue().seq) == (watched.last, 0)


def list_of_stops(debugger: Debugger, begin: int, motion: Callable[[], Stop]) -> list[int]:
    """Where it is stopped by something, from that event on."""
    debugger.goto(begin)
    seqs = []
    while (stop := motion()).why == "hit":
        seqs.append(stop.seq)
    return seqs


async def test_only_what_is_looked_at_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening a stream reads nothing of it, and its end is known from the snapshot; what is recorded later can be added."""
    monkeypatch.setattr(pages, "READ_PAGE_EVENTS", 10)
    async with FlowManager(":memory:", tasks=looping_tasks(), durability="normal") as manager:
        ran = await manager.run(LOOP)
        asked: list[tuple[int, int]] = []
        real = manager._log.read_here

        def read_here(stream: str, after: int, limit: int) -> Any:
            asked.append((after, limit))
            return real(stream, after, limit)

        monkeypatch.setattr(manager._log, "read_here", read_here)
        history = await manager.browse(ran.execution_id)
        assert (history.last, asked) == (ran.seq, [])
        debugger = Debugger(history, history.last)
        assert debugger.state == (await manager.replay(ran.execution_id)).state_at(ran.seq)
        assert min(after for after, _ in asked) >= 1000, "from the snapshot on"
        await manager.remove_flow(ran.execution_id)
        assert debugger.step().why == "end"
        assert await manager.refresh(debugger.history) == ran.seq + 1
        assert debugger.step().seq == ran.seq + 1
        assert debugger.event.type == "execution.removed"
        whole = await manager.replay(ran.execution_id)
        assert await manager.refresh(whole) == ran.seq + 1, "which had all that there is"
        with pytest.raises(ExecutionNotFound):
            await manager.browse("nobody")
        with pytest.raises(ExecutionNotFound):
            await manager.browse("$log")


async def test_damage_is_told_where_it_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream is opened whatever lies behind its first page; one stays where one was when what comes is damaged."""
    monkeypatch.setattr(pages, "READ_PAGE_EVENTS", 10)
    path = tmp_path / "flowsm.db"
    async with FlowManager(path, tasks=looping_tasks(), durability="normal") as manager:
        ran = await manager.run(LOOP | {"max_transitions": 30})
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("DROP TRIGGER events_are_not_updated")
        raw.execute("UPDATE events SET at = replace(at, '20', '19') WHERE seq = 25")
        raw.commit()
    async with FlowManager(path, tasks=looping_tasks(), durability="normal") as manager:
        debugger = Debugger(await manager.browse(ran.execution_id), 20)
        assert debugger.state.seq == 20
        for motion in (debugger.step, debugger.continue_, debugger.next):
            with pytest.raises(LogBroken, match="seq 25"):
                motion()
            assert debugger.seq == 20
        assert debugger.reverse_step().seq == 19


def test_the_benchmark_runs() -> None:
    """Small, it prints what it measures for both sizes of a log."""
    command = [sys.executable, str(BENCHMARK), "--stream", "500", "--log", "1000"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    lines = ran.stdout.splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "a stream of 500 events in a log of 500",
        "a stream of 500 events in a log of 1,000",
    ]
    assert all(
        re.search(r": open [\d,]+ ms, to the middle [\d,]+ ms, back .*; fold [\d,]+ events/s$", line) for line in lines
    )
    assert ran.stderr == ""
