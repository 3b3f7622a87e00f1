"""What the service says of itself."""

from __future__ import annotations

from typing import Final

import msgspec
from starlette.responses import Response

from flowsm import __version__
from flowsm.errors import LogError
from flowsm.service.answers import json_answer, text_answer
from flowsm.service.call import Call
from flowsm.service.metrics import METRICS_MEDIA, metrics_text
from flowsm.service.operation import Answer, Area
from flowsm.service.problems import Refusal, said_of
from flowsm.service.static import file_answer, wants_page
from flowsm.service.views import ServiceInfo

__all__ = ["ABOUT", "Health"]

ABOUT: Final = Area("service", "The service itself.")


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """How the service is: `ok`; `worker` is its name among those who share the file."""

    status: str
    version: str
    worker: str


@ABOUT.get(
    "/", answers={200: Answer(about="The endpoints; a browser gets the page.", type=ServiceInfo, also=("text/html",))}
)
async def index(call: Call) -> Response:
    """Say what the service is, and list what can be asked of it."""
    page = file_answer(call.request, "page", "index.html") if wants_page(call.request) else None
    if page is not None:
        return page
    operations = (one for area in call.desk.areas for one in area.operations)
    endpoints = {f"{one.method} {one.path.replace(':path', '')}": one.summary for one in operations}
    role = call.shown_role
    log = call.manager.log_name if role == "operate" else None
    return json_answer(
        ServiceInfo(service="flowsm", version=__version__, status="running", role=role, log=log, endpoints=endpoints)
    )


@ABOUT.get(
    "/page/{file:path}",
    answers={200: Answer(about="The file.", type=bytes, media="*/*", headers=("ETag",))},
    problems=(404,),
    hidden=True,
)
async def page_file(call: Call) -> Response:
    """Serve a file of the page."""
    found = file_answer(call.request, "page", call.path("file"))
    if found is None:
        raise Refusal(404, "no_such_path", f"the page has no file {call.path('file')!r}")
    return found


@ABOUT.get("/health", answers={200: Answer(about="It is well.", type=Health)}, problems=(503,))
async def health(call: Call) -> Response:
    """Say whether the service can work: its log can be read and written."""
    return await _ready(call)


@ABOUT.get("/health/live", answers={200: Answer(about="It is alive.", type=Health)})
async def health_live(call: Call) -> Response:
    """Say that the process is alive and answers."""
    return _well(call)


@ABOUT.get("/health/ready", answers={200: Answer(about="It is ready.", type=Health)}, problems=(503,))
async def health_ready(call: Call) -> Response:
    """Say whether requests should be sent here: the log can be read and written, and the service does not stop."""
    return await _ready(call)


@ABOUT.get(
    "/metrics",
    answers={200: Answer(about="The metrics, in Prometheus' text format.", type=str, media="text/plain")},
    problems=(503,),
)
async def metrics(call: Call) -> Response:
    """Tell a Prometheus server how executions, their attempts, the queues and the log are doing."""
    measures = await call.manager.measures()
    return text_answer(metrics_text(measures, call.desk.streams.open), METRICS_MEDIA)


async def _ready(call: Call) -> Response:
    if call.desk.stopping:
        raise Refusal(503, "stopping", "the service stops")
    try:
        await call.manager.ready()
    except LogError as error:
        raise Refusal(503, "not_ready", f"the log cannot be used: {said_of(error)}") from None
    return _well(call)


def _well(call: Call) -> Response:
    return json_answer(Health(status="ok", version=__version__, worker=call.manager.worker))
