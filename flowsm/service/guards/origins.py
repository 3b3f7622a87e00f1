"""Whose pages may act here: only the service's own. Programs that are no browsers name no origin, and pass."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from flowsm.service.guards.refusing import header, refuse
from flowsm.service.problems import Refusal

__all__ = ["OriginGuard"]

_HARMLESS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN_SITES: Final = frozenset({"same-origin", "none"})


class OriginGuard:
    """Turns away what a page of another origin sends: a browser says so, whatever the page wants.

    Args:
        app: what is guarded.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it with 403."""
        if scope["type"] == "http" and scope["method"] not in _HARMLESS and _is_foreign(scope):
            detail = "a page of another origin may not act here"
            await refuse(Refusal(HTTPStatus.FORBIDDEN, "foreign_origin", detail), scope, receive, send)
            return
        await self._app(scope, receive, send)


def _is_foreign(scope: Scope) -> bool:
    site = header(scope, b"sec-fetch-site")
    if site is not None and site.lower() not in _OWN_SITES:
        return True
    origin = header(scope, b"origin")
    if origin is None:
        return False
    try:
        return urlsplit(origin).netloc.lower() != (header(scope, b"host") or "").lower()
    except ValueError:
        return True
