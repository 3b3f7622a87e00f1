"""A real server on the test's own loop, so that a test can set its limits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from flowsm import FlowManager
from flowsm.service import create_app
from flowsm.service.options import ServiceOptions
from flowsm.service.server import ServiceServer, listen

__all__ = ["exchange", "serving_here"]


@asynccontextmanager
async def serving_here(manager: FlowManager, options: ServiceOptions | None = None) -> AsyncIterator[str]:
    """The URL of a service of this manager, at a port that is free; it is stopped at the end."""
    chosen = options or ServiceOptions()
    listening, url = listen("127.0.0.1", 0, chosen)
    with listening:
        server = ServiceServer(create_app(manager, chosen), listening)
        began = asyncio.Event()
        running = asyncio.ensure_future(server.run(began.set))
        try:
            await asyncio.wait({running, asyncio.ensure_future(began.wait())}, return_when=asyncio.FIRST_COMPLETED)
            yield url
        finally:
            server.stop()
            await running


@asynccontextmanager
async def exchange(url: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection on which anything can be said."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        yield reader, writer
    finally:
        writer.close()
