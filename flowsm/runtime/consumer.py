"""Consumer: one who follows the log under a name, waits for its turn, is told of events in order, and says what is done.

At least once: how far it has come is stored only after the events before it are done with, so that whoever comes
next begins at or before the first that is not.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from flowsm.clock import Clock, timestamp
from flowsm.errors import LogError, SubscriptionHeld
from flowsm.events.envelope import Recorded
from flowsm.limits import FOLLOW_PAGE_EVENTS, FOLLOW_SAVE_SECONDS, RECONCILE_SECONDS, WATCH_SECONDS
from flowsm.log.port import Subscription, SubscriptionStore
from flowsm.runtime.lease import Lease

__all__ = ["Consumer"]

_LOGGER: Final = logging.getLogger("flowsm.runtime")


class Consumer:
    """One turn of following: made, asked for the next event again and again, closed.

    While it lives, an asyncio task of its own renews its lease, stores its place, and notices what others commit.

    Args:
        store: where subscriptions are.
        lease: makes it the only consumer of its name for as long as it is alive.
        clock: how long ago was the latest look?
        worker: its name among the workers.
        name: the subscription's.
        types: of events; None for all.
        after: where a new subscription begins; None for the end of the log.
        pause: sleeps for some seconds of real time.
    """

    def __init__(
        self,
        store: SubscriptionStore,
        lease: Lease,
        clock: Clock,
        *,
        worker: str,
        name: str,
        types: Sequence[str] | None,
        after: int | None,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.name = name
        self.worker = worker
        self._closed = False
        self._abandoned = False
        self.loop: asyncio.AbstractEventLoop | None = None
        self._store = store
        self._lease = lease
        self._clock = clock
        self._types = types
        self._after = after
        self._pause = pause
        self._mine: Subscription | None = None
        self._page: deque[Recorded] = deque()
        self._read_up_to = 0
        self._done = 0
        self._given: int | None = None
        self._doubted = False
        self._lost = False
        self._told_since_saved = False
        self._saved_at = float("-inf")
        self._asking = asyncio.Lock()
        self._saving = asyncio.Lock()
        self._wake = asyncio.Event()
        self._tender: asyncio.Task[None] | None = None
        self._unlisten: Callable[[], None] | None = None
        self._closing: asyncio.Task[None] | None = None
        self._trouble = ""

    async def next(self) -> Recorded | None:
        """Count the event before as done, and return the next one, as soon as there is one; None once it is closed.

        Raises:
            LogError: the file could not be read, or written.
            UsageError: the subscription is new, and `after` is no position of the log.
        """
        async with self._asking:
            self._begin()
            self._acknowledge()
            return await self._next()

    async def _next(self) -> Recorded | None:
        while not self._closed:
            if self._mine is None:
                await self._take_turn()
            elif self._is_doubted():
                await self._stay()
            elif self._page:
                event = self._page.popleft()
                self._given = event.position
                return event
            else:
                self._wake.clear()
                if not await self._read():
                    if self._told_since_saved and self._is_save_due():
                        await self._save()
                    await self._wake.wait()
        return None

    def _is_doubted(self) -> bool:
        """Whether it stood still for so long that another one may have taken over, and that was not looked at since."""
        self._doubted = self._doubted or not self._lease.is_current()
        return self._doubted

    def _is_save_due(self) -> bool:
        return self._clock.monotonic() >= self._saved_at + FOLLOW_SAVE_SECONDS

    async def done(self) -> None:
        """Count the event that was given last as done, and store that.

        Raises:
            LogError: it could not be stored: the event may be told again.
            SubscriptionHeld: another consumer has taken over: it is told the event again.
        """
        self._acknowledge()
        await self._save(strict=True)
        if self._lost:
            raise SubscriptionHeld(self.name, "another consumer", "this one stood still, and was taken for dead")

    async def close(self) -> None:
        """End it: its place is stored, without the event that was given last, and the next one's turn begins."""
        await asyncio.shield(self._end())

    def abandon(self) -> None:
        """Have it closed soon, by its loop: whoever iterated has stopped; may be called on any thread."""
        loop = self.loop
        self._abandoned = True
        if not self._closed and loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._end)

    async def is_over(self) -> bool:
        """Whether it is closed, or abandoned: then it is closed when this returns."""
        loop = self.loop
        if loop is not None and loop.is_closed():  # its time ran out in the midst of it
            await self._store.stop_worker(self.worker)
            return True
        if not (self._closed or self._abandoned) or loop is not asyncio.get_running_loop():
            return False
        await self.close()
        return True

    def _end(self) -> asyncio.Task[None]:
        """Begin to close, unless that has begun."""
        if self._closing is None:
            self._closed = True
            self._wake.set()
            self._closing = asyncio.get_running_loop().create_task(self._close())
        return self._closing

    async def _close(self) -> None:
        tender, self._tender = self._tender, None
        if tender is not None:
            tender.cancel()
            await asyncio.wait({tender})
        async with self._asking:  # whoever asked is answered
            pass
        if self._unlisten is not None:
            self._unlisten()
        if self._mine is not None:
            await self._save(always=True, release=True)
        await self._lease.give_back()

    def _begin(self) -> None:
        if self._tender is None and not self._closed:
            self._unlisten = self._store.on_commit(self._wake.set)
            self.loop = asyncio.get_running_loop()
            self._tender = self.loop.create_task(self._tend())

    def _acknowledge(self) -> None:
        if self._given is not None:
            self._done, self._given = self._given, None
            self._told_since_saved = True

    async def _take_turn(self) -> None:
        """Become the consumer, once there is no other who is alive."""
        waits = False
        while not self._closed:
            await self._lease.hold()
            found = await self._store.claim_subscription(self.name, self._after, self.worker, self._now())
            if found.worker == self.worker:
                self._mine = found
                self._done = self._read_up_to = found.position
                self._doubted = self._lost = False
                return
            if not waits:
                waits = True
                _LOGGER.warning(
                    "subscription %r: %s is its consumer, this one waits for its end", self.name, found.worker
                )
            while not self._closed:
                self._wake.clear()  # first: what happens while it looks is not to be slept over
                if not await self._lease.is_alive(found.worker) or not await self._is_had(found):
                    break
                await self._wake.wait()

    async def _is_had(self, found: Subscription) -> bool:
        """Whether it still is the worker's who had it."""
        return any(
            other.name == self.name and (other.worker, other.epoch) == (found.worker, found.epoch)
            for other in await self._store.subscriptions()
        )

    async def _read(self) -> bool:
        """Read on; False when there is nothing to tell for now."""
        while True:
            found = await self._store.read_followed(self._read_up_to, self._types, FOLLOW_PAGE_EVENTS)
            if self._mine is None or self._closed:  # another one took over meanwhile: what was read is its
                return True
            for error in found.broken:
                _LOGGER.error(
                    "subscription %r passes over an event that is not what was recorded: %s", self.name, error
                )
            self._read_up_to = found.position
            if found.events:
                self._page.extend(found.events)
                return True
            self._done = found.position
            if found.is_all:
                return False

    async def _save(self, *, always: bool = False, release: bool = False, strict: bool = False) -> None:
        """Store its place; what hinders that is logged, for it is stored later, unless it has to be now."""
        async with self._saving:
            mine = self._mine
            if mine is None or (self._done == mine.position and not always):
                return
            self._told_since_saved = False
            self._saved_at = self._clock.monotonic()
            now = Subscription(mine.name, self._done, mine.epoch, self.worker, self._now())
            try:
                kept = await self._store.save_subscription(now, release=release)
            except LogError as error:
                if strict:
                    raise
                self._complain(f"its place could not be stored, and what was told may be told again: {error}")
                return
            if kept:
                self._mine = now
                self._doubted = False
                self._trouble = ""
                return
        _LOGGER.warning("subscription %r was taken over by another consumer, or removed; this one waits", self.name)
        self._mine = self._given = None
        self._lost = True
        self._page.clear()
        self._wake.set()

    async def _tend(self) -> None:
        version: int | None = None
        woken_at = float("-inf")
        while True:
            await self._pause(WATCH_SECONDS)
            try:
                seen = self._store.version()
                now = self._clock.monotonic()
                if seen != version or now >= woken_at + RECONCILE_SECONDS:
                    version, woken_at = seen, now
                    self._wake.set()
                if self._mine is not None:
                    await self._stay()
            except LogError as error:
                self._complain(str(error))
            except Exception:
                _LOGGER.exception("subscription %r could not be looked after", self.name)

    async def _stay(self) -> None:
        """Remain the consumer, whatever the body of the loop does meanwhile; find out if another one is."""
        if self._is_doubted():
            await self._lease.hold()
            await self._save(always=True, strict=True)
        else:
            await self._lease.renew()
            if self._is_save_due():
                await self._save()

    def _complain(self, trouble: str) -> None:
        """Say it once, as long as it is the same."""
        if trouble != self._trouble:
            self._trouble = trouble
            _LOGGER.warning("subscription %r: %s", self.name, trouble)

    def _now(self) -> str:
        return timestamp(self._clock.now())
