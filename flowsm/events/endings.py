"""The facts with which an execution ends."""

from __future__ import annotations

from typing import Final

from flowsm.events.facts import ExecutionCancelled, ExecutionCompleted, ExecutionFailed

__all__ = ["ENDINGS"]

ENDINGS: Final = (ExecutionCompleted, ExecutionFailed, ExecutionCancelled)
