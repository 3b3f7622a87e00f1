"""What a task is told: read-only."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from flowsm.tasks.result import TaskResult

__all__ = ["Permissions", "TaskContext"]


@dataclass(frozen=True, slots=True)
class Permissions:
    """Which folders and hosts the built-in tasks may touch: the working folder and no network, unless told otherwise.

    `hosts` are names (`example.org`), with a port where it is not the scheme's own (`localhost:8080`), or `*`.
    """

    folders: tuple[Path, ...] = field(default_factory=lambda: (Path.cwd(),))
    hosts: tuple[str, ...] = ()


class TaskContext(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What a task is told; the same by attribute and by key (`context["previous_results"]`).

    `previous_results` maps task names to their latest results, in the order in which those were
    recorded (the latest last). `deadline` is when the attempt will be stopped.
    """

    execution_id: str
    flow_id: str
    flow_name: str
    task_name: str
    input: Any
    previous_results: Mapping[str, TaskResult]
    attempt: int
    visit: int
    idempotency_key: str
    deadline: datetime | None
    logger: logging.LoggerAdapter[logging.Logger]
    permissions: Permissions

    def __getitem__(self, key: str) -> Any:
        if key in TaskContext.__struct_fields__:
            return getattr(self, key)
        raise KeyError(key)

    def __contains__(self, key: object) -> bool:
        return key in TaskContext.__struct_fields__

    def __iter__(self) -> Iterator[str]:
        return iter(TaskContext.__struct_fields__)

    def __len__(self) -> int:
        return len(TaskContext.__struct_fields__)

    def get(self, key: str, default: Any = None) -> Any:
        """The value of that name, or the default where there is none."""
        return getattr(self, key) if key in TaskContext.__struct_fields__ else default

    def keys(self) -> tuple[str, ...]:
        """The names of what it holds."""
        return TaskContext.__struct_fields__

    def items(self) -> list[tuple[str, Any]]:
        """Names and values."""
        return [(key, getattr(self, key)) for key in TaskContext.__struct_fields__]
