"""A file, and managers on it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from telling import TASKS

from flowsm import FlowManager

Opened = Callable[..., FlowManager]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "flowsm.db"


@pytest.fixture
async def opened(path: Path) -> AsyncIterator[Opened]:
    """Makes managers on the file, which are closed at the end."""
    made: list[FlowManager] = []

    def make(**options: Any) -> FlowManager:
        made.append(FlowManager(path, tasks=TASKS, durability="normal", **options))
        return made[-1]

    yield make
    for manager in made:
        await manager.close()
