"""One GET, bounded in time, size and redirects, to hosts that are allowed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import SplitResult, urljoin, urlsplit, urlunsplit
from urllib.request import getproxies, proxy_bypass

from flowsm.errors import DataInvalid, ExtraMissing
from flowsm.limits import (
    DATA_MAX_BYTES,
    HTTP_ERROR_EXCERPT_CHARS,
    HTTP_REDIRECTS_MAX,
    HTTP_TIMEOUT_SECONDS,
    HTTP_TOTAL_SECONDS,
    MIB,
)
from flowsm.tasks.builtin.addresses import open_addresses
from flowsm.tasks.builtin.allowed import check_host
from flowsm.tasks.context import Permissions

if TYPE_CHECKING:
    import httpx

__all__ = ["fetch_url", "without_secrets"]

_ASKING: Final = ContextVar("_ASKING", default=False)


def _is_told(_: logging.LogRecord) -> bool:
    """Whether a record of httpx's is let through: it would tell a task's URL as it is, with all that is secret in it."""
    return not _ASKING.get()


logging.getLogger("httpx").addFilter(_is_told)


async def fetch_url(url: str, permissions: Permissions) -> tuple[bytes, str]:
    """The body and the content type that a URL gives; each redirect is asked for anew.

    What is asked is the very address that was looked at; only a proxy of this process's environment finds its own way.

    Raises:
        NotAllowed: the URL, or one that it redirects to, is on a host that is not allowed, or that leads to an address
            of a private network.
        ExtraMissing: httpx is not installed.
        DataInvalid: no such host, no answer in time, a status that is not 2xx, or a body that is too large.
    """
    _check_url(url, url, permissions)
    try:
        import httpx  # noqa: PLC0415 - the extra `http`
    except ImportError as error:
        raise ExtraMissing("fetch_data from a URL", "http") from error
    shown = without_secrets(url)
    _ASKING.set(True)
    try:
        async with asyncio.timeout(HTTP_TOTAL_SECONDS):
            for _ in range(HTTP_REDIRECTS_MAX + 1):
                if httpx.URL(url).host.lower() != urlsplit(url).hostname:  # what was checked is what is asked
                    raise DataInvalid(shown, "", f"the host of {without_secrets(url)!r} can be read in two ways")
                async with _answer(url, shown, permissions) as response:
                    if not response.is_redirect:
                        return await _body(response, shown), response.headers.get("content-type", "")
                    url = _joined(url, response.headers["location"], shown)
                    _check_url(url, shown, permissions)
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
        reason = str(error) or type(error).__name__
        raise DataInvalid(shown, "", f"no answer: {reason}") from error
    finally:
        _ASKING.set(False)
    raise DataInvalid(shown, "", f"more than {HTTP_REDIRECTS_MAX} redirects")


@asynccontextmanager
async def _answer(url: str, source: str, permissions: Permissions) -> AsyncIterator[httpx.Response]:
    """What a host answers: the first of its addresses that takes the connection, asked under the host's own name."""
    import httpx  # noqa: PLC0415 - the extra `http`

    parts = urlsplit(url)
    if _has_proxy(parts):
        async with (
            httpx.AsyncClient(timeout=HTTP_TIMEOUT_SECONDS, follow_redirects=False) as client,
            client.stream("GET", url) as response,
        ):
            yield response
        return
    direct: dict[str, None] = {"http://": None, "https://": None}
    async with httpx.AsyncClient(timeout=HTTP_TIMEOUT_SECONDS, follow_redirects=False, mounts=direct) as client:
        response = await _connected(client, httpx.URL(url), await open_addresses(parts, source, permissions))
        try:
            yield response
        finally:
            await response.aclose()


async def _connected(client: httpx.AsyncClient, url: httpx.URL, addresses: Sequence[str]) -> httpx.Response:
    """The beginning of the answer of the first address that takes the connection."""
    import httpx  # noqa: PLC0415 - the extra `http`

    named: dict[str, Any] = {
        "headers": {"Host": url.netloc.decode("ascii")},
        "extensions": {"sni_hostname": url.raw_host.decode("ascii").rstrip(".")},  # for its certificate, too
    }
    *others, last = addresses
    for address in others:
        with contextlib.suppress(httpx.ConnectError, httpx.ConnectTimeout):
            return await client.send(client.build_request("GET", url.copy_with(host=address), **named), stream=True)
    return await client.send(client.build_request("GET", url.copy_with(host=last), **named), stream=True)


def _has_proxy(url: SplitResult) -> bool:
    """Whether the environment says that this host is asked through a proxy."""
    proxies = getproxies()
    return bool(proxies.get(url.scheme) or proxies.get("all")) and not proxy_bypass(url.hostname or "")


def without_secrets(url: str) -> str:
    """The URL without user and password."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _joined(url: str, location: str, source: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError as error:
        raise DataInvalid(source, "", f"it redirects to {location!r}, which is not a URL: {error}") from error


def _check_url(url: str, source: str, permissions: Permissions) -> None:
    parts = _split(url, source)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise DataInvalid(source, "", f"expected a URL of http or https with a host, found {without_secrets(url)!r}")
    check_host(parts, permissions)


def _split(url: str, source: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise DataInvalid(repr(source), "", f"not a URL: {error}") from error
    return parts


async def _body(response: httpx.Response, source: str) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > DATA_MAX_BYTES:
            raise DataInvalid(source, "", f"larger than {DATA_MAX_BYTES // MIB} MiB")
    if not response.is_success:
        excerpt = " ".join(body[:HTTP_ERROR_EXCERPT_CHARS].decode("utf-8", "replace").split())
        status = f"{response.status_code} {response.reason_phrase}"
        raise DataInvalid(source, "", f"the host answered {status}" + (f": {excerpt}" if excerpt else ""))
    return bytes(body)
