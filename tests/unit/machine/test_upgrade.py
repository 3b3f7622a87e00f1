"""Going on with another version: when it is possible, and what the fold refuses."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from flowsm.clock import timestamp
from flowsm.definition.load import load_flow
from flowsm.errors import IllegalCommand, IllegalEvent, UpgradeRefused
from flowsm.events.commands import Advance, Cancel, Create, Driver, Upgrade
from flowsm.events.envelope import Recorded
from flowsm.events.facts import ExecutionCreated, ExecutionStarted, ExecutionUpgraded, TransitionTaken
from flowsm.machine.compile import FlowMachine, compile_flow
from flowsm.machine.decide import step
from flowsm.machine.evolve import evolve, fold, pinned
from flowsm.machine.state import ExecutionState, new_state

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
DRIVER = Driver(worker="w")


def machine_of(*names: str, **fields: Any) -> FlowMachine:
    """A flow of tasks that wait for signals."""
    tasks = [{"name": name, "task_type": "wait_for_signal"} for name in names]
    conditions = [{"source_task": one, "target_task_success": two} for one, two in itertools.pairwise(names)]
    document = {"id": "f", "name": "F", "start_task": names[0], "tasks": tasks, "conditions": conditions}
    return compile_flow(load_flow(document | fields))


OLD, NEW = machine_of("a"), machine_of("a", "b", name="New", version="2")


def waiting(machine: FlowMachine = OLD) -> ExecutionState:
    _, state = step(machine, new_state("x"), Create(digest="old"), NOW)
    return step(machine, state, Advance(driver=DRIVER), NOW)[1]


def fact(**fields: Any) -> ExecutionUpgraded:
    return ExecutionUpgraded(**({"digest": "new", "before": "old", "flow_name": "New"} | fields))


def test_from_that_event_on_the_state_carries_the_new_digest() -> None:
    """What runs and waits stays; digest, name and the count of upgrades change."""
    before = waiting()
    facts, after = step(NEW, before, Upgrade(digest="new", version_before="1", reason="why", actor="ann"), NOW)
    assert facts == (fact(version="2", version_before="1", reason="why", actor="ann"),)
    assert (after.digest, after.flow_name, after.upgrades) == ("new", "New", 1)
    assert (after.attempt, after.node, after.status) == (before.attempt, "a", "waiting")
    assert evolve(NEW, before, facts[0], timestamp(NOW)) == after


@pytest.mark.parametrize(
    ("machine", "given", "sentence"),
    [
        (NEW, fact(before="other"), "takes it from version other, it has version old"),
        (machine_of("b"), fact(), "goes on with a version that has no task 'a'"),
    ],
)
def test_the_fold_refuses_what_does_not_fit(machine: FlowMachine, given: ExecutionUpgraded, sentence: str) -> None:
    """Another version before it, or none with the task where it stands, is no history."""
    with pytest.raises(IllegalEvent, match=sentence):
        evolve(machine, waiting(), given, timestamp(NOW))


def test_what_ends_is_not_upgraded() -> None:
    """Neither what was cancelled, nor what has not begun to exist."""
    cancelled = step(OLD, waiting(), Cancel(), NOW)[1]
    for state in (cancelled, new_state("x")):
        with pytest.raises(IllegalCommand, match="cannot upgrade"):
            step(NEW, state, Upgrade(digest="new"), NOW)
        with pytest.raises(IllegalEvent):
            evolve(NEW, state, fact(before=state.digest), timestamp(NOW))


def test_a_time_that_is_over_is_refused_and_one_that_was_over_is_not_asked_again() -> None:
    """The version's own timeout must leave time; an unchanged one is as over as it was."""
    old = machine_of("a", timeout=60)
    late = NOW + timedelta(seconds=61)
    with pytest.raises(UpgradeRefused, match="timeout of 30 s has passed"):
        step(machine_of("a", timeout=30), waiting(old), Upgrade(digest="new", timeout_before=60), late)
    facts, after = step(machine_of("a", "b", timeout=60), waiting(old), Upgrade(digest="new", timeout_before=60), late)
    assert next(one.TYPE for one in facts) == "execution.upgraded"
    assert after.status == "failed", "its time was over before"


def test_one_that_has_not_begun_has_no_deadline_yet() -> None:
    """The timeout counts from when it begins."""
    created = step(OLD, new_state("x"), Create(digest="old"), NOW)[1]
    facts, after = step(machine_of("a", timeout=60), created, Upgrade(digest="new"), NOW)
    assert facts[0] == fact(flow_name="F")
    assert after.deadline is None


def test_each_event_is_folded_by_the_machine_of_its_time() -> None:
    """A stream may have many machines; its facts say which."""
    first = ExecutionCreated(flow_id="f", flow_name="F", digest="old")
    assert [pinned(one) for one in (first, fact(), ExecutionStarted(worker="w"))] == ["old", "new", None]
    facts, after = step(NEW, waiting(), Upgrade(digest="new"), NOW)
    told, state = [], new_state("x")
    for command, machine in ((Create(digest="old"), OLD), (Advance(driver=DRIVER), OLD), (Upgrade(digest="new"), NEW)):
        more, state = step(machine, state, command, NOW)
        told += more
    assert state == after
    assert told[-1:] == list(facts)
    events = [
        Recorded(
            position=seq,
            stream="x",
            seq=seq,
            at=timestamp(NOW),
            type=one.TYPE,
            version=one.VERSION,
            fact=one,
            digest="",
        )
        for seq, one in enumerate(told, 1)
    ]
    machines = {"old": OLD, "new": NEW}
    assert fold(machines.__getitem__, "x", events) == state
    assert fold(machines.__getitem__, "x", events[3:], fold(machines.__getitem__, "x", events[:3])) == state
    with pytest.raises(IllegalEvent, match="comes before the execution was created"):
        fold(machines.__getitem__, "x", [events[1].__class__(**_fields(events[1]) | {"seq": 1})])
    assert isinstance(told[2], TransitionTaken)


def _fields(event: Recorded) -> dict[str, Any]:
    return {name: getattr(event, name) for name in event.__struct_fields__}
