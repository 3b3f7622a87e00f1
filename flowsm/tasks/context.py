"""What a task is told: read-only."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import Any

from flowsm.tasks.result import TaskResult

__all__ = ["Permissions", "TaskContext"]


@dataclass(frozen=True, slots=True)
class Permissions:
    """Which folders and hosts the built-in tasks may touch: the working folder and no network, unless told otherwise.

    `hosts` are names (`example.org`), with a port where it is not the scheme's own (`localhost:8080`), or `*`.
    """

    folders: tuple[Path, ...] = field(default_factory=lambda: (Path.cwd(),))
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskContext(Mapping[str, Any]):
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
        if key in _KEYS:
            return getattr(self, key)
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        return iter(_KEYS)

    def __len__(self) -> int:
        return len(_KEYS)


_KEYS = tuple(entry.name for entry in fields(TaskContext))
