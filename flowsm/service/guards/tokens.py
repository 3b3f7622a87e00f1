"""Tokens: who shows which may look, or operate."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from http import HTTPStatus
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from flowsm.service.guards.refusing import header, refuse
from flowsm.service.options import Role, ServiceOptions
from flowsm.service.places import path_in
from flowsm.service.problems import Refusal

__all__ = ["PUBLIC", "TokenGuard"]

PUBLIC: Final = ("/", "/docs", "/redoc", "/openapi.json", "/health", "/health/live", "/health/ready")
"""What anybody may ask for: it says nothing of executions. So do the files below `/page/` and `/assets/`."""
_PUBLIC_BELOW: Final = ("/page/", "/assets/")


class TokenGuard:
    """Notes the caller's role in the scope (`flowsm.role`), or turns them away; who asks for what is public may have none.

    Args:
        app: what is guarded.
        options: the tokens; where there is none, everybody operates.
    """

    def __init__(self, app: ASGIApp, options: ServiceOptions) -> None:
        self._app = app
        tokens: Iterable[tuple[str | None, Role]] = ((options.read_token, "read"), (options.token, "operate"))
        self._tokens = tuple((_digest(token), role) for token, role in tokens if token is not None)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its role, or refuse it with 401."""
        if scope["type"] == "http":
            role: Role | None = self._role(scope) if self._tokens else "operate"
            if role is None and not _is_public(scope):
                refusal = Refusal(
                    HTTPStatus.UNAUTHORIZED,
                    "unauthorized",
                    "expected the header Authorization: Bearer TOKEN, with a token of this service",
                    headers={"WWW-Authenticate": 'Bearer realm="flowsm"'},
                )
                await refuse(refusal, scope, receive, send)
                return
            scope = {**scope, "flowsm.role": role}
        await self._app(scope, receive, send)

    def _role(self, scope: Scope) -> Role | None:
        """The role of the token that was shown; every token is compared, each in constant time."""
        kind, _, shown = (header(scope, b"authorization") or "").partition(" ")
        given = _digest(shown.strip())
        found: Role | None = None
        for digest, role in self._tokens:
            if hmac.compare_digest(digest, given):
                found = role
        return found if kind.lower() == "bearer" else None


def _digest(token: str) -> bytes:
    """Of one length, whatever the token's."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def _is_public(scope: Scope) -> bool:
    path = path_in(scope)
    return scope["method"] in {"GET", "HEAD"} and (path in PUBLIC or path.startswith(_PUBLIC_BELOW))
