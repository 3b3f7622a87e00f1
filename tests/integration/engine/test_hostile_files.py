"""Files that disappear, and paths that are none."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from flowsm import FlowManager, FlowStatus
from flowsm.errors import LogUnavailable, UsageError
from flowsm.storage import sync

FLOW = {"id": "f", "name": "F", "start_task": "fine", "tasks": [{"name": "fine"}]}


@pytest.mark.parametrize("path", ["", "flow\0sm.db"])
def test_a_path_that_is_none_is_refused(path: str) -> None:
    """SQLite takes an empty path for a private file that is gone at the end: nobody's log."""
    with pytest.raises(UsageError, match="expected the path of a file"):
        FlowManager(path)


@pytest.mark.parametrize("replaced", [False, True])
async def test_nothing_is_written_to_a_file_that_is_gone(tmp_path: Path, tasks, replaced: bool) -> None:
    """While a log is open its file is taken away: whoever writes is told, instead of losing it; put back, it goes on."""
    tasks.register_task("fine", lambda: 1)
    path, kept = tmp_path / "flowsm.db", tmp_path / "kept.db"
    async with FlowManager(path, tasks=tasks) as manager:
        created = manager.create_flow_execution(FLOW)
        assert (await manager.run(FLOW)).status is FlowStatus.COMPLETED
        path.replace(kept)
        if replaced:
            path.write_bytes(b"")
        for _ in range(2):
            with pytest.raises(LogUnavailable, match=r"the file was (removed|replaced by another) while it was open"):
                manager.create_flow_execution(FLOW)
            with pytest.raises(LogUnavailable, match="nothing was written"):
                await manager.run(FLOW)
            with pytest.raises(LogUnavailable):
                await manager.rebuild()
        kept.replace(path)
        assert (await manager.execute_flow(created)).status is FlowStatus.COMPLETED
        assert (await manager.run(FLOW)).status is FlowStatus.COMPLETED
        assert (await manager.verify()).ok
        assert (await manager.summary()).status_counts == {"completed": 3}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")
def test_a_forked_child_uses_connections_of_its_own(tmp_path: Path, tasks) -> None:
    """A manager that was used before a fork works on in both processes; the parent's connection is left alone."""
    tasks.register_task("fine", lambda: 1)
    manager = FlowManager(tmp_path / "flowsm.db", tasks=tasks)
    manager.create_flow_execution(FLOW, execution_id="parent")
    child = os.fork()
    if child == 0:  # pragma: no cover - another process
        manager.create_flow_execution(FLOW, execution_id="child")
        inherited = len(sync._INHERITED)
        manager._log.release()
        os._exit(0 if inherited == 1 else 1)
    assert os.waitpid(child, 0)[1] == 0
    manager.create_flow_execution(FLOW, execution_id="after")
    assert sync._INHERITED == []

    async def finish() -> bool:
        async with manager:
            for execution_id in ("parent", "child", "after"):
                assert (await manager.execute_flow(execution_id)).status is FlowStatus.COMPLETED
            return (await manager.verify()).ok

    assert asyncio.run(finish())
