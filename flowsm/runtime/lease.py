"""A process's lease: one row, one heartbeat, whatever the number of executions that it drives."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from datetime import timedelta
from pathlib import Path
from typing import Final

from flowsm.clock import Clock, timestamp
from flowsm.errors import LogError
from flowsm.limits import WORKER_ROW_SECONDS
from flowsm.log.port import Worker, WorkerStore

__all__ = ["Lease", "is_gone"]

_LOGGER: Final = logging.getLogger("flowsm.runtime")
_BEATS_PER_LEASE: Final = 3
_PIDS: Final = Path("/proc/self/ns/pid")


class Lease:
    """One worker's right to advance executions.

    Args:
        store: where the workers' rows are.
        clock: its boot time measures leases: no setting of the wall clock expires one.
        worker: this worker's name.
        seconds: how long it counts as alive without a heartbeat.
    """

    def __init__(self, store: WorkerStore, clock: Clock, worker: str, seconds: float) -> None:
        self._store = store
        self._clock = clock
        self._worker = worker
        self._lease_ms = round(seconds * 1000)
        self._started_at = timestamp(clock.now())
        self._renew_ms = self._ends_ms = 0
        self._boot_id = ""
        self._trouble = ""
        self._recovers = False
        self._beating = asyncio.Lock()

    async def hold(self) -> None:
        """Return once this worker is alive for long enough to claim something; usually it is.

        Raises:
            LogError: the heartbeat could not be written.
        """
        if self.is_due():
            async with self._beating:
                if self.is_due():
                    await self._beat()

    async def renew(self) -> None:
        """Write a heartbeat if one is due; what hinders it is logged, once: there is another look soon."""
        try:
            await self.hold()
        except LogError as error:
            if str(error) != self._trouble:
                _LOGGER.warning("the lease of %s could not be renewed: %s", self._worker, error)
            self._trouble = str(error)
        else:
            self._trouble = ""

    async def give_back(self) -> None:
        """Let others go on at once with what this worker drove, if it drove anything."""
        if self._boot_id:
            self._boot_id = ""
            try:
                await self._store.stop_worker(self._worker)
            except LogError as error:
                _LOGGER.warning("the lease of %s could not be given back, it runs out: %s", self._worker, error)

    def recover(self) -> None:
        """From the next heartbeat on, which is due now, say that this worker takes up what others have left."""
        self._recovers = True
        self._renew_ms = 0

    def is_due(self) -> bool:
        """Whether a third of the lease is over, or it was never held."""
        return self._clock.boot_ms() >= self._renew_ms or not self._boot_id or self._boot_id != self._clock.boot_id()

    def is_current(self) -> bool:
        """Whether it is held, and has not run out: nobody can have taken anything over."""
        return self._boot_id == self._clock.boot_id() and self._clock.boot_ms() < self._ends_ms

    async def is_alive(self, worker: str) -> bool:
        """Whether another worker is alive; if its process is no more, its lease is ended.

        Raises:
            LogError: the file could not be read, or written.
        """
        mine = self._row()
        for other in await self._store.workers():
            if other.worker == worker and other.is_alive(mine.boot_id, mine.seen_ms):
                if not is_gone(other, mine):
                    return True
                await self._store.stop_worker(worker)
        return False

    async def _beat(self) -> None:
        first = not self._boot_id
        row = self._row()
        await self._store.beat(row)
        self._boot_id, self._renew_ms = row.boot_id, row.seen_ms + self._lease_ms // _BEATS_PER_LEASE
        self._ends_ms = row.seen_ms + self._lease_ms
        if first:
            await self._store.sweep_workers(timestamp(self._clock.now() - timedelta(seconds=WORKER_ROW_SECONDS)))
        for other in await self._store.workers():
            if other.is_alive(row.boot_id, row.seen_ms) and is_gone(other, row):
                await self._store.stop_worker(other.worker)

    def _row(self) -> Worker:
        return Worker(
            worker=self._worker,
            host=socket.gethostname(),
            pid=os.getpid(),
            pid_space=_pid_space(),
            boot_id=self._clock.boot_id(),
            started_at=self._started_at,
            lease_ms=self._lease_ms,
            seen_ms=self._clock.boot_ms(),
            seen_at=timestamp(self._clock.now()),
            recovers=self._recovers,
        )


def is_gone(other: Worker, mine: Worker) -> bool:
    """Whether a worker's process is certainly no more: there is none of its number where this one could see it."""
    if (other.host, other.pid_space) != (mine.host, mine.pid_space) or not mine.pid_space:
        return False
    try:
        os.kill(other.pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _pid_space() -> str:
    """Within what a process number means the same; empty where that is not known, and numbers are not compared."""
    try:
        return str(_PIDS.readlink())
    except OSError:
        return ""
