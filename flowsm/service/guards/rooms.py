"""How many are served at once: who comes when the service is full is told when to ask again."""

from __future__ import annotations

from collections import Counter
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from flowsm.limits import CALLER_REQUESTS_MAX, CONNECTIONS_MAX, REQUESTS_MAX
from flowsm.service.guards.refusing import refuse
from flowsm.service.places import path_in
from flowsm.service.problems import Refusal

__all__ = ["RoomGuard", "too_many_connections"]

_ALWAYS: Final = "/health/live"
"""A process that is full is alive."""
_CLOSE: Final = {"Connection": "close"}


class RoomGuard:
    """Lets so many requests in at once, and so many of one address, streams and those that wait for an end included.

    Args:
        app: what is guarded.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._inside: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it: with 429 because of its own caller, with 503 because of all."""
        if scope["type"] != "http" or path_in(scope) == _ALWAYS:
            await self._app(scope, receive, send)
            return
        caller = scope["client"][0] if scope.get("client") else ""
        if self._inside.total() >= REQUESTS_MAX:
            await refuse(_full(f"{REQUESTS_MAX:,} requests are being answered"), scope, receive, send)
            return
        if self._inside[caller] >= CALLER_REQUESTS_MAX:
            said = f"{CALLER_REQUESTS_MAX:,} requests from {caller} are being answered; wait for one of them"
            await refuse(Refusal(429, "too_many_requests", said, headers=_CLOSE), scope, receive, send)
            return
        self._inside[caller] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._inside[caller] -= 1
            if not self._inside[caller]:
                del self._inside[caller]


async def too_many_connections(scope: Scope, receive: Receive, send: Send) -> None:
    """What answers a connection that is one too many."""
    if scope["type"] == "http":
        await refuse(_full(f"{CONNECTIONS_MAX:,} connections are open"), scope, receive, send)


def _full(why: str) -> Refusal:
    return Refusal(503, "full", f"the service is full: {why}; ask again later", headers=_CLOSE)
