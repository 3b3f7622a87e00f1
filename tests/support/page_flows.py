"""The flows that the page is tried with, and a folder with thousands of executions of them."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from flowsm import FlowManager

__all__ = ["CHOOSY", "FAILS", "HOSTILE", "LONG_ID", "MANY", "NEEDLE", "Folder"]

MANY = 10_000
LONG_ID = "long-one"
NEEDLE = "needle-in-the-hay"
_ROUNDS = 3_300
_AT_ONCE = 500

CHOOSY = {
    "id": "choosy",
    "name": "Choosy",
    "start_task": "fetch",
    "tasks": [
        {"name": "fetch", "task_type": "fetch_data"},
        {"name": "approval", "task_type": "wait_for_signal"},
        {"name": "pause a little", "task_type": "wait", "parameters": {"seconds": 0.3}},
        {"name": "read late", "task_type": "fetch_data", "parameters": {"data_source": "late.json"}},
        {"name": "store", "task_type": "process_data", "parameters": {"source": "fetch"}},
        {"name": "apologise", "task_type": "process_data", "parameters": {"source": "fetch"}},
    ],
    "conditions": [
        {"source_task": "fetch", "target_task_success": "approval"},
        {
            "name": "approved",
            "source_task": "approval",
            "outcome": "approved",
            "target_task_success": "pause a little",
        },
        {"name": "rejected", "source_task": "approval", "outcome": "rejected", "target_task_success": "apologise"},
        {"source_task": "pause a little", "target_task_success": "read late"},
        {"source_task": "read late", "target_task_success": "store", "target_task_failure": "end_failure"},
        {"source_task": "apologise", "target_task_success": "end_failure"},
    ],
}
FAILS = {
    "id": "fails",
    "name": "Fails at first",
    "start_task": "fetch",
    "tasks": [
        {"name": "fetch", "task_type": "fetch_data"},
        {
            "name": "read",
            "task_type": "fetch_data",
            "parameters": {"data_source": {"$from": "/input/source"}},
        },
    ],
    "conditions": [{"source_task": "fetch", "target_task_success": "read"}],
}

HOSTILE = '<img src=x onerror="window.hurt=1"><script>window.hurt=1</script>'

_HAY = {"id": "hay", "name": "Hay", "start_task": "fetch", "tasks": [{"name": "fetch", "task_type": "fetch_data"}]}
_LONG = {
    "id": "round",
    "name": "Round and round",
    "start_task": "turn",
    "max_transitions": _ROUNDS,
    "tasks": [{"name": "turn", "task_type": "process_data", "parameters": {"records": []}}],
    "conditions": [{"source_task": "turn", "target_task_success": "turn", "target_task_failure": "end"}],
}


@dataclass(frozen=True)
class Folder:
    """Where a service runs."""

    path: Path

    def fill(self) -> None:
        """Put executions into its log: very many that are small, and a very long one."""
        with ThreadPoolExecutor(1) as another:  # Playwright's loop runs in this thread
            another.submit(lambda: asyncio.run(self._fill())).result()

    async def _fill(self) -> None:
        async with FlowManager(self.path / "flows.db", durability="normal") as manager:
            for first in range(0, MANY, _AT_ONCE):
                ids = [f"hay-{number:05}" for number in range(first, first + _AT_ONCE)]
                await asyncio.gather(*(manager.create(_HAY, execution_id=one) for one in ids))
            await manager.create(_HAY, execution_id=NEEDLE)
            await manager.run(_LONG, execution_id=LONG_ID)

    def write(self, name: str) -> None:
        """Put a file there with records to fetch."""
        (self.path / name).write_text(json.dumps([{"id": 1}]))
