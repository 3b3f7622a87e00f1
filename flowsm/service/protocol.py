"""The protocol of one connection: who is too slow to say what it wants is let go of, who is one too many is told so."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from flowsm.limits import CONNECTIONS_MAX, HEADERS_SECONDS
from flowsm.service.guards.rooms import too_many_connections

__all__ = ["PatientProtocol"]


class PatientProtocol(H11Protocol):
    """Closes a connection whose request has not said all its headers in time."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for a request."""
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS_MAX:
            self.app = too_many_connections
        self._deadline = self.loop.call_later(HEADERS_SECONDS, self._too_slow)

    def data_received(self, data: bytes) -> None:
        """Take what came; as long as it is no whole request, the time runs that began with its first byte."""
        super().data_received(data)
        asks = self.cycle is not None and not self.cycle.response_complete
        if asks and self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        elif not asks and self._deadline is None:
            self._deadline = self.loop.call_later(HEADERS_SECONDS, self._too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        super().connection_lost(exc)

    def _too_slow(self) -> None:
        self._deadline = None
        if not self.transport.is_closing():
            self.transport.close()
