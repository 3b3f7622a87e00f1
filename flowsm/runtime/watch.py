"""Watch: has another process written? One look at the file every tenth of a second, as long as anybody wants to know."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from flowsm.clock import Clock
from flowsm.errors import LogError
from flowsm.limits import RECONCILE_REST_SECONDS, RECONCILE_SECONDS, RECONCILE_SHARE, WATCH_SECONDS
from flowsm.log.port import WorkerStore
from flowsm.projections.agenda import Agenda, Owner
from flowsm.runtime.dispatcher import Dispatcher
from flowsm.runtime.lease import Lease
from flowsm.runtime.loading import StateLoader
from flowsm.runtime.openings import Openings
from flowsm.runtime.recovery import Recovery
from flowsm.tasks.factory import TaskFactory

__all__ = ["Watch", "Watched"]

_LOGGER: Final = logging.getLogger("flowsm.runtime")


class Watched(Protocol):
    """Whose interests the watch looks after."""

    def is_idle(self) -> bool:
        """Whether nothing runs here, and nobody waits for what runs elsewhere."""
        ...

    def of_interest(self) -> list[str]:
        """The executions that are driven here, or waited for."""
        ...

    def told(self, owners: list[Owner]) -> None:
        """Whose they are now, and where their logs end."""
        ...


class _Pace:
    """When the next round is: soon if there is more, else so that rounds take a small share of the time.

    A round in which the process or the machine stood still took long for another reason: the rest has a bound.
    """

    __slots__ = ("_next", "_not_before")

    def __init__(self) -> None:
        self._next = self._not_before = float("-inf")

    def is_due(self, now: float, *, changed: bool) -> bool:
        """Whether it is time, where something has changed, or has not."""
        return now >= self._not_before and (changed or now >= self._next)

    def went_round(self, began: float, ended: float, *, more: bool) -> None:
        """A round took from then till then, and found more than there was room for, or did not."""
        self._next = ended if more else ended + RECONCILE_SECONDS
        self._not_before = ended if more else ended + min((ended - began) / RECONCILE_SHARE, RECONCILE_REST_SECONDS)


class Watch:
    """One asyncio task that renews the lease, tells what happened elsewhere, and lets recovery look for work.

    It lives while there is something to watch. Its pace is real time, for that is the other processes'; what it
    compares is the clock's.

    Args:
        store: tells that something was committed.
        agenda: tells whose executions are.
        lease: is kept alive meanwhile.
        clock: how long ago was the latest look?
        pause: sleeps for some seconds of real time.
        openings: looks after those whom limits hold back, where there are limits.
    """

    def __init__(
        self,
        store: WorkerStore,
        agenda: Agenda,
        lease: Lease,
        clock: Clock,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        openings: Openings | None = None,
    ) -> None:
        self._store = store
        self._agenda = agenda
        self._clock = clock
        self._pause = pause
        self._task: asyncio.Task[None] | None = None
        self._version: int | None = None
        self._looked_at = float("-inf")
        self._rounds, self._parents = _Pace(), _Pace()
        self._trouble = ""
        self.lease = lease
        self.recovery: Recovery | None = None
        self.openings = openings

    def recover(self, loader: StateLoader, tasks: TaskFactory, dispatcher: Dispatcher) -> bool:
        """Look for work from now on; returns whether it did not before."""
        if self.recovery is not None:
            return False
        self.lease.recover()
        queues = () if self.openings is None else self.openings.queues
        self.recovery = Recovery(self._agenda, loader, tasks, dispatcher, self._clock, queues)
        return True

    def begin(self, watched: Watched) -> None:
        """Watch, unless it does already."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(watched))

    async def look(self, watched: Watched) -> None:
        """Look once.

        Raises:
            LogError: the file could not be read.
        """
        await self.lease.renew()
        version = self._store.version()
        changed, self._version = version != self._version, version
        now = self._clock.monotonic()
        if changed or now >= self._looked_at + RECONCILE_SECONDS:
            self._looked_at = now
            wanted = watched.of_interest()
            if wanted:
                watched.told(await self._agenda.owners(wanted))
            if self.openings is not None:
                self.openings.recovery = self.recovery
                await self.openings.look()
        if self.recovery is not None:
            await self._recover(self.recovery, now, changed=changed)

    async def close(self) -> None:
        """Watch no more."""
        if self.openings is not None:
            self.openings.close()
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait({task})

    async def _recover(self, recovery: Recovery, now: float, *, changed: bool) -> None:
        """The rounds that it is time for."""
        for pace, look in ((self._rounds, recovery.look), (self._parents, recovery.look_at_parents)):
            if pace.is_due(now, changed=changed):
                began = self._clock.monotonic()
                more = await look()
                pace.went_round(began, self._clock.monotonic(), more=more)

    async def _run(self, watched: Watched) -> None:
        try:
            while self.recovery is not None or not watched.is_idle() or self._somebody_is_held():
                await self._look_in_spite(watched)
                await self._pause(WATCH_SECONDS)
        finally:
            if self._task is asyncio.current_task():
                self._task = None

    def _somebody_is_held(self) -> bool:
        return self.openings is not None and self.openings.waits()

    async def _look_in_spite(self, watched: Watched) -> None:
        """Look, and go on watching whatever hinders it; the same trouble is told once."""
        try:
            await self.look(watched)
        except LogError as error:
            if str(error) != self._trouble:
                _LOGGER.warning("what other processes do is not known for now: %s", error)
            self._trouble = str(error)
        except Exception:
            _LOGGER.exception("a look at what other processes do failed")
        else:
            self._trouble = ""
