"""Webhook: tells a URL of events, in order, at least once, again and again until each one was taken."""

from __future__ import annotations

import hashlib
import hmac
import logging
from collections.abc import AsyncIterable, Awaitable, Callable, Mapping
from typing import Final
from urllib.parse import quote

import msgspec

from flowsm.errors import FlowsmError
from flowsm.events.envelope import Recorded
from flowsm.limits import WEBHOOK_RETRY_FIRST_SECONDS, WEBHOOK_RETRY_MAX_SECONDS

__all__ = ["EVENT_ID", "EVENT_TYPE", "SIGNATURE", "Webhook", "default_name"]

_LOGGER: Final = logging.getLogger("flowsm.runtime")
EVENT_ID: Final = "Flowsm-Event-Id"
"""`stream/seq`, the stream percent-encoded: the same whenever the event is sent again."""
EVENT_TYPE: Final = "Flowsm-Event-Type"
SIGNATURE: Final = "Flowsm-Signature"
"""`sha256=` and the hex HMAC-SHA256 of the body, when there is a secret."""
_NAME_CHARS: Final = 16

Post = Callable[[bytes, Mapping[str, str]], Awaitable[str | None]]
"""Sends a body with headers; None when it was taken, else why it was not."""


class Webhook:
    """Sends each event as JSON.

    Args:
        shown: the URL, as logs may name it.
        post: sends.
        secret: signs what is sent; nothing is signed when it is empty.
        pause: sleeps for some seconds.
    """

    def __init__(self, shown: str, post: Post, secret: str, pause: Callable[[float], Awaitable[None]]) -> None:
        self._shown = shown
        self._post = post
        self._secret = secret.encode()
        self._pause = pause

    async def deliver(self, events: AsyncIterable[Recorded]) -> None:
        """Send what is followed, whatever hinders it, until this is cancelled or the events end."""
        failures = 0
        while True:
            try:
                async for event in events:
                    await self._send(event)
                    failures = 0
            except FlowsmError as error:
                trouble = str(error)
            except Exception as error:
                trouble = repr(error)
                _LOGGER.exception("webhook %s", self._shown)
            else:
                return
            failures += 1
            seconds = _delay(failures)
            _LOGGER.warning("webhook %s: %s; again in %g s", self._shown, trouble, seconds)
            await self._pause(seconds)

    async def _send(self, event: Recorded) -> None:
        body = msgspec.json.encode(event.as_dict())
        headers = self._headers(event, body)
        failures = 0
        while (trouble := await self._post(body, headers)) is not None:
            failures += 1
            seconds = _delay(failures)
            _LOGGER.warning(
                "webhook %s: event %s (%s) was not taken: %s; again in %g s",
                *(self._shown, headers[EVENT_ID], event.type, trouble, seconds),
            )
            await self._pause(seconds)
        if failures:
            _LOGGER.warning("webhook %s: event %s was taken at last", self._shown, headers[EVENT_ID])

    def _headers(self, event: Recorded, body: bytes) -> dict[str, str]:
        headers = {
            "Content-Type": "application/json",
            EVENT_ID: f"{quote(event.stream, safe=':$')}/{event.seq}",
            EVENT_TYPE: event.type,
        }
        if self._secret:
            headers[SIGNATURE] = f"sha256={hmac.new(self._secret, body, hashlib.sha256).hexdigest()}"
        return headers


def default_name(url: str) -> str:
    """The subscription of a webhook that was given no name: `webhook:` and a digest of its URL."""
    return f"webhook:{hashlib.sha256(url.encode()).hexdigest()[:_NAME_CHARS]}"


def _delay(failures: int) -> float:
    """Seconds until the next try: twice as many each time, up to a bound."""
    return float(min(WEBHOOK_RETRY_MAX_SECONDS, WEBHOOK_RETRY_FIRST_SECONDS * 2 ** min(failures - 1, 30)))
