"""The application: routes made of operations, what surrounds them, and how it begins and ends."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from http import HTTPStatus
from typing import Final

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from flowsm import __version__
from flowsm.errors import FlowsmError
from flowsm.manager import FlowManager
from flowsm.service.answers import problem_answer
from flowsm.service.areas import AREAS, OPERATIONS
from flowsm.service.call import Call
from flowsm.service.desk import Desk
from flowsm.service.guards.headers import HeaderGuard
from flowsm.service.guards.hosts import HostGuard
from flowsm.service.guards.origins import OriginGuard
from flowsm.service.guards.rooms import RoomGuard
from flowsm.service.guards.tokens import TokenGuard
from flowsm.service.openapi import openapi
from flowsm.service.operation import Operation
from flowsm.service.options import ServiceOptions
from flowsm.service.places import path_in
from flowsm.service.problems import Refusal, refusal_of

__all__ = ["build_app"]

_LOGGER: Final = logging.getLogger("flowsm.service")


def build_app(manager: FlowManager, options: ServiceOptions | None = None) -> FastAPI:
    """The application; see `flowsm.service.create_app`."""
    desk = Desk(manager, options or ServiceOptions(), AREAS)
    app = FastAPI(
        title="flowsm", version=__version__, lifespan=_living(desk), openapi_url=None, docs_url=None, redoc_url=None
    )
    app.state.desk = desk
    for operation in OPERATIONS:
        app.add_route(operation.path, _endpoint(desk, operation), methods=[operation.method], name=operation.name)
    app.add_exception_handler(HTTPException, _not_routed)
    app.add_middleware(TokenGuard, options=desk.options)  # the last one that is added is asked first
    app.add_middleware(OriginGuard)
    app.add_middleware(HostGuard, hosts=desk.options.hosts)
    app.add_middleware(RoomGuard)
    app.add_middleware(HeaderGuard)
    app.router.redirect_slashes = False
    app.openapi = partial(openapi, AREAS)  # type: ignore[method-assign]
    return app


def _endpoint(desk: Desk, operation: Operation) -> Callable[[Request], Awaitable[Response]]:
    handle, role = operation.handle, operation.role

    async def endpoint(request: Request) -> Response:
        call = Call(desk, request)
        try:
            call.require(role)
            if operation.refuses_queries:
                call.refuse_query("it takes what it is told in its body" if operation.body else "it takes none")
            return await handle(call)
        except Refusal as refused:
            refusal = refused
        except FlowsmError as error:
            refusal = refusal_of(error)
            if refusal.status == HTTPStatus.INTERNAL_SERVER_ERROR:
                _LOGGER.exception("%s %s", request.method, request.url.path)
        except Exception:
            _LOGGER.exception("%s %s", request.method, request.url.path)
            said = "the service failed; its operator finds the reason in its own log"
            refusal = Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", said)
        return problem_answer(refusal, request)

    return endpoint


async def _not_routed(request: Request, error: Exception) -> Response:
    """What no route answers: unknown paths, and methods that a path does not have."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    path = request.url.path
    if status == 405:  # noqa: PLR2004 - HTTP's own number
        allowed = ", ".join(sorted(_methods_of(request)))
        said = f"{request.method} is not possible at {path}; possible: {allowed}"
        return problem_answer(Refusal(405, "method_not_allowed", said, headers={"Allow": allowed}), request)
    return problem_answer(
        Refusal(status, "no_such_path", f"there is nothing at {path}; GET / lists what there is"), request
    )


def _methods_of(request: Request) -> set[str]:
    """The methods of the route with this very path, or of those that it fits."""
    path = path_in(request.scope)
    exact: set[str] = set()
    fitting: set[str] = set()
    for route in request.app.router.routes:
        regex, methods = getattr(route, "path_regex", None), getattr(route, "methods", None) or set()
        if regex is not None and regex.match(path):
            fitting |= methods
            if route.path == path:
                exact |= methods
    return exact or fitting


def _living(desk: Desk) -> Callable[[FastAPI], contextlib.AbstractAsyncContextManager[None]]:
    """Between its start and its end the service drives what is due."""

    @contextlib.asynccontextmanager
    async def living(_: FastAPI) -> AsyncIterator[None]:
        manager, grace = desk.manager, desk.options.grace_seconds
        await manager.ready()
        work = asyncio.ensure_future(manager.work(grace_seconds=grace))
        try:
            yield
        finally:
            desk.stop()
            work.cancel()
            await asyncio.wait({work}, timeout=grace + 1)
            if not work.done():
                work.cancel()  # a second time: whatever does not stop is left behind
                await asyncio.wait({work})
            await manager.close()

    return living
