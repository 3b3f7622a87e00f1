"""What is known of tests by the folders that they are in."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

MARKS: Final = {"benchmarks": "processes", "cli": "processes", "page": "page", "processes": "processes"}
"""Folders of tests/integration, with the marks of what is in them."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what drives Chromium, and what looks at processes from without."""
    integration = Path(__file__).parent / "integration"
    for item in items:
        if item.path.parent.parent == integration and item.path.parent.name in MARKS:
            item.add_marker(MARKS[item.path.parent.name])
