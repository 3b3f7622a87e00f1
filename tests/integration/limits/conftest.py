"""A world with limits."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from limited_world import World

from flowsm.testing.clock import ManualClock


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path / "flow.db", ManualClock())
    async with world.stack:
        yield world
