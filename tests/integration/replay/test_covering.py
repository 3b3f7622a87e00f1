"""Which ways through a flow were taken, over many executions and versions."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator

import msgspec
import pytest
from random_flows import HurriedClock, Script, random_flow
from small_flows import flow_of, task_of, tasks_that_say, until

from flowsm import FlowManager
from flowsm.clock import timestamp
from flowsm.definition.model import FlowConfig
from flowsm.events.facts import TransitionTaken
from flowsm.testing.clock import ManualClock

SEED = 150
"""Of a random flow with many ways."""
BRANCHES = flow_of(
    task_of("a", parameters={"word": {"$from": "/input"}}),
    task_of("b"),
    to=(("a", "left", "b"), ("a", "right", "end")),
)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def manager(clock: ManualClock) -> AsyncIterator[FlowManager]:
    async with FlowManager(":memory:", tasks=tasks_that_say(), clock=clock, durability="normal") as made:
        yield made


async def test_how_often_and_when_last(manager: FlowManager, clock: ManualClock) -> None:
    """Every transition of the machine is there, those that were never taken too; the engine's own are marked."""
    for number in range(3):
        await manager.run(BRANCHES, "left", execution_id=f"x{number}")
        clock.advance(1)
    last = clock.now()
    clock.advance(1)
    (count,) = await manager.coverage()
    found = count.report()
    assert (found.flow_id, found.flow_name, found.executions) == ("f", "F", 3)
    machine = await manager.machine_of("x0")
    assert [(one.source, one.trigger) for one in found.transitions] == [
        (edge.source, edge.trigger) for edge in machine.transitions
    ]
    (left,) = [one for one in found.transitions if one.label == "left"]
    assert (left.source, left.target, left.condition, left.count, left.execution_id) == ("a", "b", "c0", 3, "x2")
    assert left.last is not None
    assert left.last < timestamp(last)
    assert {(one.source, one.target, one.label) for one in found.never} == {
        ("a", "completed", "right"),
        ("a", "failed", "right"),
        ("a", "completed", "otherwise"),
        ("a", "failed", "otherwise"),
        ("b", "failed", "otherwise"),
    }
    assert {one.label for one in found.transitions if one.engine} == {"abort", "cancel"}


async def test_which_version(manager: FlowManager, clock: ManualClock) -> None:
    """By default the newest of each flow; a chosen flow, a chosen version, or all of them."""
    await manager.run(BRANCHES, "left", execution_id="old")
    clock.advance(1)
    newer = BRANCHES | {"max_transitions": 7}
    await manager.run(newer, "left", execution_id="new")
    clock.advance(1)
    await manager.run(BRANCHES | {"id": "g"}, "right", execution_id="other")
    old, new, other = [(await manager._loader.load(name))[0].digest for name in ("old", "new", "other")]

    async def digests(flow: str | None = None, **options: object) -> list[str]:
        found = await manager.coverage(flow, **options)  # type: ignore[arg-type]  # each test its options
        return [count.report().digest for count in found]

    assert await digests() == [other, new]
    assert await digests("f") == [new]
    assert await digests("f", digest=old[:8]) == [old]
    assert await digests(every_version=True) == [other, new, old]
    assert await digests("nothing") == []


async def test_an_abort_and_a_cancellation_are_counted(manager: FlowManager) -> None:
    """The engine's own transitions are drawn where they were taken."""
    flow = flow_of(task_of("h", "hang"))
    handle = await manager.start(flow)
    await until(manager, handle.execution_id, "running")
    await manager.cancel(handle.execution_id)
    await handle
    (count,) = await manager.coverage()
    cancelled = [one for one in count.report().transitions if one.label == "cancel" and one.count]
    assert [(one.source, one.target, one.engine) for one in cancelled] == [("h", "cancelled", True)]
    assert 'n1 ==>|"cancel (1)"| n' in count.diagram()


async def test_a_diagram_has_colours_and_counts(manager: FlowManager) -> None:
    """Thick is what was taken, dashed and grey what never was, in every language of diagrams."""
    await manager.run(BRANCHES, "left")
    (count,) = await manager.coverage()
    mermaid = count.diagram()
    assert 'n1 ==>|"left (1)"| n2' in mermaid
    assert 'n1 -.->|"right (0)<br/>otherwise (0)"| n3' in mermaid
    assert "class n0,n1,n2,n3 success" in mermaid
    assert "class n4 never" in mermaid
    arrows = [line for line in mermaid.splitlines() if " ==>" in line or " -.->" in line]
    never = ",".join(str(place) for place, line in enumerate(arrows) if " -.->" in line)
    assert f"    linkStyle {never} stroke:#bdbdbd" in mermaid.splitlines()
    assert 'label="failure (0)", style=dashed' in count.diagram("dot")
    text = count.diagram("text")
    assert "    ⇒ b   left (1)" in text
    assert "    ⇢ failed   failure (0)" in text
    assert "· failed" in text


async def test_counts_are_those_of_the_events() -> None:
    """Over random executions each count is what a plain count of the events gives."""
    clock = HurriedClock()
    script = Script(SEED, random_flow(SEED), clock)
    expected: Counter[tuple[str, str]] = Counter()
    async with FlowManager(":memory:", tasks=script.tasks, clock=clock, durability="normal") as manager:
        for number in range(40):
            await manager.run(msgspec.convert(random_flow(SEED), FlowConfig), {"x": 1}, execution_id=f"x{number}")
            for event in await manager.events(f"x{number}"):
                if isinstance(event.fact, TransitionTaken):
                    expected[event.fact.source, event.fact.trigger] += 1
        (count,) = await manager.coverage()
    found = {(one.source, one.trigger): one.count for one in count.report().transitions}
    assert {place: number for place, number in found.items() if number} == dict(expected)
    assert len(expected) > 3
