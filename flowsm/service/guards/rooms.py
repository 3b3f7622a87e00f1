"""How many are served at once: who comes when the service is full is told when to ask again."""

from __future__ import annotations

from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from flowsm.limits import CONNECTIONS_MAX, REQUESTS_MAX
from flowsm.service.guards.refusing import refuse
from flowsm.service.places import path_in
from flowsm.service.problems import Refusal

__all__ = ["RoomGuard", "too_many_connections"]

_ALWAYS: Final = "/health/live"
"""A process that is full is alive."""


class RoomGuard:
    """Lets so many requests in at once, streams and those that wait for an end included.

    Args:
        app: what is guarded.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._inside = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it with 503."""
        if scope["type"] != "http" or path_in(scope) == _ALWAYS:
            await self._app(scope, receive, send)
            return
        if self._inside >= REQUESTS_MAX:
            await refuse(_full(f"{REQUESTS_MAX:,} requests are being answered"), scope, receive, send)
            return
        self._inside += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._inside -= 1


async def too_many_connections(scope: Scope, receive: Receive, send: Send) -> None:
    """What answers a connection that is one too many."""
    if scope["type"] == "http":
        await refuse(_full(f"{CONNECTIONS_MAX:,} connections are open"), scope, receive, send)


def _full(why: str) -> Refusal:
    return Refusal(503, "full", f"the service is full: {why}; ask again later", headers={"Connection": "close"})
