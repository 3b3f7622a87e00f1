"""The command line."""

from __future__ import annotations

from flowsm.cli.app import main

__all__ = ["main"]
