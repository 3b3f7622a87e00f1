"""What every answer tells a browser: show nothing of others, be shown by nobody, keep nothing unasked."""

from __future__ import annotations

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flowsm.service.guards.hosts import name_in
from flowsm.service.guards.refusing import header
from flowsm.service.options import is_loopback

__all__ = ["CONTENT_SECURITY_POLICY", "HeaderGuard"]

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
)
_HEADERS: Final = {
    b"content-security-policy": CONTENT_SECURITY_POLICY.encode(),
    b"cache-control": b"private, no-cache",
    b"cross-origin-resource-policy": b"same-origin",
    b"referrer-policy": b"no-referrer",
    b"vary": b"Accept, Authorization",
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
}
_OPENER: Final = (b"cross-origin-opener-policy", b"same-origin")
"""Of what a browser trusts alone: elsewhere it is not heeded, but complained of."""


class HeaderGuard:
    """Adds the headers that an answer does not have yet.

    Args:
        app: what is guarded.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and add to the answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        added = [*_HEADERS.items(), *([_OPENER] if _is_trusted(scope) else [])]

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message.setdefault("headers", [])
                known = {name.lower() for name, _ in headers}
                headers.extend(item for item in added if item[0] not in known)
            await send(message)

        await self._app(scope, receive, sending)


def _is_trusted(scope: Scope) -> bool:
    """Whether a browser takes the place that was asked for as one that nobody in between can change."""
    name = name_in(header(scope, b"host") or "")
    is_secure = scope["scheme"] == "https" or header(scope, b"x-forwarded-proto") == "https"
    return is_secure or is_loopback(name) or name.endswith(".localhost")
