from __future__ import annotations

import pytest

from flowsm.definition.digest import flow_digest
from flowsm.definition.load import load_flow
from flowsm.errors import ExecutionNotFound, LogBroken
from flowsm.events.facts import ExecutionCreated, ExecutionStarted
from flowsm.log.memory import MemoryEventLog
from flowsm.log.port import Append
from flowsm.machine.state import ExecutionState, Phase
from flowsm.runtime import loading
from flowsm.runtime.loading import StateLoader

AT = "2026-01-31T12:00:00.000000Z"


def flow(name: str = "f"):
    return load_flow({"id": name, "name": name, "start_task": "a", "tasks": [{"name": "a"}]})


async def log_with(*streams: str, log: MemoryEventLog | None = None) -> MemoryEventLog:
    log = MemoryEventLog() if log is None else log
    loader = StateLoader(log)
    for stream in streams:
        prepared = loader.prepare(flow())
        created = ExecutionCreated(flow_id="f", flow_name="f", digest=prepared.digest)
        batch = Append(stream=stream, expected_seq=0, at=AT, facts=(created,), definition=prepared.definition)
        await log.append(batch)
    return log


async def test_a_state_is_folded_once_and_then_read_on() -> None:
    """What was folded before is kept; only what came since is read; forgetting folds it from the beginning."""
    log = await log_with("x")
    loader = StateLoader(log)
    first, machine = await loader.load("x")
    assert (first.seq, first.phase, machine.flow) == (1, Phase.CREATED, flow())
    assert (await loader.load("x"))[0] is first
    await log.append(Append(stream="x", expected_seq=1, at=AT, facts=(ExecutionStarted(worker="w"),)))
    second, same = await loader.load("x")
    assert (second.seq, same) == (2, machine)
    loader.forget("x")
    loader.forget("x")
    assert (await loader.load("x"))[0] == second


async def test_streams_that_cannot_be_loaded() -> None:
    """No stream, one that does not begin as it must, one whose flow is not stored."""
    log = await log_with()
    await log.append(Append(stream="odd", expected_seq=0, at=AT, facts=(ExecutionStarted(worker="w"),)))
    orphan = ExecutionCreated(flow_id="f", flow_name="f", digest="d")
    await log.append(Append(stream="orphan", expected_seq=0, at=AT, facts=(orphan,)))
    loader = StateLoader(log)
    with pytest.raises(ExecutionNotFound):
        await loader.load("nobody")
    with pytest.raises(LogBroken, match=r"begins with execution.started"):
        await loader.load("odd")
    with pytest.raises(LogBroken, match="its flow d is missing"):
        await loader.load("orphan")


def test_a_flow_is_prepared_once() -> None:
    """The same object gives the same machine; an equal flow shares it."""
    loader, one, other = StateLoader(MemoryEventLog()), flow(), flow()
    assert loader.prepare(one) is loader.prepare(one)
    assert loader.prepare(other).machine is loader.prepare(one).machine
    assert loader.prepare(one).definition == (flow_digest(one), loader.prepare(one).canonical)


async def test_caches_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """States and machines are kept up to a bound; what fell out is folded, or compiled, again."""
    monkeypatch.setattr(loading, "FOLDED_STATES_MAX", 2)
    monkeypatch.setattr(loading, "MACHINES_MAX", 2)
    loader = StateLoader(await log_with("x", "y", "z"))
    states = [(await loader.load(stream))[0] for stream in ("x", "y", "z")]
    assert list(loader._states) == ["y", "z"]
    assert (await loader.load("x"))[0] == states[0]
    for name in ("a", "b", "c"):
        loader.prepare(flow(name))
    assert (len(loader._machines), len(loader._prepared)) == (2, 2)


async def test_a_snapshot_of_another_history_is_passed_over() -> None:
    """A snapshot whose digest is not that of its event does not stand for the events."""
    log = await log_with("x")
    loader = StateLoader(log)
    await loader.save_snapshot(ExecutionState(stream="x", seq=1, flow_name="lie"), "d")
    assert (await loader.load("x"))[0].flow_name == "f"
    loader.forget("x")
    (event,) = await log.read("x")
    await loader.save_snapshot(
        ExecutionState(stream="x", seq=1, flow_name="kept", digest=event.fact.digest), event.digest
    )
    assert (await loader.load("x"))[0].flow_name == "kept"
