"""How a guard turns somebody away."""

from __future__ import annotations

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from flowsm.service.answers import problem_answer
from flowsm.service.problems import Refusal

__all__ = ["header", "refuse"]


def header(scope: Scope, name: bytes) -> str | None:
    """The value of a request's header (its name in lower case), None where there is none."""
    for key, value in scope["headers"]:
        if key == name:
            text: str = value.decode("latin-1")
            return text
    return None


async def refuse(refusal: Refusal, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with a problem in place of what was asked for."""
    await problem_answer(refusal, Request(scope))(scope, receive, send)
