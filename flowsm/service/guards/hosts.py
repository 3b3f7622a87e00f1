"""Under which names the service is asked: a page elsewhere that has a name point here is turned away."""

from __future__ import annotations

from collections.abc import Collection
from http import HTTPStatus
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from flowsm.service.guards.refusing import header, refuse
from flowsm.service.problems import Refusal

__all__ = ["ANY_HOST", "HostGuard", "name_in"]

ANY_HOST: Final = "*"


class HostGuard:
    """Lets those pass who ask under a name of the service.

    Args:
        app: what is guarded.
        hosts: the names, without ports; `*` for any.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str]) -> None:
        self._app = app
        self._hosts = None if ANY_HOST in hosts else frozenset(host.lower().rstrip(".") for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it with 421."""
        if scope["type"] == "http" and self._hosts is not None:
            given = header(scope, b"host") or ""
            if name_in(given) not in self._hosts:
                names = ", ".join(sorted(self._hosts))
                detail = f"this service is not {given!r}: ask for one of {names}, or let its operator give --name (ServiceOptions.hosts)"
                await refuse(Refusal(HTTPStatus.MISDIRECTED_REQUEST, "wrong_host", detail), scope, receive, send)
                return
        await self._app(scope, receive, send)


def name_in(host: str) -> str:
    """The name, or address, in a Host header: without its port, and the brackets of IPv6."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower().rstrip(".")
