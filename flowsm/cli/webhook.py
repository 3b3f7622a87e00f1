"""`flowsm worker --webhook`: whoever is behind a URL is told of events, beside the worker's work."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from typing import Annotated, Final, TypeAlias

from cyclopts import Parameter

from flowsm.cli.output import talk
from flowsm.errors import UsageError
from flowsm.manager import FlowManager
from flowsm.runtime.webhook import Webhook, default_name
from flowsm.tasks.builtin.post import Poster

__all__ = ["SECRET", "WebhookName", "WebhookTypes", "WebhookUrl", "telling"]

SECRET: Final = "FLOWSM_WEBHOOK_SECRET"  # noqa: S105 - the name of the variable
"""The environment variable with which what is sent is signed."""

WebhookUrl: TypeAlias = Annotated[
    str | None, Parameter(name="--webhook", help=f"POST each event as JSON to this URL, signed with ${SECRET}.")
]
WebhookTypes: TypeAlias = Annotated[
    list[str] | None, Parameter(name="--webhook-type", help="Only events of this type; may be given again.")
]
WebhookName: TypeAlias = Annotated[
    str | None, Parameter(name="--webhook-name", help="Its subscription; by default a name made from the URL.")
]


@contextlib.asynccontextmanager
async def telling(
    manager: FlowManager, url: str | None, types: list[str] | None, name: str | None
) -> AsyncIterator[None]:
    """Meanwhile tell the URL, if there is one; what was not taken by the end is sent when it is told again.

    Raises:
        UsageError: a URL, type or name that cannot be used.
        ExtraMissing: httpx is not installed.
    """
    if url is None:
        if types or name:
            raise UsageError("--webhook-type and --webhook-name say what --webhook does: give its URL")
        yield
        return
    poster = Poster(url)
    following = manager.follow(name or default_name(url), types=types)
    webhook = Webhook(poster.shown, poster.post, os.environ.get(SECRET, ""), asyncio.sleep)
    async with poster, following:
        talk(f"flowsm: events go to {poster.shown}, subscription {following.name}")
        work = asyncio.ensure_future(webhook.deliver(following))
        try:
            yield
        finally:
            work.cancel()
            await asyncio.wait({work})
