"""The service as a process: uvicorn, one process, and a stop that ends what waits first."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator

import uvicorn
from fastapi import FastAPI
from uvicorn.config import LOGGING_CONFIG

from flowsm.errors import UsageError
from flowsm.limits import ANSWERS_END_SECONDS, TOKEN_MIN_CHARS
from flowsm.service.options import ServiceOptions, is_loopback
from flowsm.service.protocol import PatientProtocol

__all__ = ["ServiceServer", "listen"]


class ServiceServer:
    """One run of an application at a socket.

    Args:
        app: what `create_app` gave.
        listening: what `listen` gave.
        logs: whether `logging` is set up, and uvicorn's records are to go there, those of requests included.
        root_path: the prefix under which a proxy has the application, and which the proxy takes off.
    """

    def __init__(self, app: FastAPI, listening: socket.socket, *, logs: bool = False, root_path: str = "") -> None:
        self._app = app
        self._listening = listening
        config = uvicorn.Config(
            app,
            lifespan="off",  # it is entered below, so that what goes wrong in it is raised
            log_config=None if logs else LOGGING_CONFIG,
            log_level=None if logs else "warning",
            access_log=logs,
            server_header=False,
            proxy_headers=False,
            root_path=root_path,
            timeout_graceful_shutdown=ANSWERS_END_SECONDS,
            ws="none",
            http=PatientProtocol,
        )
        self._server = _Server(config)

    async def run(self, began: Callable[[], None]) -> None:
        """Serve until `stop` is called; `began` is called once the service can work.

        Raises:
            LogError: it cannot: the log cannot be opened, or be written.
        """
        async with self._app.router.lifespan_context(self._app):
            began()
            await self._server.serve(sockets=[self._listening])

    def stop(self) -> None:
        """Begin to stop; a second time, wait for no answer any more."""
        self._server.force_exit = self._server.should_exit
        self._server.should_exit = True


class _Server(uvicorn.Server):
    """Leaves signals to its caller, and ends what waits and streams before connections are waited for."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop, as soon as the answers that are being written are out."""
        self.config.app.state.desk.stop()  # type: ignore[union-attr]
        await super().shutdown(sockets)


def listen(host: str, port: int, options: ServiceOptions) -> tuple[socket.socket, str]:
    """A socket that listens there, and its URL; port 0 is any that is free.

    Raises:
        UsageError: others could reach it, and no token is asked for, or one that is too short; or it cannot listen there.
    """
    if options.token is None and not is_loopback(host):
        raise UsageError(
            f"--host {host} can be reached from other machines: set FLOWSM_TOKEN, which callers have to show then"
        )
    for name, token in (("FLOWSM_TOKEN", options.token), ("FLOWSM_READ_TOKEN", options.read_token)):
        if token is not None and len(token) < TOKEN_MIN_CHARS:
            raise UsageError(f"{name} has {len(token)} characters, expected {TOKEN_MIN_CHARS} or more, at random")
    if options.read_token is not None and options.token in {None, options.read_token}:
        raise UsageError("FLOWSM_READ_TOKEN is for those who may only look: set another FLOWSM_TOKEN for the others")
    is_v6 = ":" in host
    try:
        made = socket.create_server((host, port), family=socket.AF_INET6 if is_v6 else socket.AF_INET)
    except (OSError, OverflowError) as error:
        raise UsageError(f"cannot listen at {host}, port {port}: {error}; give another --host or --port") from None
    # named as one of TCP: only then asyncio sends at once what an answer's parts are, instead of 40 ms later
    listening = socket.socket(made.family, made.type, socket.IPPROTO_TCP, fileno=made.detach())
    return listening, f"http://{f'[{host}]' if is_v6 else host}:{listening.getsockname()[1]}"
