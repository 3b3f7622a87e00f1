"""The time, as upkeep records it."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Now"]

Now = Callable[[], str]
"""Gives the present moment as `clock.timestamp` text."""
