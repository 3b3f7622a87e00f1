"""The verbs of those who want to be told, as `FlowManager` has them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from flowsm.clock import Clock, timestamp
from flowsm.ids import new_worker_id
from flowsm.log.port import Subscription
from flowsm.log.sqlite import SqliteEventLog
from flowsm.runtime.consumer import Consumer
from flowsm.runtime.following import After, Following, checked_after, checked_name, checked_types
from flowsm.runtime.lease import Lease

__all__ = ["TellingVerbs"]


class TellingVerbs:
    """Being told of events: under a name whose place in the log is kept."""

    _log: SqliteEventLog
    _clock: Clock
    _lease_seconds: float
    _consumers: dict[str, Consumer]

    def follow(self, name: str, *, types: Iterable[str] | None = None, after: After = "now") -> Following:
        """The events of the log from where this subscription stands, and on, for `async for`: in order, at least once.

        An event is done when the next one is asked for; how far that is, is kept in the log, over restarts and for all
        processes. Each name has one consumer at a time: another process waits until that one ends, or dies. Events
        that an import brings in are not told, nor those that were archived before they were read.

        Args:
            name: the subscription's: letters, digits, `.`, `_`, `:` and `-`.
            types: only events of these types; all of them by default.
            after: where a subscription begins that is new: `now`, or after a position of the log, 0 for its beginning.

        Raises:
            UsageError: an argument that cannot be used.
            SubscriptionHeld: when it begins, and this manager follows under that name already.
        """
        checked_name(name)
        chosen = checked_types(types)
        position = checked_after(after)

        def new_consumer() -> Consumer:
            worker = new_worker_id()
            lease = Lease(self._log, self._clock, worker, self._lease_seconds)
            return Consumer(self._log, lease, self._clock, worker=worker, name=name, types=chosen, after=position)

        async def begin() -> Subscription:
            return await self._log.begin_subscription(name, position, timestamp(self._clock.now()))

        return Following(name, self._consumers, new_consumer, begin)

    async def subscriptions(self) -> list[Subscription]:
        """All subscriptions, by name, with their places in the log and their consumers."""
        return await self._log.subscriptions()

    async def remove_subscription(self, name: str) -> None:
        """Forget a subscription, and how far it has come.

        Raises:
            SubscriptionNotFound: there is none of that name.
            SubscriptionHeld: somebody follows under that name now.
        """
        await self._log.remove_subscription(name)

    async def stop_telling(self) -> None:
        """End what is followed on the running loop; `close` does it."""
        loop = asyncio.get_running_loop()
        for name, consumer in list(self._consumers.items()):
            if consumer.loop in (loop, None):
                await consumer.close()
                self._consumers.pop(name, None)
