"""POSTs to one URL, bounded in time and in what is read of the answers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit, urlunsplit

from flowsm.errors import ExtraMissing, UsageError
from flowsm.limits import WEBHOOK_ANSWER_MAX_BYTES, WEBHOOK_TIMEOUT_SECONDS

__all__ = ["Poster"]


class Poster:
    """A client for one URL, which keeps its connection from one request to the next.

    Args:
        url: of http or https; user and password in it are sent as Basic authentication.

    Raises:
        UsageError: it is no such URL.
        ExtraMissing: httpx is not installed.
    """

    def __init__(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            is_url = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        except ValueError:
            is_url = False
        if not is_url:
            raise UsageError(f"expected a URL of http or https with a host for the webhook, found {url!r}")
        try:
            import httpx  # noqa: PLC0415 - the extra `http`
        except ImportError as error:
            raise ExtraMissing("a webhook", "http") from error
        self.shown = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment=""))
        """The URL without what may be secret in it."""
        self._url = url
        self._client = httpx.AsyncClient(timeout=WEBHOOK_TIMEOUT_SECONDS, follow_redirects=False)
        self._failures = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, TimeoutError, OSError)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def post(self, body: bytes, headers: Mapping[str, str]) -> str | None:
        """None when the answer is 2xx, else why that was not to be had; a redirect is not followed."""
        try:
            async with (
                asyncio.timeout(WEBHOOK_TIMEOUT_SECONDS),
                self._client.stream("POST", self._url, content=body, headers=dict(headers)) as response,
            ):
                size = 0
                async for chunk in response.aiter_raw():  # to the end, so that the connection can be used again
                    size += len(chunk)
                    if size > WEBHOOK_ANSWER_MAX_BYTES:
                        break
                if response.is_success:
                    return None
                return f"the host answered {response.status_code} {response.reason_phrase}"
        except self._failures as error:
            return f"no answer: {str(error) or type(error).__name__}"
