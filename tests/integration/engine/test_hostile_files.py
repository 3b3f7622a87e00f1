"""Files that disappear, and paths that are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowsm import FlowManager, FlowStatus
from flowsm.errors import LogUnavailable, UsageError

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
