"""How much may run at once, and how often tasks may be started, over all processes that share a file."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any, Final, NoReturn

import msgspec

from flowsm.definition.waiting import WAITING_TYPES
from flowsm.errors import UsageError
from flowsm.limits import LEASE_MAX_SECONDS, LEASE_MIN_SECONDS, LIMIT_MAX_EXECUTIONS, RATE_MAX_SECONDS

__all__ = ["Limits", "Rate", "check_settings", "limit_key"]

_NONE: Final[Mapping[str, Any]] = MappingProxyType({})


def check_settings(concurrency: int, lease_seconds: float) -> None:
    """Refuse numbers that a manager cannot work with.

    Raises:
        UsageError: one of them.
    """
    if concurrency < 1:
        raise UsageError(f"concurrency is {concurrency}, expected 1 or more")
    if not LEASE_MIN_SECONDS <= lease_seconds <= LEASE_MAX_SECONDS:
        raise UsageError(f"lease_seconds is {lease_seconds}, expected {LEASE_MIN_SECONDS:g} to {LEASE_MAX_SECONDS:g}")


class Rate(msgspec.Struct, frozen=True):
    """At most `count` starts in any `seconds`, evenly spread; after a pause `burst` of them may come at once.

    With a burst above 1 a span of `seconds` may see up to `count + burst - 1` starts.

    Raises:
        UsageError: a number that cannot be one.
    """

    count: int
    seconds: float
    burst: int = 1

    def __post_init__(self) -> None:
        """Check the numbers."""
        _check_count("a rate's count", self.count)
        _check_count("a rate's burst", self.burst)
        if self.burst > self.count:
            raise UsageError(f"a rate's burst is {self.burst}, expected 1 to its count of {self.count}")
        seconds: Any = self.seconds
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds <= RATE_MAX_SECONDS:
            raise UsageError(f"a rate's seconds are {seconds!r}, expected more than 0, up to {RATE_MAX_SECONDS:g}")


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What is limited: kept over all processes whose managers have the same limits. What is not named is not limited.

    Attributes:
        flows: a flow's id to how many of its executions are advanced at once; those that wait do not count.
        task_types: a task type to how many tasks of it run at once.
        rates: a task type to how often tasks of it are started, each attempt counted.

    Raises:
        UsageError: a number that cannot be one, or a limit that could hold nothing back.
    """

    flows: Mapping[str, int] = msgspec.field(default_factory=lambda: _NONE)
    task_types: Mapping[str, int] = msgspec.field(default_factory=lambda: _NONE)
    rates: Mapping[str, Rate] = msgspec.field(default_factory=lambda: _NONE)

    def __post_init__(self) -> None:
        """Check the numbers, and keep copies that nobody changes."""
        for field in self.__struct_fields__:
            if not isinstance(getattr(self, field), Mapping):
                _refuse(f"{field} of Limits", getattr(self, field), "a mapping of names to limits")
        for name, most in self.flows.items():
            _check_name("flow", name)
            _check_count(f"the limit of flow {name!r}", most)
        for name, most in self.task_types.items():
            _check_name("task type", name)
            _check_count(f"the limit of task type {name!r}", most)
            if name in WAITING_TYPES:
                raise UsageError(
                    f"task type {name!r} only waits, and holds no place meanwhile: limit its flow, or its rate"
                )
        for name, rate in self.rates.items():
            _check_name("task type", name)
            if not isinstance(rate, Rate):
                _refuse(f"the rate of task type {name!r}", rate, "a Rate(count, seconds)")
        for field in self.__struct_fields__:
            msgspec.structs.force_setattr(self, field, MappingProxyType(dict(getattr(self, field))))

    def __bool__(self) -> bool:
        """Whether anything is limited."""
        return bool(self.flows or self.task_types or self.rates)

    @property
    def limited_types(self) -> frozenset[str]:
        """The task types that have a limit, or a rate."""
        return frozenset((*self.task_types, *self.rates))

    @property
    def keys(self) -> tuple[str, ...]:
        """The names of all limits, each with its kind; see `limit_key`."""
        kinds = (("flow", self.flows), ("task", self.task_types), ("rate", self.rates))
        return tuple(limit_key(kind, name) for kind, names in kinds for name in names)

    def check_types(self, known: Collection[str]) -> None:
        """See to it that the limited task types are there: a limit of a mistyped name would hold nothing back.

        Raises:
            UsageError: one is not.
        """
        for name in sorted(self.limited_types.difference(known)):
            options = ", ".join(sorted(known))
            raise UsageError(f"a limit names the task type {name!r}, which is not registered; there are: {options}")


def limit_key(kind: str, name: str) -> str:
    """A limit's kind and name as one text."""
    return f"{kind} {name}"


def _check_name(what: str, name: Any) -> None:
    if not isinstance(name, str) or not name:
        _refuse(f"the name of a limited {what}", name, "a text")


def _check_count(what: str, count: Any) -> None:
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= LIMIT_MAX_EXECUTIONS:
        _refuse(what, count, f"a whole number from 1 to {LIMIT_MAX_EXECUTIONS}")


def _refuse(what: str, found: Any, expected: str) -> NoReturn:
    raise UsageError(f"{what} is {found!r}, expected {expected}")
