"""Following: what `async for` goes over; each iteration is a consumer of its own, which ends with it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from types import TracebackType
from typing import Final, Literal, Self

from flowsm.errors import SubscriptionHeld, UsageError
from flowsm.events.envelope import Recorded
from flowsm.events.facts import FACTS
from flowsm.events.system import SYSTEM_FACTS
from flowsm.ids import is_execution_id
from flowsm.limits import SEQ_MAX
from flowsm.runtime.consumer import Consumer
from flowsm.tasks.wording import nearest

__all__ = ["After", "Following", "checked_after", "checked_name", "checked_types"]

After = int | Literal["now"]
"""Where a new subscription begins: after a position of the log (0: at its beginning), or with what comes from now on."""

_TYPES: Final = sorted(fact.TYPE for fact in (*FACTS, *SYSTEM_FACTS))


class Following:
    """The events that a subscription is told of, for `async for`: an event is done when the next one is asked for.

    As a context manager it stores the subscription at once, so that what comes from then on is told. When the loop is
    left, so is the subscription, to whoever waits for it; an event in whose body the loop was left is told again,
    unless `done` was awaited.
    """

    def __init__(
        self,
        name: str,
        consumers: dict[str, Consumer],
        new_consumer: Callable[[], Consumer],
        begin: Callable[[], Awaitable[object]],
    ) -> None:
        """Describe it; nothing is asked of the log yet.

        Args:
            name: the subscription's.
            consumers: those of this manager, by the names of their subscriptions.
            new_consumer: makes one.
            begin: stores the subscription.
        """
        self.name = name
        self._consumers = consumers
        self._new_consumer = new_consumer
        self._begin = begin
        self._consumer: Consumer | None = None

    def __aiter__(self) -> AsyncIterator[Recorded]:
        """Begin, where the subscription stands, at the first event that was not done."""
        return _Turn(self)

    async def __aenter__(self) -> Self:
        await self._begin()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def done(self) -> None:
        """Count the event that was given last as done, before the next one is asked for.

        Raises:
            LogError: that could not be stored: the event may be told again.
            SubscriptionHeld: another consumer has taken over: it is told the event again.
        """
        if self._consumer is not None:
            await self._consumer.done()

    async def aclose(self) -> None:
        """Leave the subscription to whoever comes next; a loop that goes on ends."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.close()
            if self._consumers.get(self.name) is consumer:
                del self._consumers[self.name]

    async def take(self) -> Consumer:
        """A new consumer, the only one of its name in this manager.

        Raises:
            SubscriptionHeld: there is one already.
        """
        while (other := self._consumers.get(self.name)) is not None:
            if not await other.is_over():
                raise SubscriptionHeld(self.name, other.worker, "the same manager, in this process")
            if self._consumers.get(self.name) is other:
                del self._consumers[self.name]
        self._consumer = self._consumers[self.name] = self._new_consumer()
        return self._consumer


class _Turn:
    """One iteration."""

    def __init__(self, following: Following) -> None:
        self._following = following
        self._consumer: Consumer | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Recorded:
        if self._consumer is None:
            self._consumer = await self._following.take()
        event = await self._consumer.next()
        if event is None:
            raise StopAsyncIteration
        return event

    def __del__(self) -> None:
        """The loop was left: nobody will ask for more."""
        if self._consumer is not None:
            self._consumer.abandon()


def checked_name(name: str) -> str:
    """The name of a subscription.

    Raises:
        UsageError: it cannot be one.
    """
    if not is_execution_id(name):
        raise UsageError(
            f"subscription {name!r}: expected 1 to 100 letters, digits, '.', '_', ':' or '-', a letter or digit first"
        )
    return name


def checked_types(types: Iterable[str] | None) -> tuple[str, ...] | None:
    """The types of events, None for all of them.

    Raises:
        UsageError: one that does not exist, or none at all.
    """
    if types is None:
        return None
    if isinstance(types, str):
        raise UsageError(f"types is {types!r}, expected several types of events: [{types!r}]")
    chosen = tuple(dict.fromkeys(types))
    if not chosen:
        raise UsageError("types is empty, expected types of events; leave it out to follow all of them")
    for type_ in chosen:
        if type_ not in _TYPES:
            near = nearest(str(type_), _TYPES)
            hint = f"did you mean {near!r}?" if near else f"there are {', '.join(_TYPES)}"
            raise UsageError(f"no event has the type {type_!r}: {hint}")
    return chosen


def checked_after(after: After) -> int | None:
    """The position after which a new subscription begins, None for the end of the log.

    Raises:
        UsageError: it is no position.
    """
    if after == "now":
        return None
    if isinstance(after, bool) or not isinstance(after, int) or after not in range(SEQ_MAX):
        raise UsageError(f"after is {after!r}, expected 'now', or the position of an event, 0 for the log's beginning")
    return after
