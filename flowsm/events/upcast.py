"""Older versions of events, brought up to date when they are read.

A released event's shape never changes: a change that is more than a new field with a default gets
a new version, and an upcaster here turns the old JSON object into the new one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

__all__ = ["UPCASTERS"]

UPCASTERS: Final[dict[tuple[str, int], Callable[[dict[str, Any]], dict[str, Any]]]] = {}
"""(type, old version) → a pure function from the old data to the current version's."""
