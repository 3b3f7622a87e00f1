"""What a task is told: read-only."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from flowsm.errors import UsageError
from flowsm.ids import trace_id_of
from flowsm.tasks.result import TaskResult
from flowsm.tasks.transaction import Transaction, TransactionConnection, TransactionDesk
from flowsm.tasks.veil import Veil
from flowsm.tasks.veiled_logger import VeiledLogger

__all__ = ["Permissions", "TaskContext"]

_LOGGER: Final = logging.getLogger("flowsm.task")
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Permissions:
    """Which folders and hosts the built-in tasks may touch: the working folder and no network, unless told otherwise.

    `hosts` are names (`example.org`), with a port where it is not the scheme's own (`localhost:8080`), or `*`. What a name
    leads to has to be an address of the open network, or one that is among them itself (`10.0.0.7:8080`).
    `base` is where relative paths begin: in the working folder, unless told otherwise.
    """

    folders: tuple[Path, ...] = field(default_factory=lambda: (Path.cwd(),))
    hosts: tuple[str, ...] = ()
    base: Path | None = None

    @classmethod
    def given(
        cls, folders: Iterable[str | Path] | None, hosts: Iterable[str], base: str | Path | None = None
    ) -> Permissions:
        """Those of a manager: without any folder the `base`, else the working folder; a `base` is always among them."""
        if base is not None:
            base = Path(base).absolute()
            return cls((base, *map(Path, folders or ())), tuple(hosts), base)
        return cls((Path.cwd(),) if folders is None else tuple(map(Path, folders)), tuple(hosts))


class TaskContext(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What a task is told; the same by attribute and by key (`context["previous_results"]`).

    `previous_results` maps task names to their latest results, in the order in which those were
    recorded (the latest last). `deadline` is when the attempt will be stopped, `seq` that of its `task.started`.
    `traceparent` is the trace that the execution is part of (W3C Trace Context), None where it is part of none: hand it
    to whoever is asked.
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
    permissions: Permissions
    seq: int = 0
    traceparent: str | None = None

    _desk: TransactionDesk | None = None
    _logger: logging.LoggerAdapter[logging.Logger] | None = None
    _veil: Veil | None = None

    @property
    def logger(self) -> logging.LoggerAdapter[logging.Logger]:
        """The logger `flowsm.task`: its records know execution, task, visit, attempt, seq and trace, and none of its secrets."""
        logger = self._logger
        if logger is None:  # made for those who ask
            extra = {
                "execution_id": self.execution_id,
                "task": self.task_name,
                "visit": self.visit,
                "attempt": self.attempt,
                "seq": self.seq,
            }
            if self.traceparent is not None:
                extra["trace_id"] = trace_id_of(self.traceparent)
            logger = VeiledLogger(_LOGGER, extra, self._veil) if self._veil else logging.LoggerAdapter(_LOGGER, extra)
            msgspec.structs.force_setattr(self, "_logger", logger)
        return logger

    def transaction(
        self, function: Callable[[TransactionConnection], _T], *, timeout: float | None = None
    ) -> Transaction[_T]:
        """End the attempt with a function that writes to the log's own file: `return await context.transaction(f)`.

        `function(connection)` is run once the task has returned, in the transaction that records its result: after a
        crash both are there, or neither. What it returns is the task's result. If it raises, returns a failure, or
        takes more than `timeout` seconds (2 by default, at most 8), nothing of it stays, and the attempt has failed.
        It may read all tables, write all but flowsm's own, and must be a plain function that does nothing but SQL.

        Raises:
            UsageError: it is not a plain function, or there is no file here to write to.
            TransactionRefused: the attempt has asked before.
        """
        if self._desk is None:
            raise UsageError("context.transaction needs an execution that runs with a log in a SQLite file")
        return self._desk.ask(function, timeout)

    def __getitem__(self, key: str) -> Any:
        if key in _KEYS:
            return getattr(self, key)
        raise KeyError(key)

    def __contains__(self, key: object) -> bool:
        return key in _KEYS

    def __iter__(self) -> Iterator[str]:
        return iter(_KEYS)

    def __len__(self) -> int:
        return len(_KEYS)

    def get(self, key: str, default: Any = None) -> Any:
        """The value of that name, or the default where there is none."""
        return getattr(self, key) if key in _KEYS else default

    def keys(self) -> tuple[str, ...]:
        """The names of what it holds."""
        return _KEYS

    def items(self) -> list[tuple[str, Any]]:
        """Names and values."""
        return [(key, getattr(self, key)) for key in _KEYS]


_KEYS = (*(field for field in TaskContext.__struct_fields__ if not field.startswith("_")), "logger")
