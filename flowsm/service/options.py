"""What the operator of a service decides."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from flowsm.tasks.builtin import BUILTINS

__all__ = ["EVERY", "LOOPBACK_HOSTS", "Role", "ServiceOptions", "hosts_of", "is_loopback"]

Role = Literal["read", "operate"]
"""What a caller may do: look, or look and act."""

EVERY: Final = "*"
"""Whatever it is called: among the task types, or the secrets, that are allowed."""
_EVERYWHERE: Final = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 - to know it, not to listen there
LOOPBACK_HOSTS: Final = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceOptions:
    """Who may ask for what.

    Args:
        token: callers must show it, and may operate then; None lets everybody in who reaches the service.
        read_token: callers that show this one may look.
        hosts: the names under which the service is asked (without ports); `*` for any.
        allow_tasks: the task types that a flow posted to the service may use; `*` for all that are registered.
        allow_flows: the ids of stored flows that it may name as sub-flows, whatever task types these use.
        allow_secrets: the secrets that a flow posted to the service, or imported there, may use; `*` for all.
        allow_import: whether executions may be imported, which may be retried then, whatever their tasks are.
        grace_seconds: what running tasks get when the service is told to stop.
    """

    token: str | None = None
    read_token: str | None = None
    hosts: frozenset[str] = LOOPBACK_HOSTS
    allow_tasks: frozenset[str] = frozenset(BUILTINS)
    allow_flows: frozenset[str] = frozenset()
    allow_secrets: frozenset[str] = frozenset()
    allow_import: bool = False
    grace_seconds: float = 2.0


def is_loopback(host: str) -> bool:
    """Whether an address, or a name, is the machine's own and nobody else's."""
    return host in LOOPBACK_HOSTS or host.startswith("127.")


def hosts_of(host: str, names: Iterable[str] = ()) -> frozenset[str]:
    """The names under which a service is asked that listens at an address; any where it listens at all and none is given."""
    given = frozenset(names)
    if host in _EVERYWHERE and not given:
        return frozenset({"*"})
    return LOOPBACK_HOSTS | {host} | given
