"""What is known of tests by the folders that they are in."""

from __future__ import annotations

from pathlib import Path

import pytest

PROCESSES = tuple(Path(__file__).parent / "integration" / name for name in ("benchmarks", "cli", "processes"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark those that look at processes from without."""
    for item in items:
        if item.path.parent in PROCESSES:
            item.add_marker(pytest.mark.processes)
