"""Executions that should move on by themselves and do not, and why."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from functools import partial
from typing import Any, NamedTuple

import msgspec

from flowsm.clock import Clock, timestamp
from flowsm.definition.digest import flow_from_canonical
from flowsm.definition.model import FlowConfig
from flowsm.errors import DefinitionNotFound
from flowsm.limits import STUCK_AFTER_SECONDS, STUCK_OVERDUE_SECONDS
from flowsm.log.port import LogView, RowStore
from flowsm.projections.agenda import read_holds
from flowsm.status import FlowStatus
from flowsm.upkeep.paging import pages
from flowsm.upkeep.trouble import Trouble

__all__ = ["find_stuck"]


async def find_stuck(
    store: RowStore, clock: Clock, task_types: Collection[str], alive: Collection[str]
) -> list[Trouble]:
    """The stuck executions.

    Args:
        store: the log.
        clock: the wall time, and the boot time by which leases hold.
        task_types: the types that there is code for.
        alive: the workers that hold a lease.
    """
    search = _Search(clock, task_types, alive)
    troubles: list[Trouble] = []
    for status in (FlowStatus.CREATED, FlowStatus.RUNNING, FlowStatus.WAITING):
        async for page in pages(store, "unfinished", {"status": status.value}, after=""):
            troubles += await store.look(partial(search.page, rows=page))
    return troubles


class _Row(NamedTuple):
    execution_id: str
    flow_digest: str
    status: str
    task: str | None
    worker: str
    due_at: str | None
    updated_at: str
    child_id: str | None
    child_ended: str | None
    """When the child ended, `running` while it has not, None where there is none."""
    held_since: str | None


class _Search:
    def __init__(self, clock: Clock, task_types: Collection[str], alive: Collection[str]) -> None:
        now = clock.now()
        self._clock = clock
        self._overdue = timestamp(now - timedelta(seconds=STUCK_OVERDUE_SECONDS))
        self._silent = timestamp(now - timedelta(seconds=STUCK_AFTER_SECONDS))
        self._task_types = task_types
        self._alive = alive
        self._flows: dict[str, FlowConfig | None] = {}

    def page(self, view: LogView, *, rows: list[tuple[Any, ...]]) -> list[Trouble]:
        found = (self._trouble(view, _Row(*row)) for row in rows)
        return [trouble for trouble in found if trouble is not None]

    def _trouble(self, view: LogView, row: _Row) -> Trouble | None:
        if row.held_since is not None:
            return self._held(view, row) if row.held_since < self._overdue else None
        why = self._why(row)
        if not why:
            return None
        way_out = f"go on with it: flowsm run {row.execution_id}"
        missing = self._missing_type(view, row.flow_digest, row.task)
        if missing:
            why = f"{why}; there is no code here for its task type {missing!r}"
            way_out += " --tasks MODULE, with the module that registers the type (doctor takes --tasks too)"
        return Trouble(
            kind="stuck",
            place=f"execution {row.execution_id}",
            value=f"{row.status}, task {row.task}" if row.task else row.status,
            message=why,
            way_out=way_out,
        )

    def _held(self, view: LogView, row: _Row) -> Trouble | None:
        held = read_holds(view, self._clock, [row.execution_id])
        if not held:
            return None
        return Trouble(
            kind="stuck",
            place=f"execution {row.execution_id}",
            value=f"{row.status}, task {row.task}" if row.task else row.status,
            message=f"{held[0].words}, since {row.held_since}",
            way_out="it goes on in its turn; if that takes too long, raise the limit where the managers are made",
        )

    def _why(self, row: _Row) -> str:
        """Why it does not move on; empty when it does, or waits for what has not come yet."""
        silent = row.updated_at < self._silent
        if row.due_at is not None:
            return f"it was due at {row.due_at}, and was not gone on with" if row.due_at < self._overdue else ""
        if row.child_id is not None:
            return self._why_child(row, silent)
        if row.status == FlowStatus.WAITING:
            return ""  # for a signal, or for a person
        if row.status == FlowStatus.CREATED:
            return f"it was created at {row.updated_at}, and nobody has begun it" if silent else ""
        if not row.worker:
            return f"nobody has gone on with it since {row.updated_at}" if silent else ""
        return (
            "" if row.worker in self._alive else f"its worker {row.worker} holds no lease: it has died, or was stopped"
        )

    def _why_child(self, row: _Row, silent: bool) -> str:
        if row.child_ended is None:
            return f"it waits for execution {row.child_id}, which nobody has created" if silent else ""
        if row.child_ended == "running" or row.child_ended >= self._overdue:
            return ""
        return f"it waits for execution {row.child_id}, which ended at {row.child_ended}"

    def _missing_type(self, view: LogView, digest: str, task: str | None) -> str:
        """The type of the task that it stands at, or begins with, if there is no code for it."""
        if digest not in self._flows:
            try:
                self._flows[digest] = flow_from_canonical(view.definition(digest))
            except (DefinitionNotFound, msgspec.DecodeError):
                self._flows[digest] = None  # verify says so
        flow = self._flows[digest]
        if flow is None:
            return ""
        name = task or flow.start_task
        types = {config.name: config.task_type for config in flow.tasks}
        needed = types.get(name, "") or ""
        return "" if needed in self._task_types else needed
