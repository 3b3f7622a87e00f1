"""The options with which a command sets limits."""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

from cyclopts import Parameter

from flowsm.errors import UsageError
from flowsm.runtime.settings import Limits, Rate

__all__ = ["FlowLimits", "TaskLimits", "TaskRates", "limits_of"]

TaskLimits: TypeAlias = Annotated[
    list[str] | None,
    Parameter(name="--limit", help="TYPE=N: at most N tasks of a type run at once, over all processes."),
]
FlowLimits: TypeAlias = Annotated[
    list[str] | None,
    Parameter(name="--limit-flow", help="FLOW=N: at most N executions of a flow, by its id, are advanced at once."),
]
TaskRates: TypeAlias = Annotated[
    list[str] | None,
    Parameter(name="--rate", help="TYPE=N/SECONDS[/BURST]: how often tasks of a type are started, evenly spread."),
]

_RATE_PARTS: Final = (2, 3)


def limits_of(task_types: list[str] | None, flows: list[str] | None, rates: list[str] | None) -> Limits | None:
    """The limits that these options set, None where they set none.

    Raises:
        UsageError: an option that says none.
    """
    limits = Limits(
        flows={name: _count("--limit-flow", text, number) for text, name, number in _pairs("--limit-flow", flows)},
        task_types={name: _count("--limit", text, number) for text, name, number in _pairs("--limit", task_types)},
        rates={name: _rate(text, number) for text, name, number in _pairs("--rate", rates)},
    )
    return limits or None


def _pairs(option: str, texts: list[str] | None) -> list[tuple[str, str, str]]:
    pairs: list[tuple[str, str, str]] = []
    for text in texts or ():
        name, equals, value = text.rpartition("=")
        if not equals or not name:
            raise UsageError(f"{option} is {text!r}, expected NAME=LIMIT")
        if any(name == earlier for _, earlier, _ in pairs):
            raise UsageError(f"{option} names {name!r} twice: give it once")
        pairs.append((text, name, value))
    return pairs


def _count(option: str, text: str, number: str) -> int:
    try:
        return int(number)
    except ValueError:
        raise UsageError(f"{option} is {text!r}, expected NAME=N with a whole number") from None


def _rate(text: str, value: str) -> Rate:
    parts = value.split("/")
    try:
        if len(parts) in _RATE_PARTS:
            return Rate(int(parts[0]), float(parts[1]), *map(int, parts[2:]))
    except ValueError:
        pass
    raise UsageError(f"--rate is {text!r}, expected TYPE=N/SECONDS or TYPE=N/SECONDS/BURST: http=10/60 is 10 a minute")
