"""A log with executions that failed, wait, run and completed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from screens import fill, manager_of

from flowsm import FlowManager


@pytest.fixture
async def manager(tmp_path: Path) -> AsyncIterator[FlowManager]:
    async with manager_of(tmp_path / "flowsm.db") as made:
        await fill(made)
        yield made
