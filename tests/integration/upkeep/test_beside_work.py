"""While thousands of executions leave the log, work goes on: a writer waits for one small transaction at most."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

from flowsm import FlowManager
from flowsm.events.commands import Create
from flowsm.ids import SYSTEM_STREAM
from flowsm.machine.decide import step
from flowsm.machine.state import new_state
from flowsm.runtime.batch import batch_of

STREAMS = 300
HELD_MAX_SECONDS = 2.0
"""Far above what is measured (some 50 ms), for machines that do much else beside."""


async def test_a_writer_goes_on(manager, flows, tasks, path, tmp_path, monkeypatch):
    """Its own process's writer, and another one, append all the while, and both histories hold in the end."""
    monkeypatch.setattr("flowsm.upkeep.archived.ARCHIVE_BATCH_EVENTS", 200)
    await asyncio.gather(*[(await manager.start(flows["plain"])).result() for _ in range(STREAMS)])
    manager._clock.advance(1)
    archiving = asyncio.ensure_future(manager.archive(tmp_path / "old", older_than=timedelta(0)))
    waits: list[float] = []
    async with FlowManager(path, tasks=tasks, durability="normal") as other:
        while not archiving.done():
            for writer in (manager, other):
                begun = time.perf_counter()
                await writer._log.append(_batch(writer, f"{len(waits)}", flows["plain"]))
                waits.append(time.perf_counter() - begun)
    report = await archiving
    assert report.purged == STREAMS
    assert len(await manager.events(SYSTEM_STREAM)) > STREAMS // 40
    assert len(waits) > 20
    assert max(waits) < HELD_MAX_SECONDS
    assert len((await manager.executions(limit=1000)).items) == min(1000, len(waits))
    verified = await manager.verify()
    assert verified.ok
    await manager.rebuild()
    assert (await manager.verify()).ok


def _batch(manager, execution_id, flow):
    """What `create_flow_execution` appends."""
    prepared = manager._loader.prepare(manager.load_flow_config(flow))
    command = Create(digest=prepared.digest)
    before = new_state(execution_id)
    facts, after = step(prepared.machine, before, command, manager._clock.now())
    return batch_of(before, facts, after, definition=prepared.definition)
